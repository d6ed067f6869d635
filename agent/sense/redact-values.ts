// Judging one value by its own shape: it leaves only when it can be nothing but a number, an address, a word of a closed
// list, a weights file or a model id.
import { PATH_COMPONENTS, SAFE_WORDS, SECRET_BEGINNINGS, WEIGHTS_ENDINGS, type ValueKind } from './redact-words.ts'

/** A path or id longer than this is something else. */
const MAX_VALUE_CHARS = 1_024
const NUMBER = /^-?[0-9]{1,9}(\.[0-9]{1,6})?$/
const IPV4 = String.raw`(?:[0-9]{1,3}\.){3}[0-9]{1,3}`
/** Numeric addresses and the names of "here"; other host names are somebody's. Several with commas, as --rpc takes them. */
const ADDRESS = new RegExp(
  `^(?:https?://)?(?:${IPV4}|localhost|\\*|::|::1|\\[[0-9a-fA-F:]{2,39}\\])(?::[0-9]{1,5})?(?:,(?:${IPV4}|localhost)(?::[0-9]{1,5})?){0,15}$`,
)
/** `name:tag`, `org/name`, `org/name:Q4_K_M`: the shape of ids at Hugging Face, Ollama and ModelScope. */
const MODEL_ID = /^[A-Za-z0-9][\w.-]{0,95}(\/[A-Za-z0-9][\w.-]{0,95}){0,2}(:[\w.-]{1,64})?$/
/** A file of a public hub, without user, query or fragment. */
const HUB_FILE = /^https:\/\/(huggingface\.co|hf\.co|modelscope\.cn)(\/[\w.-]{1,96}){2,12}$/
const PLAIN_COMPONENT = /^[\w.@+~-]{1,255}$/
/** `3.11.7`, `v22`: which release of a program, as version managers name folders. */
const VERSION = /^v?[0-9]{1,3}(\.[0-9]{1,3}){0,3}$/
const OLLAMA_BLOB = /^sha256-[0-9a-f]{64}$/
/** Roots whose names come from packages, not from people. */
const SYSTEM_ROOTS = [
  '/usr/',
  '/opt/',
  '/snap/',
  '/bin/',
  '/sbin/',
  '/lib/',
  '/lib64/',
  '/nix/store/',
  '/app/',
  '/Applications/',
]
/** First components that every system has. */
const TOP_FOLDERS: ReadonlySet<string> = new Set([
  '.',
  '..',
  '~',
  'home',
  'root',
  'var',
  'srv',
  'mnt',
  'media',
  'tmp',
  'data',
  'Users',
])
/** Long runs without a vowel pattern are keys: a model id of this many characters has separators in it. */
const LONG_RUN = /[A-Za-z0-9]{32,}/

/** The mark that stands for a text: its length in characters, nothing else. */
export function lengthMark(text: string): string {
  return `‹${Array.from(text).length} chars›`
}

/** True for what can stand as a program: one plain name, or a plain path outside of homes. */
export function isProgramName(text: string): boolean {
  if (text.length > MAX_VALUE_CHARS || looksSecret(text)) return false
  if (/^-?[\w.+@-]{1,64}$/.test(text)) return true
  return SYSTEM_ROOTS.some((root) => text.startsWith(root)) && text.split('/').every(isPlainComponent)
}

/** True for a plain number. */
export function isNumber(text: string): boolean {
  return NUMBER.test(text)
}

/** Gives a value back when its shape is safe, else its length. */
export function redactValue(value: string, kind: ValueKind): string {
  return isSafeValue(value, kind) ? value : lengthMark(value)
}

function isSafeValue(value: string, kind: ValueKind): boolean {
  if (value === '' || value.length > MAX_VALUE_CHARS || looksSecret(value)) return false
  switch (kind) {
    case 'none':
    case 'content':
      return false
    case 'number':
    case 'number-or-content':
      return NUMBER.test(value)
    case 'address':
      return ADDRESS.test(value) || /^[0-9]{1,5}$/.test(value)
    case 'word':
      return SAFE_WORDS.has(value)
    case 'model':
      return isModelPath(value) || isModelId(value) || HUB_FILE.test(value)
    case 'module-or-model':
      return isWeightsPath(value)
  }
}

/** A path of plain components. One with spaces may be a sentence that begins with a slash. */
function isModelPath(value: string): boolean {
  if (!/^(\/|~\/|\.{1,2}\/)/.test(value) && !hasWeightsEnding(value)) return false
  return value.split('/').every(isPlainComponent)
}

function isWeightsPath(value: string): boolean {
  const name = value.slice(value.lastIndexOf('/') + 1)
  return (hasWeightsEnding(name) || OLLAMA_BLOB.test(name)) && value.split('/').every(isPlainComponent)
}

function isModelId(value: string): boolean {
  return MODEL_ID.test(value) && !LONG_RUN.test(value)
}

function isPlainComponent(component: string): boolean {
  return component === '' || PLAIN_COMPONENT.test(component)
}

function hasWeightsEnding(name: string): boolean {
  return WEIGHTS_ENDINGS.some((ending) => name.endsWith(ending))
}

function looksSecret(value: string): boolean {
  return (
    SECRET_BEGINNINGS.some((beginning) => value.startsWith(beginning)) || (value.includes('://') && /[@?#]/.test(value))
  )
}

/**
 * An operand that nothing announces: a path keeps the components that projects and packages name; every component that a
 * person named becomes its length, of a weights file the ending stays. Anything that is not plainly a path becomes its length.
 */
export function redactOperandPath(text: string): string {
  if (text.length > MAX_VALUE_CHARS || looksSecret(text) || !isPathLike(text)) return lengthMark(text)
  if (SYSTEM_ROOTS.some((root) => text.startsWith(root))) {
    return text
      .split('/')
      .map((component) => (isPlainComponent(component) ? component : lengthMark(component)))
      .join('/')
  }
  return text.split('/').map(redactComponent).join('/')
}

/** White space makes it a sentence, even one that begins with a slash. */
function isPathLike(text: string): boolean {
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return false
  if (/^(\/|~\/|\.{1,2}\/)/.test(text)) return true
  return hasWeightsEnding(text) || (/\.(py|js|mjs)$/.test(text) && PATH_COMPONENTS.has(text))
}

function redactComponent(component: string, index: number): string {
  if (component === '' || (index <= 1 && TOP_FOLDERS.has(component))) return component
  if (PATH_COMPONENTS.has(component) || OLLAMA_BLOB.test(component) || VERSION.test(component)) return component
  const ending = WEIGHTS_ENDINGS.find((candidate) => component.endsWith(candidate))
  return ending === undefined ? lengthMark(component) : lengthMark(component.slice(0, -ending.length)) + ending
}

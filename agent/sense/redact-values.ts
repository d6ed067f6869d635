// Judging one value by its own shape: it leaves only when it can be nothing but a number, an address, a word of a closed
// list, a weights file or a model id.
import {
  PATH_COMPONENTS,
  RUNTIMES,
  RUNTIME_FOLDERS,
  SAFE_WORDS,
  SECRET_BEGINNINGS,
  STORE_FOLDERS,
  WEIGHTS_ENDINGS,
  type ValueKind,
} from './redact-words.ts'

/** A path or id longer than this is something else. */
const MAX_VALUE_CHARS = 1_024
const NUMBER = /^-?[0-9]{1,9}(\.[0-9]{1,6})?$/
const IPV4 = String.raw`(?:[0-9]{1,3}\.){3}[0-9]{1,3}`
/** Numeric addresses and the names of "here"; other host names are somebody's. Several with commas, as --rpc takes them. */
const ADDRESS = new RegExp(
  `^(?:https?://)?(?:${IPV4}|localhost|\\*|::|::1|\\[[0-9a-fA-F:]{2,39}\\])(?::[0-9]{1,5})?(?:,(?:${IPV4}|localhost)(?::[0-9]{1,5})?){0,15}$`,
)
/** `org/name`, `org/name:Q4_K_M`: the shape of ids at Hugging Face and ModelScope. A single word may be anything. */
const HUB_ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}(:[\w.-]{1,64})?$/
/** A file of a public hub, without user, query or fragment. */
const HUB_FILE = /^https:\/\/(huggingface\.co|hf\.co|modelscope\.cn)(\/[\w.-]{1,96}){2,12}$/
/** One plain word; login shells have a hyphen before theirs. */
const PROGRAM_NAME = /^-?[\w.+@-]{1,64}$/
const PLAIN_COMPONENT = /^[\w.@+~-]{1,255}$/
/** `3.11.7`, `v22`, `python3.11`: which release of a program, as folders of packages and version managers are named. */
const VERSION = /^(v|python-?|pypy-?|node-v)?[0-9]{1,3}(\.[0-9]{1,3}){0,2}$/
const BARE_NUMBER = /^[0-9]+$/
const OLLAMA_BLOB = /^sha256-[0-9a-f]{64}$/
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
  'usr',
  'opt',
  'bin',
  'sbin',
  'lib',
  'lib64',
  'nix',
  'snap',
  'app',
  'Applications',
])
/** Long runs without a vowel pattern are keys: a model id of this many characters has separators in it. */
const LONG_RUN = /[A-Za-z0-9]{32,}/

/** The mark that stands for a text: its length in characters, nothing else. */
export function lengthMark(text: string): string {
  return `‹${Array.from(text).length} chars›`
}

/** True for a plain number. */
export function isNumber(text: string): boolean {
  return NUMBER.test(text)
}

/** Gives a value back when its shape is safe for any program, else its length. */
export function redactValue(value: string, kind: ValueKind): string {
  return isSafeAnywhere(value, kind) ? value : lengthMark(value)
}

/** The same behind a switch of a known runtime, where numbers, addresses and names of models are its settings. */
export function redactRuntimeValue(value: string, kind: ValueKind): string {
  return isSafeAnywhere(value, kind) || isSafeOfRuntime(value, kind) ? value : lengthMark(value)
}

/** True for the path of a program that runs models, or of a script of such a project. */
export function namesRuntime(path: string): boolean {
  const [name = '', ...folders] = path.split('/').reverse()
  return RUNTIMES.has(name.replace(/\.(py|exe)$/, '')) || folders.some((folder) => RUNTIME_FOLDERS.has(folder))
}

function isSafeAnywhere(value: string, kind: ValueKind): boolean {
  if (!isJudged(value)) return false
  if (kind === 'word') return SAFE_WORDS.has(value)
  return (kind === 'model' || kind === 'module-or-model') && isWeightsPath(value)
}

function isSafeOfRuntime(value: string, kind: ValueKind): boolean {
  if (!isJudged(value)) return false
  switch (kind) {
    case 'number':
    case 'number-or-content':
      return NUMBER.test(value)
    case 'address':
      return ADDRESS.test(value) || /^[0-9]{1,5}$/.test(value)
    case 'model':
      return isStorePath(value) || isHubId(value) || HUB_FILE.test(value)
    case 'none':
    case 'content':
    case 'word':
    case 'module-or-model':
      return false
  }
}

function isJudged(value: string): boolean {
  return value !== '' && value.length <= MAX_VALUE_CHARS && !looksSecret(value)
}

/** A path of plain components through a known store. One with spaces may be a sentence that begins with a slash. */
function isStorePath(value: string): boolean {
  const components = value.split('/')
  return (
    /^(\/|~\/)/.test(value) && components.every(isPlainComponent) && components.some((one) => STORE_FOLDERS.has(one))
  )
}

/** `/m/x.gguf`, `https://huggingface.co/org/name/x.gguf`, an Ollama blob. */
function isWeightsPath(value: string): boolean {
  if (HUB_FILE.test(value)) return hasWeightsEnding(value)
  const name = value.slice(value.lastIndexOf('/') + 1)
  return (hasWeightsEnding(name) || OLLAMA_BLOB.test(name)) && value.split('/').every(isPlainComponent)
}

function isHubId(value: string): boolean {
  return HUB_ID.test(value) && !LONG_RUN.test(value)
}

function isPlainComponent(component: string): boolean {
  return component === '' || PLAIN_COMPONENT.test(component)
}

function hasWeightsEnding(name: string): boolean {
  return WEIGHTS_ENDINGS.some((ending) => name.endsWith(ending))
}

function looksSecret(value: string): boolean {
  return (
    value.split('/').some((part) => SECRET_BEGINNINGS.some((beginning) => part.startsWith(beginning))) ||
    (value.includes('://') && /[@?#]/.test(value))
  )
}

/**
 * The program of a line, which every program can rewrite: its name leaves only when `isKnownName` knows it from elsewhere,
 * the folders like those of any path.
 */
export function redactProgram(text: string, isKnownName: (name: string) => boolean): string {
  const name = text.slice(text.lastIndexOf('/') + 1)
  if (text.length > MAX_VALUE_CHARS || looksSecret(text) || !PROGRAM_NAME.test(name)) return lengthMark(text)
  if (!isKnownName(name)) return lengthMark(text)
  return [...text.split('/').slice(0, -1).map(redactComponent), name].join('/')
}

/**
 * An operand that nothing announces: a path keeps the components that projects and packages name; every component that a
 * person named becomes its length, of a weights file the ending stays. Anything that is not plainly a path becomes its length.
 */
export function redactOperandPath(text: string): string {
  if (text.length > MAX_VALUE_CHARS || looksSecret(text) || !isPathLike(text)) return lengthMark(text)
  return text.split('/').map(redactComponent).join('/')
}

/** White space makes it a sentence, even one that begins with a slash. */
function isPathLike(text: string): boolean {
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return false
  if (/^(\/|~\/|\.{1,2}\/)/.test(text)) return true
  return hasWeightsEnding(text) || (/\.(py|js|mjs)$/.test(text) && PATH_COMPONENTS.has(text))
}

function redactComponent(component: string, index: number, all: readonly string[]): string {
  // Whose home it is: a person may be called like a program (`jan`).
  if (index === 2 && (all[1] === 'home' || all[1] === 'Users')) return lengthMark(component)
  if (component === '' || (index <= 1 && TOP_FOLDERS.has(component))) return component
  if (PATH_COMPONENTS.has(component) || OLLAMA_BLOB.test(component) || isVersion(component)) return component
  const ending = WEIGHTS_ENDINGS.find((candidate) => component.endsWith(candidate))
  return ending === undefined ? lengthMark(component) : lengthMark(component.slice(0, -ending.length)) + ending
}

function isVersion(component: string): boolean {
  return VERSION.test(component) && !BARE_NUMBER.test(component)
}

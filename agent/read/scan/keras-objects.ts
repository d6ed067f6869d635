// Objects in a configuration of Keras (keras-team/keras:keras/src/saving/serialization_lib.py, and legacy/saving of Keras 2): what is
// named by `class_name`, from which module it is imported, and the code that a Lambda layer carries. Walked, never built.
//
//   Keras 3   {"module": "keras.layers", "class_name": "Dense", "config": {...}, "registered_name": null}
//             {"module": "os", "class_name": "function", "config": "system"}      {"class_name": "__lambda__", "config": {"code": ...}}
//   Keras 2   {"class_name": "Lambda", "config": {"function": [CODE, defaults, closure], "function_type": "lambda", "module": ...}}
import { readTrouble } from '../cursor.ts'
import { type JsonToken, JsonWalk } from '../json-walk.ts'

/** Names of classes and modules; code in base64 has 2 KB in real models. A longer text is told as what was not looked at (CWE-789). */
const MAX_WORD_BYTES = 4_096
const MAX_CONTENT_BYTES = 4_194_304

/** Keys of an object that names a class, and of the configuration that such a class gets. */
const NAMING: ReadonlySet<string> = new Set(['class_name', 'registered_name', 'spec_name', 'function_type'])
const CONTENT: ReadonlySet<string> = new Set([
  'module',
  'config',
  'function',
  'code',
  'value',
  'vocabulary',
  'node_def',
])
/** Keys under which Keras 2 keeps code as the first of a list. */
const LISTED: ReadonlySet<string> = new Set(['function', 'output_shape', 'mask', 'items'])
const MAX_KEY_BYTES = 256

type Words = ReadonlyMap<string, string>

/** One object of the configuration. */
export interface KerasObject {
  /** Its own words by their keys. */
  readonly words: Words
  /** Those of its `config`. */
  readonly config: Words
  /** Byte at which it begins. */
  readonly at: number
}

interface Frame {
  readonly isObject: boolean
  /** The key under which it stands in the object around it, through lists. */
  readonly under: string
  readonly at: number
  readonly words: Map<string, string>
  config: Words
  key: string
  isFirst: boolean
}

const NOTHING: Words = new Map()

/** Every object with a `class_name`, the innermost first. Throws ReadTrouble for broken grammar and for keys that are there twice. */
export function* findKerasObjects(json: Uint8Array): Generator<KerasObject, void, undefined> {
  const walk = new JsonWalk(json)
  const stack: Frame[] = []
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    const top = stack.at(-1)
    if (token === 'object' || token === 'array') stack.push(openFrame(token, walk, top))
    const isEnd = token === 'end-object' || token === 'end-array'
    if (!isEnd && top !== undefined) takeToken(token, walk, top)
    if (!isEnd || top === undefined) continue
    stack.pop()
    if (top.isObject && top.words.has('class_name')) yield top
    hand(top, stack.at(-1))
  }
}

function openFrame(token: 'object' | 'array', walk: JsonWalk, outer: Frame | undefined): Frame {
  const under = outer === undefined ? '' : outer.isObject ? outer.key : outer.under
  const at = walk.position - 1
  return { isObject: token === 'object', under, at, words: new Map(), config: NOTHING, key: '', isFirst: true }
}

function takeToken(token: JsonToken, walk: JsonWalk, top: Frame): void {
  if (token === 'key') {
    top.key = walk.stop - walk.start > MAX_KEY_BYTES ? '' : walk.text(MAX_KEY_BYTES)
    return
  }
  if (token === 'string') takeText(walk, top)
  top.isFirst = false
}

function takeText(walk: JsonWalk, top: Frame): void {
  if (top.isObject) {
    const { key, words } = top
    const isNaming = NAMING.has(key)
    if (!isNaming && !CONTENT.has(key) && !key.endsWith('_type')) return
    // Readers differ in which of two equal keys they believe (CWE-694).
    if (words.has(key)) throw readTrouble('GNO_READ_INVALID', `${key} is there twice before byte ${walk.position}`)
    words.set(key, walk.text(CONTENT.has(key) ? MAX_CONTENT_BYTES : MAX_WORD_BYTES))
  } else if (top.isFirst && LISTED.has(top.under)) top.words.set('0', walk.text(MAX_CONTENT_BYTES))
}

/** What the object around one may ask for once it has ended: the words of its configuration, and the first text of a list. */
function hand(inner: Frame, outer: Frame | undefined): void {
  if (outer === undefined || !outer.isObject) return
  if (inner.isObject && outer.key === 'config') outer.config = inner.words
  const first = inner.words.get(inner.isObject ? 'items[0]' : '0')
  // Keras 2 writes a tuple as an object around a list.
  if (first !== undefined) outer.words.set(`${outer.key}[0]`, first)
}

/** Keys of a configuration that hold code: by a list whose kind is `lambda`, or by Keras 3's own object. */
export function codeOf({ words, config }: KerasObject): readonly string[] {
  const found: string[] = []
  if (words.get('class_name') === '__lambda__') {
    found.push(config.get('code') ?? config.get('value') ?? words.get('config') ?? '')
  }
  for (const [key, text] of config) {
    if (!key.endsWith('[0]')) continue
    const stem = key.slice(0, -'[0]'.length)
    const isCode = config.get(`${stem}_type`) === 'lambda' || (stem === 'function' && !config.has('function_type'))
    if (isCode) found.push(text)
  }
  // A kind without a text beside it: the code stands where no version of Keras writes it.
  if (config.get('function_type') === 'lambda' && found.length === 0) found.push(config.get('function') ?? '')
  return found
}

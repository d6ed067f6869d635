// Small configurations as a tree of Maps. Names from a file never become properties of an object (CWE-1321).
import { readTrouble } from './cursor.ts'
import { type JsonToken, JsonWalk } from './json-walk.ts'

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | ReadonlyMap<string, JsonValue>

/** config.json has under 1,000 values; quantization maps up to 20,000. Each empty object costs 200 bytes (CWE-770). */
const MAX_VALUES = 40_000
const MAX_TEXT_BYTES = 1_048_576

interface Open {
  readonly list: JsonValue[]
  readonly map: Map<string, JsonValue> | null
  key: string
}

/** Parses a whole text. Throws ReadTrouble for broken grammar, doubled keys, and more values than a configuration has. */
export function parseJsonTree(bytes: Uint8Array): JsonValue {
  const walk = new JsonWalk(bytes)
  const stack: Open[] = [{ list: [], map: null, key: '' }]
  let count = 0
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    count += 1
    if (count > MAX_VALUES) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_VALUES} JSON values`)
    const top = stack.at(-1)
    if (top === undefined) break
    takeToken(token, walk, top, stack)
  }
  return stack[0]?.list[0] ?? null
}

function takeToken(token: JsonToken, walk: JsonWalk, top: Open, stack: Open[]): void {
  switch (token) {
    case 'object':
      stack.push({ list: [], map: new Map(), key: '' })
      return
    case 'array':
      stack.push({ list: [], map: null, key: '' })
      return
    case 'end-object':
    case 'end-array': {
      stack.pop()
      const below = stack.at(-1)
      if (below !== undefined) put(below, top.map ?? top.list)
      return
    }
    case 'key':
      top.key = walk.text(MAX_TEXT_BYTES)
      if (top.map?.has(top.key) === true) throw readTrouble('GNO_READ_INVALID', 'a JSON key is there twice')
      return
    case 'string':
      put(top, walk.text(MAX_TEXT_BYTES))
      return
    case 'number':
      put(top, walk.number())
      return
    case 'true':
    case 'false':
      put(top, token === 'true')
      return
    case 'null':
      put(top, null)
      return
    case 'end':
      return
  }
}

function put(open: Open, value: JsonValue): void {
  if (open.map === null) open.list.push(value)
  else open.map.set(open.key, value)
}

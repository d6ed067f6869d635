// The outermost keys of a JSON text, as far as the first bytes of a file show them: enough to tell side files of models apart.
import { troubleOf } from './cursor.ts'
import { JsonWalk } from './json-walk.ts'
import type { Look } from './look.ts'

/** Keys of the files that are told apart are short; a longer one belongs to another file. */
const MAX_KEY_BYTES = 128
const MAX_KEYS = 256
const OPENING = 0x7b

/** Recognitions of several readers ask about the same file. */
const known = new WeakMap<Look, ReadonlySet<string>>()

/** The keys, in order; none for what is no JSON object. Reads nothing beyond the head. */
export function topKeys(look: Look): ReadonlySet<string> {
  const told = known.get(look)
  if (told !== undefined) return told
  const keys = new Set<string>()
  known.set(look, keys)
  const first = look.head.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
  if (first !== OPENING) return keys
  try {
    collect(new JsonWalk(look.head), keys)
  } catch (error) {
    // The head ends somewhere inside the text: what was seen before counts.
    if (troubleOf(error) === undefined) throw error
  }
  return keys
}

function collect(walk: JsonWalk, keys: Set<string>): void {
  walk.next()
  for (let token = walk.next(); token === 'key' && keys.size < MAX_KEYS; token = walk.next()) {
    keys.add(walk.text(MAX_KEY_BYTES))
    walk.skip(walk.next())
  }
}

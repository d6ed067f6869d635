// Whether a file is a pickle at all, judged by walking into it: protocols 2 to 5 begin with two bytes, 0 and 1 with nothing.
import { Cursor, memoryBytes } from './cursor.ts'
import { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { joblibArrays } from './numpy-arrays.ts'
import { mayStartUnmarked } from './pickle-start.ts'
import { calleeName } from './pickle-values.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'

/** Enough for the names of nearly every pickle; what is larger is judged by what was seen (CWE-400). */
const MARKED_BUDGET = { bytes: 8_388_608, steps: 262_144 }
/** Any text could begin like protocol 0: what does not walk on for long is dropped after a few bytes. */
const UNMARKED_BUDGET = { bytes: 1_048_576, steps: 65_536 }
const PROTO = 0x80
/** Fewer opcodes prove nothing. */
const MIN_OPCODES = 3
/** A broken stream is still a pickle after so many. */
const MIN_BROKEN_OPCODES = 8
/** Protocols 0 and 1 put every container and text into the memo. */
const MIN_UNFINISHED_MEMOS = 16
/** Modules whose names, alone in front of a stream that breaks off, are no accident. */
const TELLING: ReadonlySet<string> = new Set(
  '__builtin__ _codecs builtins collections copy_reg copyreg nt os posix subprocess sys'.split(' '),
)
const NAME = /^[A-Za-z_][\w.]*$/

const glances = new WeakMap<Look, { readonly walk: PickleWalk | null }>()

/** The walk over the file's first pickle, as far as a glance goes; null when it is none. */
export function glancePickle(look: Look): PickleWalk | null {
  // Nearly every file ends here, and is not worth remembering.
  if (look.head[0] !== PROTO && !mayStartUnmarked(look)) return null
  const known = glances.get(look)
  if (known !== undefined) return known.walk
  const walk = glance(look)
  glances.set(look, { walk })
  return walk
}

function glance(look: Look): PickleWalk | null {
  const [first = 0, version = 0] = look.head
  if (first === PROTO && version >= 2 && version <= 5) return glanceAt(new Cursor(look.source, MARKED_BUDGET), 'marked')
  if (!mayStartUnmarked(look)) return null
  // Nearly every file breaks off in its first bytes, which are already here.
  const inHead = glanceUnmarked(new Cursor(memoryBytes(look.head), UNMARKED_BUDGET), look.sizeBytes)
  if (!inHead.isCut || look.head.length === look.sizeBytes) return inHead.walk
  return glanceUnmarked(new Cursor(look.source, UNMARKED_BUDGET), look.sizeBytes).walk
}

/** Judges the pickle that begins under a cursor; the cursor's own budget bounds it. */
export function glanceAt(cursor: Cursor, how: 'marked' | 'unmarked'): PickleWalk | null {
  if (how === 'unmarked') return glanceUnmarked(cursor, cursor.size).walk
  const { walk, isBroken } = walkFirst(cursor)
  return isMarkedPickle(walk, isBroken) ? walk : null
}

/** `isCut`: the bytes under the cursor ended before the pickle did. */
function glanceUnmarked(
  cursor: Cursor,
  sizeBytes: number,
): { readonly walk: PickleWalk | null; readonly isCut: boolean } {
  const { walk, isBroken, isCut } = walkFirst(cursor)
  return { walk: isUnmarkedPickle(walk, sizeBytes, isBroken) ? walk : null, isCut }
}

interface FirstWalk {
  readonly walk: PickleWalk
  readonly isBroken: boolean
  readonly isCut: boolean
}

function walkFirst(cursor: Cursor): FirstWalk {
  const gaps = new GapList('')
  const nested: PickleWalk[] = []
  const walk = walkPickle(
    cursor,
    gaps,
    joblibArrays(gaps, (inner) => nested.push(inner)),
  )
  const codes = gaps.list().map(({ code }) => code)
  return { walk, isBroken: codes.includes('GNO_READ_INVALID'), isCut: codes.includes('GNO_READ_TRUNCATED') }
}

function isMarkedPickle(walk: PickleWalk, isBroken: boolean): boolean {
  return walk.opcodeCount >= (isBroken && !hasCall(walk) ? MIN_BROKEN_OPCODES : MIN_OPCODES)
}

function isUnmarkedPickle(walk: PickleWalk, sizeBytes: number, isBroken: boolean): boolean {
  if (hasCall(walk)) return true
  const isTold = walk.globals.some(({ module, name }) => TELLING.has(module) && NAME.test(name))
  if (isTold && !isBroken && walk.opcodeCount >= MIN_OPCODES) return true
  if (walk.isComplete) return walk.memoCount > 0 && walk.stoppedAt === sizeBytes
  return !isBroken && walk.memoCount >= MIN_UNFINISHED_MEMOS
}

/** A call of something with a name that Python could import. */
function hasCall({ calls }: PickleWalk): boolean {
  return calls.some((call) => NAME.test(calleeName(call) ?? ''))
}

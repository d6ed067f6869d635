// Tells what unpickling would import and call: bare pickles, several in one file, those of torch.save before 1.6, and joblib's with
// raw arrays between the opcodes. Containers hand their pickles over through `scanNested`.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import { valueOf } from '../pickle-values.ts'
import { walkPickle } from '../pickle-walk.ts'
import { placeStorages } from '../pytorch-legacy.ts'
import { startsLegacy } from '../torch-magic.ts'
import { type Packing, packingOf, unpackHead } from '../unpack-head.ts'
import { type FoundPickle, huntPickles, noFindings, openHidden, tryPickle } from './find-pickles.ts'
import { listOpcodes } from './list-opcodes.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { type Findings, type WatchedWalk, watchPickle } from './watch-pickle.ts'

/** A log of pickles has one a record (CWE-400). */
const MAX_PICKLES = 65_536
/** Magic number, protocol, system, object and storage keys of torch.save before 1.6. */
const LEGACY_PICKLES = 5
/** What is unpacked in memory: our own decoders take up to 300 ms for a megabyte (CWE-409). */
const MAX_UNPACKED_BYTES = 16_777_216
const MAX_SLOW_BYTES = 1_048_576
const SLOW: ReadonlySet<Packing> = new Set(['bz2', 'xz', 'lzma'])
const PROTO = 0x80
/** Walked a second time for the lines around an action (CWE-400). */
const MAX_LISTED_AT = 1_048_576
/** Filling at the end of a file. */
const FILLING = /^[\0\s]*$/
const MAX_FILLING_BYTES = 4_096
const ENDINGS = /\.(?:pkl|pickle|p|pck|pcl|dill|cpkl|joblib|pt|pth|bin|ckpt|model|sav|dat)$/i
const EARLY_PICKLE = /\x80[\x02-\x05][\x80-\x98()\]}cCIJKLMNSTUVXBGFi]|c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n/
const EARLY_BYTES = 4_096

/** The scanner of pickles. */
export const scanPickle: Scanner = {
  id: 'pickle',
  formats: ['pickle', 'joblib', 'pytorch-legacy'],
  looksAt,
  scan,
}

/** Files that no reader knows, where a pickle lies behind junk. */
function looksAt({ format, look }: { readonly format: string | null; readonly look: Look }): boolean {
  if (format !== null) return false
  return ENDINGS.test(look.name) || EARLY_PICKLE.test(look.head.toString('latin1', 0, EARLY_BYTES))
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const { format, look } = context
  if (format === 'joblib' && packingOf(look.head) !== null) {
    await scanPacked(cursor, report, gaps, context)
    return
  }
  const round: Round = { cursor, report, gaps, context, findings: noFindings() }
  try {
    if (format === null) await hunt(round, 0)
    else if (startsLegacy(look.head)) await scanLegacy(round)
    else await scanStream(round)
  } finally {
    await tellFindings(round, round.findings)
    report.illustrate((offsets) => listFrom(cursor, offsets))
  }
}

/** The opcodes around the first bytes of what was told; a place far into a large file is not walked to again. */
function listFrom(cursor: Cursor, offsets: readonly number[]): ReadonlyMap<number, readonly string[]> {
  cursor.seek(0)
  return listOpcodes(
    cursor,
    offsets.filter((offset) => offset < MAX_LISTED_AT),
  )
}

/** joblib's packed dumps, as far as they may be unpacked. */
async function scanPacked(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const packing = packingOf(context.look.head)
  if (packing === null) return
  const packed = cursor.copy(Math.min(cursor.size, MAX_UNPACKED_BYTES))
  const unpacked = unpackHead(packed, packing, SLOW.has(packing) ? MAX_SLOW_BYTES : MAX_UNPACKED_BYTES)
  if (unpacked === null || unpacked.end !== 'whole' || packed.length < cursor.size) {
    gaps.note('GNO_READ_SKIPPED', `scan: not all of the ${packing} content was unpacked`)
    report.break()
  }
  if (unpacked === null) return
  const scanned = await context.scanNested(cursor.over(unpacked.bytes), context.look.name.replace(/\.[^.]*$/, ''), gaps)
  // Packed bytes that are no pickle were taken for one by their beginning.
  if (scanned === null) report.break()
  else report.adopt(scanned, 'unpacked')
}

interface Round {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
  readonly findings: Findings
}

/** Pickle after pickle, up to the end or to something else. */
async function scanStream(round: Round): Promise<void> {
  const { cursor, report, gaps } = round
  for (let count = 0; cursor.remaining > 0; count += 1) {
    if (count === MAX_PICKLES) {
      gaps.note('GNO_READ_LIMIT', `more than ${MAX_PICKLES} pickles in one file`)
      report.break()
      return
    }
    const startedAt = cursor.position
    const watched = watchPickle(cursor, round.findings, true)
    await lookAgain(round, watched)
    if (!watched.walk.isComplete) {
      tellBreak(round, watched)
      await hunt(round, startedAt + 1)
      return
    }
    if (cursor.remaining > 0 && !startsPickle(cursor)) {
      await scanRest(round, cursor.position)
      return
    }
  }
}

/**
 * Only joblib leaps over raw bytes: another program unpickles them as opcodes. Where it reads pickles of objects only, that program
 * takes other memos for theirs: names that nobody wrote come out, of which only known ones tell something.
 */
async function lookAgain(round: Round, watched: WatchedWalk): Promise<void> {
  const { cursor, report } = round
  const { walk, leapedAt, nestedAt, isWhole } = watched
  if (!isWhole) report.break()
  noteLost(round, watched)
  const from = leapedAt ?? nestedAt
  if (from === null) return
  const back = cursor.position
  const findings = noFindings()
  cursor.seek(walk.startedAt)
  noteLost(round, watchPickle(cursor, findings, false))
  cursor.seek(back)
  if (!findings.names.callsBehind(from)) return
  if (leapedAt !== null) {
    tellStream(report, 'hidden-pickle', leapedAt, 'opcodes among the bytes of an array')
    await tellFindings(round, findings)
    return
  }
  for (const action of findings.names.actions()) report.tell({ ...action, facts: { ...action.facts, isMisread: true } })
}

/** A walk that had no room or no step left says less than the pickle does. */
function noteLost({ report, gaps }: Round, { walk, isSpent }: WatchedWalk): void {
  if (!isSpent) return
  gaps.note('GNO_READ_BUDGET', `scan: the pickle at byte ${walk.startedAt} makes more work than is done`)
  report.break()
}

function tellBreak({ report, gaps }: Round, { walk, trouble }: WatchedWalk): void {
  report.break()
  if (trouble?.code === 'GNO_READ_BUDGET' || trouble?.code === 'GNO_READ_LIMIT') gaps.note(trouble.code, trouble.detail)
  const name = walk.callCount > 0 ? 'break-after-call' : 'stream-break'
  tellStream(report, name, walk.stoppedAt, trouble?.detail ?? 'the stream breaks off', { calls: walk.callCount })
}

async function scanLegacy(round: Round): Promise<void> {
  const { cursor, report, gaps } = round
  const starts: number[] = []
  for (let index = 0; index < LEGACY_PICKLES; index += 1) {
    starts.push(cursor.position)
    const watched = watchPickle(cursor, round.findings, false)
    noteLost(round, watched)
    if (watched.walk.isComplete) continue
    tellBreak(round, watched)
    await hunt(round, watched.walk.startedAt + 1)
    return
  }
  const end = gaps.attempt(() => storagesEnd(cursor, starts, gaps))
  if (end === undefined) {
    report.break()
    await hunt(round, cursor.position)
  }
}

/** Behind the storages, whose sizes the pickles tell. Throws where they and the file disagree. */
function storagesEnd(cursor: Cursor, starts: readonly number[], gaps: GapList): number {
  const back = cursor.position
  const [, , system, object, keys] = starts.map((at) => {
    cursor.seek(at)
    return walkPickle(cursor, gaps)
  })
  cursor.seek(back)
  const isLittleEndian = valueOf(system?.value, 'little_endian') !== false
  if (object === undefined) return back
  placeStorages(cursor, { isLittleEndian, keys: keys?.value, object, places: new Map() })
  return cursor.position
}

/** What follows the last pickle and begins like none: an archive, a pickle behind junk, or just bytes. */
async function scanRest(round: Round, at: number): Promise<void> {
  const { cursor, report, gaps, context } = round
  const start = Buffer.from(cursor.copy(Math.min(cursor.remaining, MAX_FILLING_BYTES))).toString('latin1')
  if (cursor.remaining === 0 && FILLING.test(start)) return
  tellStream(report, 'bytes-behind', at, `${cursor.size - at} bytes behind the end of the pickle`)
  const inner = cursor.within(at, cursor.size - at)
  if (start.startsWith('PK')) {
    const scanned = await context.scanNested(inner, `${context.look.name} behind byte ${at}`, gaps)
    if (scanned !== null) report.adopt(scanned, `byte ${at}`)
  }
  await hunt(round, at)
}

function startsPickle(cursor: Cursor): boolean {
  const at = cursor.position
  const first = cursor.uint8()
  const isMarked = first === PROTO && cursor.remaining > 0 && cursor.uint8() <= 5
  cursor.seek(at)
  if (isMarked) return true
  const found = tryPickle(cursor, at)
  cursor.seek(at)
  return found !== null
}

async function hunt(round: Round, from: number): Promise<void> {
  const { cursor, report, gaps } = round
  const { found, isWhole } = huntPickles(cursor, from)
  if (!isWhole) {
    gaps.note('GNO_READ_BUDGET', 'not all bytes were searched for hidden pickles')
    report.break()
  }
  for (const pickle of found) await adopt(round, pickle)
}

async function adopt(round: Round, { at, findings }: FoundPickle): Promise<void> {
  tellStream(round.report, 'hidden-pickle', at, `a pickle at byte ${at} that no end of another one leads to`)
  await tellFindings(round, findings)
}

async function tellFindings(
  { cursor, report, gaps, context }: Round,
  { names, stream, hidden }: Findings,
): Promise<void> {
  for (const action of names.actions()) report.tell(action)
  for (const action of stream) report.tell(action)
  const { nested, isWhole } = openHidden(cursor, hidden)
  if (!isWhole) {
    gaps.note('GNO_READ_BUDGET', 'scan: not all pickles that are kept as data were walked')
    report.break()
  }
  for (const { at, how, findings } of nested) {
    tellStream(report, 'nested-pickle', at, `a pickle kept as ${how}`, { how })
    const actions = [...findings.names.actions(), ...findings.stream]
    report.adopt({ isWhole: true, actions }, `${how} at byte ${at}`)
  }
  for (const { at, size } of hidden.filter(({ isFile }) => isFile)) {
    const scanned = await context.scanNested(cursor.within(at, size), `bytes at ${at}`, gaps)
    if (scanned === null) report.break()
    else report.adopt(scanned, `bytes at ${at}`)
  }
}

function tellStream(
  report: LoadReport,
  name: string,
  at: number,
  shown: string,
  facts?: Record<string, string | number>,
): void {
  report.tell({ kind: 'pickle-stream', name, at, shown, ...(facts === undefined ? {} : { facts }) })
}

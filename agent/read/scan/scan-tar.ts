// Tells what lies in tar archives: PyTorch's first checkpoints, and any other that carries something that acts. Names that climb out
// and links are told, those in the headers of pax and GNU as well.
import { type Cursor, readTrouble } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import { walkPickle } from '../pickle-walk.ts'
import { globalName, itemsOf } from '../pickle-values.ts'
import { type TarMember, readTar } from '../tar.ts'
import { torchType } from '../torch-types.ts'
import { NameWatch } from './archive-names.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { FIRST_BYTES, LOADED_NAME, isStartling } from './startling-bytes.ts'

/** Members that are handed on (CWE-400). */
const MAX_HANDED = 1_024
/** Pickles between the numbers of one member: one a storage or tensor. */
const MAX_PICKLES = 4_096
const BLOCK_BYTES = 512
const LINK_NAME_AT = 157
const LINK_NAME_BYTES = 100
/** Long names of GNU and pax. */
const MAX_LONG_NAME_BYTES = 65_536
const MAX_RANK = 64
/** Zeros behind the last member: tar fills blocks of 10 KiB, and tapes more (CWE-400). */
const MAX_FILLING_BYTES = 67_108_864
const FILE_TYPES = '07'
const LINK_TYPES = '12'
const DEVICE_TYPES = '346'
/** Headers that give the next member its name: pax and GNU. */
const LONG_NAME_TYPES = 'xgLK'

/** The scanner of tar archives. NeMo's has one of its own. */
export const scanTar: Scanner = {
  id: 'tar',
  formats: ['pytorch-tar'],
  looksAt: ({ format, look }) => format === null && isTar(look),
  scan,
}

function isTar(look: Look): boolean {
  return look.text(BLOCK_BYTES / 2 + 1, 5) === 'ustar'
}

interface Round {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
  readonly names: NameWatch
  handed: number
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const members: TarMember[] = []
  if (gaps.attempt(() => readTar(cursor, members)) === undefined) report.break()
  const round: Round = { cursor, report, gaps, context, names: new NameWatch(report), handed: 0 }
  for (const member of members) {
    seeNames(round, member)
    if (!FILE_TYPES.includes(member.type) || member.sizeBytes > cursor.size - member.dataAt) continue
    await scanMember(round, member)
  }
  const last = members.at(-1)
  if (last !== undefined) await scanBehind(round, last)
}

function seeNames(round: Round, { name, type, dataAt, sizeBytes }: TarMember): void {
  const { cursor, names, report } = round
  if (LONG_NAME_TYPES.includes(type)) seeLongNames(round, { name, type, dataAt, sizeBytes })
  else if (FILE_TYPES.includes(type)) names.see(name, dataAt)
  else if (LINK_TYPES.includes(type)) {
    const room = new Uint8Array(LINK_NAME_BYTES)
    cursor.source.read(dataAt - BLOCK_BYTES + LINK_NAME_AT, room)
    names.seeLink(name, Buffer.from(room).toString('utf8').replace(/\0.*$/s, ''), dataAt)
  } else if (DEVICE_TYPES.includes(type)) report.tell({ kind: 'archive', name: 'device', shown: name, at: dataAt })
}

function seeLongNames({ cursor, names }: Round, { name, type, dataAt, sizeBytes }: TarMember): void {
  for (const long of longNames(cursor, dataAt, Math.min(sizeBytes, cursor.size - dataAt), type)) {
    if (long.isLink) names.seeLink(name, long.name, dataAt)
    else names.see(long.name, dataAt)
  }
}

/** Names in the records `27 path=…` of pax, or in the whole content of GNU's. */
function longNames(
  cursor: Cursor,
  at: number,
  size: number,
  type: string,
): readonly { readonly name: string; readonly isLink: boolean }[] {
  const room = new Uint8Array(Math.min(size, MAX_LONG_NAME_BYTES))
  const text = Buffer.from(room.buffer, 0, cursor.source.read(at, room)).toString('utf8')
  if (type === 'L' || type === 'K') return [{ name: text.replace(/\0+$/, ''), isLink: type === 'K' }]
  return [...text.matchAll(/^\d{1,10} (path|linkpath)=([^\n]*)$/gm)].map(([, key, name = '']) => {
    return { name, isLink: key === 'linkpath' }
  })
}

async function scanMember(round: Round, member: TarMember): Promise<void> {
  const { cursor, context, report, gaps } = round
  const name = member.name.replace(/^\.\//, '')
  const inner = cursor.within(member.dataAt, member.sizeBytes)
  if (context.format === 'pytorch-tar' && (name === 'storages' || name === 'tensors')) {
    await scanPickles(round, inner, name)
    return
  }
  const room = Buffer.alloc(Math.min(FIRST_BYTES, member.sizeBytes))
  const head = room.subarray(0, cursor.source.read(member.dataAt, room))
  const isLoaded = isStartling(head) || LOADED_NAME.test(name)
  if (round.handed >= MAX_HANDED) {
    if (!isLoaded) return
    gaps.note('GNO_READ_LIMIT', `scan: more than ${MAX_HANDED} members`)
    report.break()
    return
  }
  round.handed += 1
  await handOn(round, inner, { member: name, name: name.split('/').at(-1) ?? name })
}

interface Named {
  readonly member: string
  readonly name: string
}

async function handOn({ context, report, gaps }: Round, inner: Cursor, { member, name }: Named): Promise<void> {
  const scanned = await context.scanNested(inner, name, gaps)
  if (scanned !== null) report.adopt(scanned, member)
}

/** A count, then for each storage or tensor a pickle and numbers; behind storages their views. */
async function scanPickles(round: Round, inner: Cursor, member: 'storages' | 'tensors'): Promise<void> {
  const walked = new GapList('')
  const count = await scanPickle(round, inner, member, walked)
  if (typeof count !== 'number' || count > MAX_PICKLES) throw readTrouble('GNO_READ_LIMIT', `${member} without a count`)
  for (let index = 0; index < count; index += 1) {
    const value = await scanPickle(round, inner, member, walked)
    if (member === 'tensors') skipTensor(inner)
    else skipStorage(inner, value)
  }
  if (inner.remaining > 0) {
    await handOn(round, inner.within(inner.position, inner.remaining), { member, name: 'views.pkl' })
  }
}

/** A count of numbers, and the numbers. */
function skipStorage(inner: Cursor, value: Value): void {
  const [, , storageClass] = itemsOf(value) ?? []
  const type = torchType(globalName(storageClass))
  if (type === null) throw readTrouble('GNO_READ_INVALID', 'a storage of no known class')
  inner.skip(Number(inner.uint64()) * type.bytes)
}

/** Rank, then as many sizes and strides, and an offset. */
function skipTensor(inner: Cursor): void {
  const rank = inner.uint32()
  if (rank > MAX_RANK) throw readTrouble('GNO_READ_LIMIT', `a tensor of ${rank} dimensions`)
  inner.skip(4 + rank * 16 + 8)
}

type Value = ReturnType<typeof walkPickle>['value']

async function scanPickle(round: Round, inner: Cursor, member: string, walked: GapList): Promise<Value> {
  const start = inner.position
  const { value, isComplete } = walkPickle(inner, walked)
  const end = isComplete ? inner.position : inner.size
  await handOn(round, inner.within(start, end - start), { member: `${member}/byte ${start}`, name: 'entry.pkl' })
  if (!isComplete) throw readTrouble('GNO_READ_INVALID', `${member} breaks off at byte ${start}`)
  inner.seek(end)
  return value
}

/** Behind the last member lie zeros, and nothing else. */
async function scanBehind(round: Round, last: TarMember): Promise<void> {
  const { cursor, report } = round
  const at = last.dataAt + Math.ceil(last.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES
  let place = at
  const room = Buffer.alloc(65_536)
  while (place < cursor.size && place - at < MAX_FILLING_BYTES) {
    cursor.step(64)
    const bytes = room.subarray(0, cursor.source.read(place, room))
    const found = bytes.findIndex((byte) => byte !== 0)
    if (found >= 0) {
      place += found
      break
    }
    place += Math.max(1, bytes.length)
  }
  if (place >= cursor.size) return
  const size = cursor.size - place
  report.tell({
    kind: 'archive',
    name: 'bytes-behind',
    at: place,
    shown: `${size} bytes behind the archive`,
    facts: { format: 'tar', bytes: size },
  })
  await handOn(round, cursor.within(place, size), { member: `byte ${place}`, name: 'behind.pkl' })
}

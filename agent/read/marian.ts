// Marian's translation models, as Firefox and Bergamot carry them (marian-nmt/marian-dev:src/common/binary.cpp, version 1): arrays
// in an .npz, or items in a file of their own. Little-endian.
//
//   uint64 1 | uint64 items | items x (uint64 name length, type, rank, bytes) | names | int32 dimensions | uint64 gap | gap | data
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { isMarian, readNpz } from './npz-arrays.ts'
import type { FormatReader, Hyperparameters, WeightsPart } from './weights.ts'

const HEAD_BYTES = 16
const ITEM_BYTES = 32
/** Real models have under 1,000 items (CWE-789). */
const MAX_ITEMS = 65_536
/** `decoder_l6_context_Wo_QuantMultA` is among the longest. */
const MAX_NAME_BYTES = 256
const MAX_RANK = 16
/** The gap brings the data to a multiple of 256. */
const MAX_GAP_BYTES = 4_096
const CONFIGURATION = 'special:model.yml'
/** The configuration is under 4 KB (CWE-789). */
const MAX_CONFIGURATION_BYTES = 65_536
const SIZE_MASK = 0xff
const PACKED_CLASSES = 0xf800
const CLASSES: ReadonlyMap<number, string> = new Map([
  [0x01, 'I'],
  [0x02, 'U'],
  [0x04, 'F'],
])

/** The reader of Marian's models. */
export const marian: FormatReader = {
  id: 'marian',
  endings: ['.bin', '.npz'],
  certainty: 'magic',
  firstBytes: '\u0001P',
  recognise,
  read,
}

function isArchive(look: Look): boolean {
  return look.text(0, 2) === 'PK'
}

function recognise(look: Look): boolean {
  if (isArchive(look)) return isMarian(look.zip())
  const { head: bytes, sizeBytes } = look
  if (bytes.length < HEAD_BYTES + ITEM_BYTES) return false
  const count = bytes.readBigUInt64LE(8)
  if (bytes.readBigUInt64LE(0) !== 1n || count < 1n || count > BigInt(MAX_ITEMS)) return false
  const namesAt = HEAD_BYTES + Number(count) * ITEM_BYTES
  const [nameBytes, type, rank, dataBytes] = [16, 24, 32, 40].map((at) => bytes.readBigUInt64LE(at))
  if (nameBytes === undefined || type === undefined || rank === undefined || dataBytes === undefined) return false
  const isSane = nameBytes >= 2n && nameBytes <= BigInt(MAX_NAME_BYTES) && rank >= 1n && rank <= BigInt(MAX_RANK)
  if (!isSane || type > 0xffffn || nameType(Number(type)) === null || dataBytes > BigInt(sizeBytes)) return false
  const name = look.text(namesAt, Number(nameBytes))
  return /^[A-Za-z][\w:.-]*\0$/.test(name)
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly table: TensorTable
  hyperparameters: Hyperparameters
}

function read(cursor: Cursor, gaps: GapList, { look }: { readonly look: Look }): WeightsPart {
  const draft: Draft = { facts: new Map(), table: new TensorTable(cursor.size), hyperparameters: {} }
  gaps.attempt(() => (isArchive(look) ? readArchive(cursor, draft, gaps) : readItems(cursor, draft, gaps)))
  return {
    isModel: true,
    formatVersion: isArchive(look) ? null : '1',
    facts: draft.facts,
    kind: 'other',
    claims: {},
    hyperparameters: draft.hyperparameters,
    tensors: draft.table.tensors,
    headerBytes: draft.table.headerBytes,
  }
}

function readArchive(cursor: Cursor, draft: Draft, gaps: GapList): void {
  const arrays = readNpz(cursor, draft.table, gaps)
  draft.facts.set('memberCount', arrays.length)
  const place = draft.table.tensors.find(({ name }) => name === CONFIGURATION)
  if (place !== undefined) readConfiguration(cursor, { at: place.offset, size: place.bytes ?? 0 }, draft)
}

interface Item {
  readonly nameBytes: number
  readonly typeId: number
  readonly rank: number
  readonly bytes: number
}

function readItems(cursor: Cursor, draft: Draft, gaps: GapList): void {
  const version = cursor.uint64()
  if (version !== 1n) throw readTrouble('GNO_READ_INVALID', `Marian has no format ${version}`)
  const count = narrow(cursor.uint64(), MAX_ITEMS, 'items')
  draft.facts.set('items', count)
  // A count beyond its own records is a lie (CWE-789).
  cursor.need(count * ITEM_BYTES)
  const items = Array.from({ length: count }, () => readItem(cursor))
  const names = items.map(({ nameBytes }) => Buffer.from(cursor.view(nameBytes)).toString('utf8').replace(/\0$/, ''))
  const shapes = items.map(({ rank }) => Array.from({ length: rank }, () => cursor.int32()))
  cursor.skip(narrow(cursor.uint64(), MAX_GAP_BYTES, 'bytes of gap'))
  let at = cursor.position
  const seen = new Set<string>()
  for (const [index, { typeId, bytes }] of items.entries()) {
    const name = names[index] ?? ''
    if (seen.has(name)) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
    seen.add(name)
    const tensor = { name, shape: shapes[index] ?? [], offset: at, bytes }
    gaps.attempt(() => layOut(tensor, typeId, draft.table))
    if (name === CONFIGURATION) gaps.attempt(() => readConfiguration(cursor, { at: tensor.offset, size: bytes }, draft))
    at += bytes
  }
  if (at < cursor.size) gaps.blame('GNO_READ_INVALID', `${cursor.size - at} bytes follow the last item`)
}

function readItem(cursor: Cursor): Item {
  cursor.step()
  const nameBytes = narrow(cursor.uint64(), MAX_NAME_BYTES, 'bytes of name')
  const typeId = narrow(cursor.uint64(), 0xffff, 'as a type')
  const rank = narrow(cursor.uint64(), MAX_RANK, 'dimensions')
  return { nameBytes, typeId, rank, bytes: narrow(cursor.uint64(), Number.MAX_SAFE_INTEGER, 'bytes of data') }
}

function narrow(value: bigint, limit: number, what: string): number {
  if (value > BigInt(limit)) throw readTrouble('GNO_READ_LIMIT', `${value} ${what}, limit ${limit}`)
  return Number(value)
}

function layOut(
  tensor: { readonly name: string; readonly shape: readonly number[]; readonly offset: number; readonly bytes: number },
  typeId: number,
  table: TensorTable,
): void {
  const type = nameType(typeId)
  if (type === null) throw readTrouble('GNO_READ_INVALID', `${quoted(tensor.name)} has the unknown type ${typeId}`)
  // Matrices for intgemm carry a multiplier and padding beside their numbers.
  table.add({ ...tensor, type, isPacked: (typeId & PACKED_CLASSES) !== 0 })
}

/** `F32` of 0x0404: the class of numbers in the upper byte, their size in the lower one; packed kinds have further bits. */
function nameType(typeId: number): string | null {
  const size = typeId & SIZE_MASK
  const kind = CLASSES.get((typeId >> 8) & 0x07)
  if (kind === undefined && (typeId & PACKED_CLASSES) === 0) return null
  if (size !== 1 && size !== 2 && size !== 4 && size !== 8) return null
  return `${kind ?? 'I'}${size * 8}`
}

/** The few lines that describe the network; the rest is about training. */
function readConfiguration(cursor: Cursor, place: { readonly at: number; readonly size: number }, draft: Draft): void {
  const inner = cursor.within(place.at, place.size)
  const text = Buffer.from(inner.copy(Math.min(inner.size, MAX_CONFIGURATION_BYTES))).toString('utf8')
  cursor.step(1 + text.length)
  const values = new Map(text.split('\n').flatMap((line) => matchLine(line)))
  const version = values.get('version')
  if (version !== undefined) draft.facts.set('marianVersion', version.slice(0, 128))
  const kind = values.get('type')
  if (kind !== undefined) draft.facts.set('modelType', kind.slice(0, 64))
  const number = (key: string): number | undefined => {
    const value = Number(values.get(key))
    return Number.isSafeInteger(value) && value > 0 ? value : undefined
  }
  const numbers = {
    layers: number('enc-depth'),
    embeddingWidth: number('dim-emb'),
    attentionHeads: number('transformer-heads'),
    feedForwardWidth: number('transformer-dim-ffn'),
  }
  draft.hyperparameters = {
    architecture: 'marian',
    ...Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
  }
}

function matchLine(line: string): readonly (readonly [string, string])[] {
  const match = /^([a-z][a-z-]{0,63}): ([^#]{1,256})$/.exec(line.replace(/\0+$/, ''))
  const [, key, value] = match ?? []
  return key === undefined || value === undefined ? [] : [[key, value.trim()]]
}

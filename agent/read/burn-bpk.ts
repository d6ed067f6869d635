// Burn's weight packs (tracel-ai/burn:crates/burn-store/src/burnpack, format version 1):
//
//   "NRUB" | uint16 version | uint32 metadata bytes | CBOR metadata | [padding to 256] | data
//   metadata: {"tensors": {name: {"dtype", "shape", "data_offsets": [begin, end], "param_id"}}, "metadata": {text: text}}
import { CBOR_MAP, CBOR_TEXT, cborHead, cborNumbers, cborText, skipCbor } from './cbor-walk.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { MAX_LAID_OUT, MAX_RANK, TensorTable } from './laid-out.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const MAGIC = 'NRUB'
const HEADER_BYTES = 10
const MAX_VERSION = 16
/** A hundred bytes a tensor: 65,536 tensors take 7 MB (CWE-789). */
const MAX_METADATA_BYTES = 16_777_216
const MAX_NAME_BYTES = 1_024
const MAX_WORD_BYTES = 64
const MAX_VALUE_BYTES = 4_096
/** Parts of the metadata, of which there are two, and free entries that become facts (CWE-770). */
const MAX_ENTRIES = 32
const MAX_FACT_CHARS = 512
/** Since version 0.20 the data begins at such a multiple, before right behind the metadata. */
const ALIGNMENT = 256

/** Burn's words that differ from those of safetensors. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['Bool', 'BOOL'],
  ['Flex32', 'F32'],
])

/** The reader of Burn's packs. */
export const burnBpk: FormatReader = {
  id: 'burn-bpk',
  endings: ['.bpk'],
  certainty: 'magic',
  firstBytes: 'N',
  recognise: ({ head: bytes }) => {
    if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) return false
    const version = bytes.readUInt16LE(MAGIC.length)
    return version >= 1 && version <= MAX_VERSION
  },
  read,
}

interface PackedTensor {
  readonly name: string
  readonly type: string
  readonly isPacked: boolean
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly declared: PackedTensor[]
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const draft: Draft = { facts: new Map(), declared: [] }
  const table = new TensorTable(cursor.size)
  const metadataEnd = gaps.attempt(() => {
    if (Buffer.from(cursor.view(MAGIC.length)).toString('latin1') !== MAGIC) {
      throw readTrouble('GNO_READ_INVALID', 'the file does not begin with the magic word of Burn')
    }
    draft.facts.set('magic', MAGIC)
    draft.facts.set('version', cursor.uint16())
    const bytes = cursor.uint32()
    if (bytes > MAX_METADATA_BYTES) throw readTrouble('GNO_READ_LIMIT', `metadata of ${bytes} bytes`)
    return HEADER_BYTES + bytes
  })
  const headerBytes = Math.min(metadataEnd ?? 0, cursor.size)
  const isWhole = gaps.attempt(() => {
    if (metadataEnd !== undefined) readMetadata(cursor, metadataEnd, draft, gaps)
    return metadataEnd !== undefined
  })
  layOut(draft.declared, { headerBytes, fileSize: cursor.size, isWhole: isWhole === true }, table, gaps)
  const version = draft.facts.get('version')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: draft.facts,
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes,
  }
}

function readMetadata(cursor: Cursor, end: number, draft: Draft, gaps: GapList): void {
  if (end > cursor.size) {
    throw readTrouble('GNO_READ_TRUNCATED', `metadata ends at byte ${end}, file has ${cursor.size}`)
  }
  const seen = new Set<string>()
  for (let left = readMapCount(cursor); left > 0; left -= 1) {
    const key = cborText(cursor, cborHead(cursor), MAX_WORD_BYTES)
    if (seen.has(key)) throw readTrouble('GNO_READ_INVALID', `${quoted(key)} is there twice`)
    if (seen.size === MAX_ENTRIES) throw readTrouble('GNO_READ_LIMIT', `metadata of more than ${MAX_ENTRIES} parts`)
    seen.add(key)
    if (key === 'tensors') readTensors(cursor, draft, gaps)
    else if (key === 'metadata') readEntries(cursor, draft)
    else skipCbor(cursor, cborHead(cursor))
  }
  if (cursor.position !== end) gaps.blame('GNO_READ_INVALID', `metadata ends at byte ${cursor.position}, not at ${end}`)
}

function readMapCount(cursor: Cursor): number {
  const { major, value } = cborHead(cursor)
  if (major !== CBOR_MAP) throw readTrouble('GNO_READ_INVALID', `no CBOR map before byte ${cursor.position}`)
  // Even the smallest entry takes two bytes: a count beyond that is a lie (CWE-789).
  cursor.need(value * 2)
  return value
}

function readTensors(cursor: Cursor, draft: Draft, gaps: GapList): void {
  const count = readMapCount(cursor)
  draft.facts.set('tensorCount', count)
  if (count > MAX_LAID_OUT) throw readTrouble('GNO_READ_LIMIT', `${count} tensors, limit ${MAX_LAID_OUT}`)
  const names = new Set<string>()
  for (let index = 0; index < count; index += 1) {
    const name = cborText(cursor, cborHead(cursor), MAX_NAME_BYTES)
    if (names.has(name)) gaps.blame('GNO_READ_INVALID', `tensor ${quoted(name)} is there twice`)
    names.add(name)
    draft.declared.push(readTensor(cursor, name))
  }
}

function readTensor(cursor: Cursor, name: string): PackedTensor {
  let type = ''
  let isPacked = false
  let shape: readonly number[] | undefined
  let offsets: readonly number[] = []
  for (let left = readMapCount(cursor); left > 0; left -= 1) {
    const key = cborText(cursor, cborHead(cursor), MAX_WORD_BYTES)
    if (key === 'shape') shape = cborNumbers(cursor, MAX_RANK)
    else if (key === 'data_offsets') offsets = cborNumbers(cursor, 2)
    else if (key === 'dtype') ({ type, isPacked } = readType(cursor))
    else skipCbor(cursor, cborHead(cursor))
  }
  const [begin, end] = offsets
  if (shape === undefined || type === '' || begin === undefined || end === undefined || begin > end) {
    throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} lacks a type, a shape or a place`)
  }
  return { name, type: TYPES.get(type) ?? type, isPacked, shape, begin, end }
}

/** A word; or, where the numbers are quantized, a map of how. */
function readType(cursor: Cursor): Pick<PackedTensor, 'type' | 'isPacked'> {
  const head = cborHead(cursor)
  if (head.major === CBOR_TEXT) return { type: cborText(cursor, head, MAX_WORD_BYTES), isPacked: false }
  skipCbor(cursor, head)
  return { type: 'QFloat', isPacked: true }
}

/** Free words of whoever saved the file. */
function readEntries(cursor: Cursor, draft: Draft): void {
  for (let left = readMapCount(cursor); left > 0; left -= 1) {
    const key = cborText(cursor, cborHead(cursor), MAX_NAME_BYTES)
    const head = cborHead(cursor)
    if (head.major !== CBOR_TEXT || head.value > MAX_VALUE_BYTES || draft.facts.size > MAX_ENTRIES) {
      skipCbor(cursor, head)
      continue
    }
    const value = cborText(cursor, head, MAX_VALUE_BYTES).slice(0, MAX_FACT_CHARS)
    if (/^\w{1,40}$/.test(key)) draft.facts.set(`metadata.${key}`, value)
  }
}

interface DataPlace {
  readonly headerBytes: number
  readonly fileSize: number
  /** False when the metadata broke off: then bytes of no tensor prove nothing. */
  readonly isWhole: boolean
}

function layOut(
  declared: readonly PackedTensor[],
  { headerBytes, fileSize, isWhole }: DataPlace,
  table: TensorTable,
  gaps: GapList,
): void {
  let last = 0
  for (const { end } of declared) last = Math.max(last, end)
  const aligned = Math.ceil(headerBytes / ALIGNMENT) * ALIGNMENT
  const start = aligned + last <= fileSize ? aligned : headerBytes
  for (const { name, type, isPacked, shape, begin, end } of declared) {
    gaps.attempt(() => table.add({ name, type, isPacked, shape, offset: start + begin, bytes: end - begin }))
  }
  table.checkOverlap(gaps)
  const rest = fileSize - start - last
  if (isWhole && table.tensors.length === declared.length && rest >= ALIGNMENT) {
    gaps.blame('GNO_READ_INVALID', `${rest} bytes follow the last tensor`)
  }
}

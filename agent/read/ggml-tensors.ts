// The parts that ggml's files before GGUF share: vocabularies and tensors in line, without a table (ggerganov/ggml:examples/*).
//
//   token:  uint32 length | bytes | [float32 score]
//   tensor: int32 n_dims | int32 name length | int32 type | n_dims x int32, innermost first | name | [padding to 32] | data
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { TENSOR_TYPES } from './gguf-types.ts'
import type { TensorTable } from './laid-out.ts'

/** GGML_MAX_DIMS: more would overrun the array of every ggml program (CWE-787). */
const MAX_DIMS = 4
/** llama.cpp's names are under 64, rwkv.cpp's under 128 (CWE-770). */
const MAX_NAME_BYTES = 256
/** Tokens are under 1 KB in every public vocabulary (CWE-770). */
const MAX_TOKEN_BYTES = 16_384
/** The largest public vocabulary has 262,208 tokens (CWE-770). */
export const MAX_TOKENS = 1_048_576
/** Bytes of a tensor's record before its dimensions. */
const RECORD_BYTES = 12
const INT32_BYTES = 4

/** Elements and bytes of a block. */
interface Block {
  readonly elements: number
  readonly bytes: number
}

/** Before May 2023 scales were 32-bit floats (llama.cpp pull 1508), and two types existed that are gone now. */
const OLD_BLOCKS: ReadonlyMap<string, Block> = new Map([
  ['Q4_0', { elements: 32, bytes: 20 }],
  ['Q4_1', { elements: 32, bytes: 24 }],
  ['Q4_2', { elements: 16, bytes: 10 }],
  ['Q4_3', { elements: 16, bytes: 12 }],
  ['Q8_0', { elements: 32, bytes: 36 }],
])

/** How one kind of file writes its tensors. */
export interface TensorStyle {
  /** Data begins at multiples of this. */
  readonly alignment: 1 | 32
  /** True where quantized blocks have 32-bit scales. */
  readonly isOld: boolean
  /** Type number -> name, where they are not ggml's own. */
  readonly typeNames?: ReadonlyMap<number, string>
}

interface TensorRecord {
  readonly name: string
  readonly typeId: number
  /** Innermost first. */
  readonly dims: readonly number[]
}

/** Walks tensors up to the end of the file; those before trouble are kept in the table. */
export function walkTensors(cursor: Cursor, style: TensorStyle, table: TensorTable, gaps: GapList): void {
  const names = new Set<string>()
  while (cursor.remaining > 0) {
    cursor.step()
    const record = readRecord(cursor)
    const { name } = record
    if (names.has(name)) gaps.blame('GNO_READ_INVALID', `tensor ${quoted(name)} is there twice`)
    names.add(name)
    if (style.alignment > 1) cursor.seek(Math.min(cursor.size, roundUp(cursor.position, style.alignment)))
    const { type, bytes } = sizeTensor(record, style)
    const offset = cursor.position
    if (bytes > cursor.remaining) {
      const detail = `tensor ${quoted(name)} needs ${bytes} bytes at byte ${offset}, file has ${cursor.size}`
      throw readTrouble('GNO_READ_TRUNCATED', detail)
    }
    table.add({ name, type, shape: [...record.dims].reverse(), offset, bytes })
    cursor.leap(offset + bytes)
  }
}

/** True when a tensor's record begins at the cursor; the cursor is left anywhere. */
export function beginsTensor(cursor: Cursor): boolean {
  if (cursor.remaining < RECORD_BYTES) return false
  const dimCount = cursor.uint32()
  const nameBytes = cursor.uint32()
  const typeId = cursor.uint32()
  if (dimCount < 1 || dimCount > MAX_DIMS || nameBytes < 1 || nameBytes > MAX_NAME_BYTES) return false
  if (!TENSOR_TYPES.has(typeId) || cursor.remaining < dimCount * INT32_BYTES + nameBytes) return false
  cursor.skip(dimCount * INT32_BYTES)
  return cursor.view(nameBytes).every((byte) => byte >= 0x20 && byte < 0x7f)
}

function readRecord(cursor: Cursor): TensorRecord {
  const at = cursor.position
  const dimCount = cursor.int32()
  const nameBytes = cursor.int32()
  const typeId = cursor.int32()
  if (dimCount < 0 || dimCount > MAX_DIMS) {
    throw readTrouble('GNO_READ_LIMIT', `a tensor of ${dimCount} dimensions at byte ${at}, limit ${MAX_DIMS}`)
  }
  if (nameBytes < 0 || nameBytes > MAX_NAME_BYTES) {
    throw readTrouble('GNO_READ_LIMIT', `a tensor name of ${nameBytes} bytes at byte ${at}, limit ${MAX_NAME_BYTES}`)
  }
  const dims = Array.from({ length: dimCount }, () => cursor.int32())
  const name = Buffer.from(cursor.view(nameBytes)).toString('utf8')
  return { name, typeId, dims }
}

function sizeTensor(record: TensorRecord, style: TensorStyle): { readonly type: string; readonly bytes: number } {
  const { typeId, dims } = record
  const name = quoted(record.name)
  const type = style.typeNames === undefined ? TENSOR_TYPES.get(typeId)?.name : style.typeNames.get(typeId)
  if (type === undefined) throw readTrouble('GNO_READ_INVALID', `tensor ${name} has the unknown type ${typeId}`)
  const block = findBlock(type, style)
  if (block === null) throw readTrouble('GNO_READ_INVALID', `tensor ${name} has the type ${type} of no known size`)
  let elements = 1n
  for (const dim of dims) {
    if (dim <= 0) throw readTrouble('GNO_READ_INVALID', `tensor ${name} has a dimension of ${dim}`)
    // Four 31-bit numbers wrap every machine integer: compared at full width (CWE-190).
    elements *= BigInt(dim)
  }
  if ((dims[0] ?? 1) % block.elements !== 0) {
    throw readTrouble(
      'GNO_READ_INVALID',
      `rows of ${dims[0]} in tensor ${name} do not fill blocks of ${block.elements}`,
    )
  }
  const bytes = (elements / BigInt(block.elements)) * BigInt(block.bytes)
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER)) throw readTrouble('GNO_READ_LIMIT', `tensor ${name} of ${bytes} bytes`)
  return { type, bytes: Number(bytes) }
}

function findBlock(type: string, { isOld }: TensorStyle): Block | null {
  const old = OLD_BLOCKS.get(type)
  if (isOld && old !== undefined) return old
  for (const known of TENSOR_TYPES.values()) if (known.name === type) return known.block
  return null
}

function roundUp(position: number, multiple: number): number {
  return Math.ceil(position / multiple) * multiple
}

/** Passes over a vocabulary and says how long its longest token is. Throws ReadTrouble when it does not fit. */
export function skipVocabulary(cursor: Cursor, count: number, style: { readonly hasScores: boolean }): number {
  if (count < 0 || count > MAX_TOKENS) throw readTrouble('GNO_READ_LIMIT', `${count} tokens, limit ${MAX_TOKENS}`)
  const scoreBytes = style.hasScores ? INT32_BYTES : 0
  // Even empty tokens need their lengths: a count beyond that is a lie (CWE-789).
  cursor.need(count * (INT32_BYTES + scoreBytes))
  let longest = 0
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const size = cursor.uint32()
    if (size > MAX_TOKEN_BYTES) {
      throw readTrouble(
        'GNO_READ_LIMIT',
        `a token of ${size} bytes at byte ${cursor.position}, limit ${MAX_TOKEN_BYTES}`,
      )
    }
    cursor.skip(size + scoreBytes)
    longest = Math.max(longest, size)
  }
  return longest
}

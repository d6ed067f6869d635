// Reads the values of norm tensors where they lie in the file, within a budget: rung 4 touches nothing else.
import type { OpenedFile } from '../../contract/observation.ts'
import { readAt } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { type NormTensor, findNorms } from './norm-roles.ts'
import type { TensorInfo } from './weights.ts'

/**
 * Most values that one model gives: 8 MB of F32. A 70B has 1.3 million, DeepSeek R1 one million; of a larger one (Llama 405B: 4.1
 * million) every second, fourth or eighth block is taken, the same in every container (CWE-770).
 */
export const MAX_NORM_VALUES = 2_000_000
/** Far deeper than any public model (126 blocks), whatever number of layers a file states (CWE-400). */
const MAX_BLOCKS = 1_024

/** Values as they stand in the file, widened to F32. */
export interface NormValues {
  readonly block: number | null
  readonly role: string
  readonly isConverted: boolean
  /** The file keeps them as F16: its converter computes in F16 too. */
  readonly isHalf: boolean
  readonly values: Float32Array
}

/** The norms that one file of a model gives. */
export interface PartNorms {
  readonly norms: readonly NormValues[]
  /** Every how many blocks one was read: a power of two. */
  readonly stride: number
  readonly bytesRead: number
  /** True where a converter to MLX has added the one that others add when they load or convert. */
  readonly isShifted?: boolean
}

/** What the files of one model have in common: they share the budget, and choose their blocks alike. */
export interface SharedNorms {
  /** Layers that one of the files, or a configuration, states: later parts of a split GGUF do not. */
  layers: number | undefined
  stride: number
  values: number
}

export interface NormReading {
  readonly tensors: readonly TensorInfo[]
  readonly shared: SharedNorms
  /** Big-endian GGUF. */
  readonly isBigEndian: boolean
}

const BYTES: ReadonlyMap<string, number> = new Map([
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
])

/** Reads the norms of one file; null where it has none. Throws ReadTrouble when the system refuses a read. */
export function readNorms(file: OpenedFile, reading: NormReading, gaps: GapList): PartNorms | null {
  const { shared } = reading
  const layers = shared.layers === undefined ? undefined : Math.min(shared.layers, MAX_BLOCKS)
  const found = findNorms(reading.tensors).filter(({ block }) => block === null || block < (layers ?? MAX_BLOCKS))
  const readable = found.filter(isReadable)
  if (readable.length < found.length) {
    const packed = found.length - readable.length
    gaps.note('GNO_READ_SKIPPED', `rung 4: ${packed} norm tensors are neither F32, F16 nor BF16 and were not compared`)
  }
  const { stride, chosen } = chooseNorms(readable, layers, shared)
  const total = countValues(chosen)
  if (shared.values + total > MAX_NORM_VALUES) {
    gaps.note('GNO_READ_SKIPPED', `rung 4: ${shared.values + total} norm values, limit ${MAX_NORM_VALUES}`)
    return null
  }
  shared.stride = stride
  shared.values += total
  if (chosen.length === 0) return null
  const inOrder = [...chosen].sort((left, right) => left.tensor.offset - right.tensor.offset)
  const norms = inOrder.map((norm) => readOne(file, norm, reading.isBigEndian))
  const bytesRead = chosen.reduce((sum, { tensor }) => sum + (tensor.bytes ?? 0), 0)
  return { norms, stride, bytesRead, isShifted: reading.tensors.some(isMlxConvolution) }
}

/**
 * mlx-lm turns the convolution of Qwen3-Next's linear attention from [channels, 1, kernel] to [channels, kernel, 1], and adds one to
 * the norms in the same step (mlx_lm/models/qwen3_next.py, qwen3_5.py: `sanitize`).
 */
function isMlxConvolution({ name, shape }: TensorInfo): boolean {
  return name.endsWith('linear_attn.conv1d.weight') && shape.length === 3 && shape[2] === 1 && shape[1] !== 1
}

interface Choice {
  readonly stride: number
  readonly chosen: readonly NormTensor[]
}

/** The norms that are read: every so many blocks as the files before, and fewer where what is left of the budget demands it. */
function chooseNorms(readable: readonly NormTensor[], layers: number | undefined, shared: SharedNorms): Choice {
  let stride = Math.max(shared.stride, chooseStride(readable, layers))
  let chosen = takeEvery(readable, stride)
  while (shared.values + countValues(chosen) > MAX_NORM_VALUES && stride < MAX_BLOCKS) {
    stride *= 2
    chosen = takeEvery(readable, stride)
  }
  return { stride, chosen }
}

function takeEvery(norms: readonly NormTensor[], stride: number): readonly NormTensor[] {
  return norms.filter(({ block }) => block === null || block % stride === 0)
}

function countValues(norms: readonly NormTensor[]): number {
  return norms.reduce((sum, { tensor }) => sum + tensor.elements, 0)
}

function isReadable({ tensor }: NormTensor): boolean {
  const size = BYTES.get(tensor.type)
  return size !== undefined && tensor.bytes === tensor.elements * size
}

/**
 * The smallest power of two by which the blocks fit. Told from the widest block and the number of layers, not from what this file
 * happens to hold, so that the parts of a model and its other containers choose alike.
 */
function chooseStride(norms: readonly NormTensor[], layers: number | undefined): number {
  const perBlock = new Map<number, number>()
  let outer = 0
  for (const { block, tensor } of norms) {
    if (block === null) outer += tensor.elements
    else perBlock.set(block, (perBlock.get(block) ?? 0) + tensor.elements)
  }
  const blocks = layers ?? Math.max(0, ...perBlock.keys()) + 1
  const widest = Math.max(0, ...perBlock.values())
  const room = Math.max(1, MAX_NORM_VALUES - outer)
  let stride = 1
  while (Math.ceil(blocks / stride) * widest > room && stride < MAX_BLOCKS) stride *= 2
  return stride
}

function readOne(file: OpenedFile, norm: NormTensor, isBigEndian: boolean): NormValues {
  const { tensor, block, role, isConverted } = norm
  const bytes = new Uint8Array(tensor.elements * (BYTES.get(tensor.type) ?? 0))
  const done = readAt(file, tensor.offset, bytes)
  // Tensors lie inside the file; a file that shrank meanwhile is told by the caller, who looks at its identity again.
  const whole = done === bytes.length ? bytes : new Uint8Array(bytes.length)
  if (isBigEndian && tensor.type === 'F32') Buffer.from(whole.buffer).swap32()
  else if (isBigEndian) Buffer.from(whole.buffer).swap16()
  return { block, role, isConverted, isHalf: tensor.type === 'F16', values: widen(whole, tensor.type) }
}

/** All platforms that we run on are little-endian, as the files are. */
function widen(bytes: Uint8Array, type: string): Float32Array {
  if (type === 'F32') return new Float32Array(bytes.buffer)
  const halves = new Uint16Array(bytes.buffer)
  const values = new Float32Array(halves.length)
  const bits = new Uint32Array(values.buffer)
  for (let index = 0; index < halves.length; index += 1) {
    const half = halves[index] ?? 0
    if (type === 'BF16') bits[index] = half << 16
    else values[index] = widenHalf(half)
  }
  return values
}

/** IEEE 754 binary16. */
function widenHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 0x1f
  const fraction = half & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

// What physics says about tensors that a table lays out by place, shape and type: they lie in the file, their bytes suffice for
// their shape, and two of them share all of their bytes or none.
import { readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { DTYPE_BITS } from './safetensors-tensors.ts'
import { type TensorInfo, heldBytes } from './weights.ts'

/** The largest graphs have some 10,000 constants; each costs about 200 bytes here (CWE-770). */
export const MAX_LAID_OUT = 65_536
/** Names and shapes together: only crafted names take more (CWE-770). */
const MAX_TABLE_BYTES = 12_582_912
/** Deepest shape that any of these runtimes takes is 8; what goes beyond is no shape (CWE-400). */
export const MAX_RANK = 16

/** Bits of an element: of the types that safetensors has, and of those that only other containers have. */
const TYPE_BITS: ReadonlyMap<string, number> = new Map([
  ...DTYPE_BITS,
  ['U1', 1],
  ['I2', 2],
  ['U2', 2],
  ['I4', 4],
  ['U4', 4],
  ['NF4', 4],
  ['C128', 128],
])

/** A tensor as its table declares it. */
export interface LaidOut {
  readonly name: string
  readonly type: string
  readonly shape: readonly number[]
  /** Absolute place, and the bytes that the file reserves there. */
  readonly offset: number
  readonly bytes: number
  /** True where the bytes are packed or sparse, so that the shape says nothing about their number. */
  readonly isPacked?: boolean
}

/** Collects the tensors that can exist; each lie throws ReadTrouble and leaves its tensor out. */
export class TensorTable {
  readonly tensors: TensorInfo[] = []
  readonly #fileSize: number
  #heldBytes = 0

  constructor(fileSize: number) {
    this.#fileSize = fileSize
  }

  add(tensor: LaidOut): void {
    const name = quoted(tensor.name)
    if (tensor.offset + tensor.bytes > this.#fileSize) {
      const end = tensor.offset + tensor.bytes
      throw readTrouble('GNO_READ_TRUNCATED', `tensor ${name} ends at byte ${end} of ${this.#fileSize}`)
    }
    const elements = countElements(tensor)
    const bits = TYPE_BITS.get(tensor.type)
    if (bits !== undefined && tensor.isPacked !== true && elements * BigInt(bits) > BigInt(tensor.bytes) * 8n) {
      const detail = `tensor ${name} of ${tensor.type} has ${tensor.bytes} bytes, too few for its shape`
      throw readTrouble('GNO_READ_INVALID', detail)
    }
    // N bytes cannot hold more than 8 N elements, whatever the type is.
    if (elements > BigInt(tensor.bytes) * 8n) {
      throw readTrouble('GNO_READ_INVALID', `tensor ${name} has ${elements} elements in ${tensor.bytes} bytes`)
    }
    this.#heldBytes += heldBytes(tensor.name, tensor.shape)
    if (this.tensors.length === MAX_LAID_OUT || this.#heldBytes > MAX_TABLE_BYTES) {
      throw readTrouble('GNO_READ_LIMIT', `more than ${this.tensors.length} tensors`)
    }
    const { type, shape, offset } = tensor
    // What follows up to the next tensor is padding.
    const bytes =
      bits === undefined || tensor.isPacked === true ? tensor.bytes : Math.ceil((Number(elements) * bits) / 8)
    this.tensors.push({ name: tensor.name, type, shape, elements: Number(elements), offset, bytes })
  }

  /** Where the first tensor begins, or the whole size where there is none. */
  get headerBytes(): number {
    let first = this.#fileSize
    for (const { offset } of this.tensors) first = Math.min(first, offset)
    return first
  }

  /** Tensors may share their bytes with one another wholly, as tied weights do; a part of them is a lie. */
  checkOverlap(gaps: GapList): void {
    const ordered = [...this.tensors].sort((left, right) => left.offset - right.offset || sizeOf(left) - sizeOf(right))
    let last: TensorInfo | undefined
    for (const tensor of ordered) {
      const isShared = last !== undefined && last.offset === tensor.offset && sizeOf(last) === sizeOf(tensor)
      if (last !== undefined && !isShared && tensor.offset < last.offset + sizeOf(last) && sizeOf(tensor) > 0) {
        gaps.blame('GNO_READ_OVERLAP', `tensor ${quoted(tensor.name)} begins inside ${quoted(last.name)}`)
      }
      if (last === undefined || tensor.offset + sizeOf(tensor) > last.offset + sizeOf(last)) last = tensor
    }
  }
}

function sizeOf(tensor: TensorInfo): number {
  return tensor.bytes ?? 0
}

function countElements({ name, shape }: LaidOut): bigint {
  let elements = 1n
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} has a dimension of ${dim}`)
    }
    elements *= BigInt(dim)
  }
  return elements
}

/** The tensors of a file inside the file, at their places in the outer one. */
export function shifted(tensors: readonly TensorInfo[], by: number): readonly TensorInfo[] {
  return tensors.map((tensor) => ({ ...tensor, offset: tensor.offset + by }))
}

/** Kinds of layers number in the hundreds; what invents more is not counted further (CWE-770). */
const MAX_KINDS = 4_096

/** Counts one more of a kind. */
export function countKind(counts: Map<string, number>, kind: string): void {
  if (counts.size < MAX_KINDS || counts.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1)
}

/** How often each word came, as a text of at most the eight most frequent: `Gemm 168, Reshape 144`. */
export function mostFrequent(counts: ReadonlyMap<string, number>): string {
  return [...counts]
    .sort((left, right) => right[1] - left[1])
    .slice(0, 8)
    .map(([word, count]) => `${word.slice(0, 48)} ${count}`)
    .join(', ')
}

// The arithmetic of a GGUF file's tensors as loaders do it, in numbers that cannot wrap: which sum passes the 63 or 64 bits that
// they have for it, and which known weakness needs just that.
import { TENSOR_TYPES } from '../gguf-types.ts'
import { type GgufSight, SIGNED_LIMIT, TENSOR_OVERHEAD, type WalkedTensor } from './gguf-walk.ts'

const UNSIGNED_LIMIT = 1n << 64n
/** The largest models of today are 2^40 bytes altogether; llama.cpp pull 18674 used a dimension of 2^42 + 1. */
const MAX_DIMENSION = 1n << 40n
const NO_BLOCK = { elements: 1, bytes: 1 }

/** Where the tensors lie. */
export interface DataPlace {
  readonly dataStart: number
  readonly fileSize: number
  readonly alignment: number
}

/** What one tensor takes, as numbers that do not wrap. */
interface TensorSize {
  readonly elements: bigint
  readonly bytes: bigint
  readonly isKnown: boolean
}

/** Tells every sum of these tensors that wraps or leaves the file. */
export function checkSums(tensors: readonly WalkedTensor[], place: DataPlace, sight: GgufSight): void {
  let hasWrapped = false
  for (const tensor of tensors) if (checkSize(tensor, place.alignment, sight)) hasWrapped = true
  // What wraps says enough; that such tensors do not fit the file follows from it.
  if (hasWrapped || checkTotal(tensors, place, sight) || checkDimensions(tensors, sight)) return
  checkPlaces(tensors, place, sight)
}

function sizeOf({ dims, typeId }: WalkedTensor): TensorSize {
  const block = TENSOR_TYPES.get(typeId)?.block ?? null
  const { elements: perBlock, bytes } = block ?? NO_BLOCK
  let elements = 1n
  for (const dim of dims) elements *= dim
  return { elements, bytes: (elements * BigInt(bytes)) / BigInt(perBlock), isKnown: block !== null }
}

/** True where a size of this tensor alone wraps. */
function checkSize(tensor: WalkedTensor, alignment: number, sight: GgufSight): boolean {
  const { elements, bytes } = sizeOf(tensor)
  const names = wrapsOf(tensor, { elements, bytes }, BigInt(alignment))
  for (const name of names) sight.lie?.(name, tensor.at + 4, `${describe(tensor)}, ${bytes} bytes`)
  return names.length > 0
}

function describe({ name, dims }: WalkedTensor): string {
  return `tensor "${name}" of [${dims.join(', ')}]`
}

/** True where a dimension alone is beyond anything, though no sum of it passes 63 bits: strides and places wrap later. */
function checkDimensions(tensors: readonly WalkedTensor[], sight: GgufSight): boolean {
  const beyond = tensors.filter(({ dims }) => dims.some((dim) => dim > MAX_DIMENSION))
  for (const tensor of beyond) sight.lie?.('gguf-dimension-wrap', tensor.at + 4, describe(tensor))
  return beyond.length > 0
}

function wrapsOf(
  { dims, typeId }: WalkedTensor,
  { elements, bytes }: Pick<TensorSize, 'elements' | 'bytes'>,
  alignment: bigint,
): readonly string[] {
  const names: string[] = []
  const block = TENSOR_TYPES.get(typeId)?.block ?? NO_BLOCK
  const isNegative = dims.some((dim) => dim >= SIGNED_LIMIT) || BigInt.asIntN(64, elements) < 0n
  if (isNegative) names.push('gguf-ne-negative')
  else if (elements >= SIGNED_LIMIT) names.push('gguf-ne-wrap')
  // Rows x bytes of a block, before they are divided by the elements of one.
  if (block.elements > 1 && elements * BigInt(block.bytes) >= UNSIGNED_LIMIT) names.push('gguf-quantized-size-wrap')
  if (names.length > 0) return names
  if (bytes < UNSIGNED_LIMIT && bytes + alignment - 1n >= UNSIGNED_LIMIT) return ['gguf-padding-wrap']
  return bytes >= SIGNED_LIMIT ? ['gguf-dimension-wrap'] : []
}

function padded(bytes: bigint, alignment: number): bigint {
  const unit = BigInt(alignment)
  return ((bytes + unit - 1n) / unit) * unit
}

/** True where all tensors together wrap. */
function checkTotal(tensors: readonly WalkedTensor[], { alignment }: DataPlace, sight: GgufSight): boolean {
  let total = 0n
  for (const tensor of tensors) total += padded(sizeOf(tensor).bytes, alignment)
  const overhead = BigInt(tensors.length + 1) * TENSOR_OVERHEAD
  const at = tensors[0]?.at ?? 0
  const shown = `${tensors.length} tensors of ${total} bytes together`
  if (total < UNSIGNED_LIMIT && total + overhead >= UNSIGNED_LIMIT) {
    sight.lie?.('gguf-context-wrap', at, `${shown}, and ${overhead} for their headers`)
    return true
  }
  if (total < SIGNED_LIMIT) return false
  sight.lie?.('gguf-sizes-wrap', at, shown)
  return true
}

/**
 * Tensors lie one after the other, padded. Where those beyond the end fit their neighbours, the file was cut: that is no attack.
 * Where one does not, somebody changed it.
 */
function checkPlaces(tensors: readonly WalkedTensor[], place: DataPlace, sight: GgufSight): void {
  let before = 0n
  let lost: { readonly at: number; readonly shown: string; readonly isCut: boolean } | null = null
  for (const [index, tensor] of tensors.entries()) {
    const { name, at, offset } = tensor
    const { bytes, isKnown } = sizeOf(tensor)
    // The size of a type that nobody tabled is not known, so neither is where the next one begins.
    if (!isKnown) break
    const end = BigInt(place.dataStart) + offset + bytes
    const next = offset + padded(bytes, place.alignment)
    const follower = tensors[index + 1]
    const isCut = follower === undefined ? offset === before : follower.offset === next
    before = next
    if (end <= BigInt(place.fileSize) || (lost !== null && (isCut || !lost.isCut))) continue
    lost = { at, shown: `tensor "${name}" ends at byte ${end} of ${place.fileSize}`, isCut }
  }
  if (lost !== null) sight.lie?.(lost.isCut ? 'gguf-data-missing' : 'gguf-tensor-past-end', lost.at, lost.shown)
}

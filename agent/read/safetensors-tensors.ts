// What physics says about the tensors of a safetensors header: sizes fit shapes, and the data is covered exactly once.
import { readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { TensorInfo } from './weights.ts'

/** The largest unsharded checkpoints have under 20,000 tensors; each costs about 200 bytes here (CWE-770). */
export const MAX_TENSORS = 65_536

/** Bits of each dtype (huggingface/safetensors:safetensors/src/tensor.rs). */
export const DTYPE_BITS: ReadonlyMap<string, number> = new Map([
  ['BOOL', 8],
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['U8', 8],
  ['I8', 8],
  ['F8_E5M2', 8],
  ['F8_E4M3', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['I16', 16],
  ['U16', 16],
  ['F16', 16],
  ['BF16', 16],
  ['I32', 32],
  ['U32', 32],
  ['F32', 32],
  ['C64', 64],
  ['F64', 64],
  ['I64', 64],
  ['U64', 64],
])

export interface DeclaredTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly begin: number
  readonly end: number
}

interface Place {
  readonly dataStart: number
  readonly fileSize: number
  /** False when the header broke off: then holes prove nothing. */
  readonly isWhole: boolean
}

/** Turns declared tensors into believed ones; each lie is a gap, and a tensor that cannot exist is left out. */
export function believeTensors(
  declared: readonly DeclaredTensor[],
  place: Place,
  gaps: GapList,
): readonly TensorInfo[] {
  const believed: TensorInfo[] = []
  for (const tensor of declared) {
    const info = gaps.attempt(() => believeTensor(tensor, place))
    if (info !== undefined) believed.push(info)
  }
  if (believed.length === declared.length) checkCover(believed, place, gaps)
  return believed
}

function believeTensor(tensor: DeclaredTensor, place: Place): TensorInfo {
  const name = quoted(tensor.name)
  const dataSize = place.fileSize - place.dataStart
  if (tensor.begin > tensor.end) {
    throw readTrouble('GNO_READ_INVALID', `tensor ${name} ends at ${tensor.end} before it begins at ${tensor.begin}`)
  }
  if (tensor.end > dataSize) {
    throw readTrouble('GNO_READ_TRUNCATED', `tensor ${name} ends at byte ${tensor.end} of ${dataSize} data bytes`)
  }
  const bits = DTYPE_BITS.get(tensor.dtype)
  if (bits === undefined) throw readTrouble('GNO_READ_INVALID', `tensor ${name} has dtype ${quoted(tensor.dtype)}`)
  let elements = 1n
  for (const dim of tensor.shape) elements *= BigInt(dim)
  // Compared at full width: the product of 32 dimensions can wrap any machine integer (CWE-190).
  if (elements * BigInt(bits) !== BigInt(tensor.end - tensor.begin) * 8n) {
    const detail = `tensor ${name} of ${tensor.dtype} has ${tensor.end - tensor.begin} bytes, its shape does not fit`
    throw readTrouble('GNO_READ_INVALID', detail)
  }
  return {
    name: tensor.name,
    type: tensor.dtype,
    shape: tensor.shape,
    elements: Number(elements),
    offset: place.dataStart + tensor.begin,
    bytes: tensor.end - tensor.begin,
  }
}

/** Every data byte belongs to exactly one tensor: overlaps, holes and trailing bytes hide things (polyglots). */
function checkCover(tensors: readonly TensorInfo[], place: Place, gaps: GapList): void {
  const ordered = [...tensors].sort(
    (left, right) => left.offset - right.offset || (left.bytes ?? 0) - (right.bytes ?? 0),
  )
  let end = place.dataStart
  for (const tensor of ordered) {
    if (tensor.offset < end) {
      gaps.blame('GNO_READ_OVERLAP', `tensor ${quoted(tensor.name)} at byte ${tensor.offset} begins before byte ${end}`)
    } else if (tensor.offset > end) {
      gaps.blame('GNO_READ_INVALID', `${tensor.offset - end} bytes before tensor ${quoted(tensor.name)} belong to none`)
    }
    end = Math.max(end, tensor.offset + (tensor.bytes ?? 0))
  }
  if (place.isWhole && end < place.fileSize) {
    gaps.blame('GNO_READ_INVALID', `${place.fileSize - end} bytes follow the last tensor`)
  }
}

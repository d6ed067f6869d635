// The tensor table of a GGUF file, and what physics says about it.
//
//   string name | uint32 n_dims | n_dims x uint64 | uint32 type | uint64 offset in the data section
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import { readString } from './gguf-metadata.ts'
import { TENSOR_TYPES } from './gguf-types.ts'
import type { TensorInfo } from './weights.ts'

/** The largest models have under 10,000 tensors in one file; each costs up to 800 bytes while it is read (CWE-770). */
export const MAX_TENSORS = 32_768
/** GGML_MAX_DIMS: more would overrun the array of every ggml program (CVE-2024-21802, CWE-787). */
const MAX_DIMS = 4
/** llama.cpp refuses names over 63 bytes, patched builds 127 (CWE-770). */
const MAX_TENSOR_NAME_BYTES = 127
/** A parameter takes at least one bit: N bytes cannot hold more than 8 N of them. */
const MAX_PARAMETERS_PER_BYTE = 8n
/** Strides and sizes are int64 in ggml: a product beyond wraps (CVE-2026-33298, CWE-190). */
const MAX_INT64 = 9_223_372_036_854_775_807n

interface DeclaredTensor {
  readonly name: string
  readonly dims: readonly bigint[]
  readonly typeId: number
  readonly offset: bigint
}

/** Reads the table. Tensors are added one by one, so that what came before trouble is kept. */
export function readTensorTable(cursor: Cursor, count: number, tensors: DeclaredTensor[], gaps: GapList): void {
  const names = new Set<string>()
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const name = readString(cursor, MAX_TENSOR_NAME_BYTES, 'tensor name length')
    if (names.has(name)) gaps.blame('GNO_READ_INVALID', `tensor ${quoted(name)} is there twice`)
    names.add(name)
    const dimCount = cursor.uint32()
    if (dimCount > MAX_DIMS) {
      throw readTrouble('GNO_READ_LIMIT', `tensor ${quoted(name)} has ${dimCount} dimensions, limit ${MAX_DIMS}`)
    }
    const dims: bigint[] = []
    for (let dim = 0; dim < dimCount; dim += 1) {
      dims.push(cursor.lengthBytes === 4 ? BigInt(cursor.uint32()) : cursor.uint64())
    }
    const typeId = cursor.uint32()
    tensors.push({ name, dims, typeId, offset: cursor.uint64() })
  }
}

/** Turns declared tensors into believed ones; each lie is a gap, and a tensor that cannot exist is left out. */
export function believeTensors(
  declared: readonly DeclaredTensor[],
  place: { readonly dataStart: number; readonly fileSize: number; readonly alignment: number },
  gaps: GapList,
): readonly TensorInfo[] {
  const believed: TensorInfo[] = []
  for (const tensor of declared) {
    const info = gaps.attempt(() => believeTensor(tensor, place))
    if (info === undefined) continue
    const type = TENSOR_TYPES.get(tensor.typeId)
    if (type === undefined || type.isRemoved) {
      const word = type === undefined ? 'unknown' : 'removed'
      gaps.blame('GNO_READ_INVALID', `tensor ${quoted(tensor.name)} has the ${word} type ${tensor.typeId}`)
    }
    believed.push(info)
  }
  checkPlaces(believed, place, gaps)
  return believed
}

function believeTensor(
  tensor: DeclaredTensor,
  place: { readonly dataStart: number; readonly fileSize: number; readonly alignment: number },
): TensorInfo {
  const name = quoted(tensor.name)
  let elements = 1n
  for (const dim of tensor.dims) {
    if (dim === 0n) throw readTrouble('GNO_READ_INVALID', `tensor ${name} has a dimension of 0`)
    elements *= dim
    if (elements > MAX_INT64) throw readTrouble('GNO_READ_LIMIT', `the dimensions of tensor ${name} overflow`)
  }
  if (elements > BigInt(place.fileSize) * MAX_PARAMETERS_PER_BYTE) {
    const detail = `tensor ${name} has ${elements} parameters in a file of ${place.fileSize} bytes`
    throw readTrouble('GNO_READ_LIMIT', detail)
  }
  const type = TENSOR_TYPES.get(tensor.typeId)
  const block = type?.block ?? null
  const row = tensor.dims[0] ?? 1n
  if (block !== null && row % BigInt(block.elements) !== 0n) {
    throw readTrouble('GNO_READ_INVALID', `rows of ${row} in tensor ${name} do not fill blocks of ${block.elements}`)
  }
  const bytes = block === null ? null : (elements / BigInt(block.elements)) * BigInt(block.bytes)
  const end = BigInt(place.dataStart) + tensor.offset + (bytes ?? 0n)
  if (end > BigInt(place.fileSize)) {
    throw readTrouble('GNO_READ_TRUNCATED', `tensor ${name} ends at byte ${end}, file has ${place.fileSize}`)
  }
  if (tensor.offset % BigInt(place.alignment) !== 0n) {
    const detail = `tensor ${name} lies at ${tensor.offset}, not a multiple of ${place.alignment}`
    throw readTrouble('GNO_READ_INVALID', detail)
  }
  return {
    name: tensor.name,
    type: type?.name ?? `type ${tensor.typeId}`,
    shape: tensor.dims.map(Number).reverse(),
    elements: Number(elements),
    offset: place.dataStart + Number(tensor.offset),
    bytes: bytes === null ? null : Number(bytes),
  }
}

/** Tensors lie one after the other, padded to the alignment: no overlap (CWE-787), no holes that hide data. */
function checkPlaces(
  tensors: readonly TensorInfo[],
  place: { readonly dataStart: number; readonly fileSize: number; readonly alignment: number },
  gaps: GapList,
): void {
  const ordered = [...tensors].sort((left, right) => left.offset - right.offset)
  let end: number | null = place.dataStart
  for (const tensor of ordered) {
    if (end !== null && tensor.offset < end) {
      gaps.blame('GNO_READ_OVERLAP', `tensor ${quoted(tensor.name)} at byte ${tensor.offset} begins before byte ${end}`)
    } else if (end !== null && tensor.offset - end >= place.alignment) {
      gaps.blame('GNO_READ_INVALID', `${tensor.offset - end} bytes before tensor ${quoted(tensor.name)} belong to none`)
    }
    end = tensor.bytes === null ? null : Math.max(end ?? 0, tensor.offset + tensor.bytes)
  }
  if (end !== null && place.fileSize - end >= place.alignment && ordered.length > 0) {
    gaps.note('GNO_READ_SKIPPED', `${place.fileSize - end} bytes after the last tensor were not looked at`)
  }
}

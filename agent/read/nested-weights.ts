// Weights inside an archive: a member is read by whichever reader knows it, and its tensors are told where they lie in the outer file.
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { type NestedPart, type ReadContext, type TensorInfo, heldBytes } from './weights.ts'
import { STORED, type ZipMember, dataPlace, openMember } from './zip.ts'

/** Weights are stored, not packed; what is packed must fit into memory beside all else (CWE-409). */
export const MAX_UNPACKED_BYTES = 33_554_432
/** Tensors of all members together: as many as one model may hold (CWE-770). */
const MAX_HELD_BYTES = 25_165_824

/** Memory that the tensors of further members may take. */
export interface TensorRoom {
  left: number
}

export function roomForTensors(): TensorRoom {
  return { left: MAX_HELD_BYTES }
}

/** True where there is room for one more tensor; the file is blamed where there is none. */
export function takeRoom(
  room: TensorRoom,
  { name, shape }: Pick<TensorInfo, 'name' | 'shape'>,
  gaps: GapList,
): boolean {
  room.left -= heldBytes(name, shape)
  if (room.left >= 0) return true
  gaps.blame('GNO_READ_LIMIT', `the tensors of the members take more than ${MAX_HELD_BYTES} bytes`)
  return false
}

export interface MemberReading {
  readonly member: ZipMember
  /** Put in front of the tensors' names: the component that they belong to. */
  readonly prefix: string
  readonly room: TensorRoom
}

/** What a member holds, or null where no reader knows it. Throws ReadTrouble where it cannot be opened. */
export function readMember(
  cursor: Cursor,
  reading: MemberReading,
  gaps: GapList,
  { readNested }: ReadContext,
): NestedPart | null {
  const { member, prefix, room } = reading
  const inner = openMember(cursor, member, MAX_UNPACKED_BYTES)
  const nested = readNested(inner, member.name.split('/').at(-1) ?? '', gaps)
  if (nested === null) return null
  const at = dataPlace(cursor, member)
  const tensors: TensorInfo[] = []
  for (const tensor of nested.weights.tensors) {
    const name = `${prefix}${tensor.name}`
    if (!takeRoom(room, { name, shape: tensor.shape }, gaps)) break
    tensors.push({ ...tensor, name, ...placeOf(tensor, member, at) })
  }
  return { ...nested, weights: { ...nested.weights, tensors } }
}

/** Bytes that were unpacked have no place of their own in the outer file. */
function placeOf(tensor: TensorInfo, member: ZipMember, at: number): Pick<TensorInfo, 'offset' | 'bytes'> {
  return member.method === STORED ? { offset: at + tensor.offset, bytes: tensor.bytes } : { offset: at, bytes: null }
}

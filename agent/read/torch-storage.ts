// Tensors of PyTorch pickles: which storage a rebuilding call names, and which bytes of it the tensor covers
// (pytorch:torch/_utils.py, torch/serialization.py, torch/_tensor.py of 0.1 to 2.12).
//
//   _rebuild_tensor_v2( persistent('storage', torch.FloatStorage, key, device, elements), offset, size, stride, ... )
import { readTrouble } from './cursor.ts'
import { quoted } from './gap-list.ts'
import { type PickleCall, type PickleValue, calleeName, globalName, itemsOf, objectOf } from './pickle-values.ts'
import { type NumberType, isStorageClass, torchType } from './torch-types.ts'
import type { TensorInfo } from './weights.ts'

/** PyTorch allows 64 dimensions. */
const MAX_RANK = 64
/** An expanded tensor repeats its bytes: masks up to this many times; beyond it is a lie about size (CWE-789). */
const MAX_REPEAT = 1_048_576

/** A storage as the pickle names it. */
export interface TorchStorage {
  readonly key: string
  /** Null where the storage is untyped. */
  readonly type: NumberType | null
  /** Elements, or bytes of an untyped storage. */
  readonly elements: number
}

export interface StoragePlace {
  readonly at: number
  /** Null where the bytes do not lie in the file as they are, such as in a deflated member. */
  readonly bytes: number | null
}

/** Where the bytes of a storage lie. Throws ReadTrouble where they are not there. */
export type FindStorage = (storage: TorchStorage) => StoragePlace

/** Reads a storage that the pickle carries in another way than by reference; null where the value is none. Throws ReadTrouble. */
export type OpenStorage = (value: PickleValue | undefined) => TorchStorage | null

/** What a tensor's call says, before it is believed. */
interface Declared {
  readonly storage: TorchStorage
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
  readonly type: NumberType
}

/** Names of `torch._utils` whose first three or four arguments are storage, offset, size and stride. */
const STRIDED: ReadonlySet<string> = new Set(['_rebuild_tensor', '_rebuild_tensor_v2', '_rebuild_qtensor'])
const V3 = 'torch._utils._rebuild_tensor_v3'
const V3_TYPE_ARGUMENT = 6

/** Calls around a tensor, and which argument holds it. */
const WRAPPERS: ReadonlyMap<string, number> = new Map([
  ['torch._utils._rebuild_parameter', 0],
  ['torch._utils._rebuild_parameter_with_state', 0],
  ['torch.nn.parameter.Parameter', 0],
  ['torch.nn.parameter.Buffer', 0],
])
const SUBCLASS = 'torch._tensor._rebuild_from_type_v2'
/** Wrappers lie at most this deep in one another: a parameter of a subclass of a tensor (CWE-674). */
const MAX_WRAPPERS = 4

/** The call that makes the tensor itself, or null when the value is no tensor. */
export function tensorCall(value: PickleValue | undefined): PickleCall | null {
  let current = value
  for (let depth = 0; depth <= MAX_WRAPPERS; depth += 1) {
    const object = objectOf(current)
    const name = calleeName(object ?? undefined)
    if (object?.kind !== 'call' || name === null) return null
    if (name === V3 || (name.startsWith('torch._utils.') && STRIDED.has(name.slice(13)))) return object
    current = unwrap(object, name)
  }
  return null
}

function unwrap(call: PickleCall, name: string): PickleValue | undefined {
  const argument = WRAPPERS.get(name)
  if (argument !== undefined) return call.args[argument]
  if (name !== SUBCLASS) return undefined
  // (function, class, arguments, state): the function is called with the arguments.
  const [callee = null, , args] = call.args
  const items = itemsOf(args)
  return items === null ? undefined : { ...call, callee, args: items }
}

/** Reads one rebuilding call into a tensor that lies where it says. Throws ReadTrouble. */
export function believeTensor(name: string, call: PickleCall, find: FindStorage, open?: OpenStorage): TensorInfo {
  const declared = readDeclared(name, call, open)
  const place = find(declared.storage)
  const { type, shape } = declared
  const elements = product(name, shape)
  const span = spanOf(declared)
  const last = (declared.offset + span) * type.bytes
  const declaredBytes = declared.storage.elements * (declared.storage.type?.bytes ?? 1)
  const room = Math.min(declaredBytes, place.bytes ?? declaredBytes)
  if (last > room) {
    throw readTrouble('GNO_READ_TRUNCATED', `tensor ${quoted(name)} ends at byte ${last} of ${room} in its storage`)
  }
  if (elements > Math.max(1, span) * MAX_REPEAT) {
    throw readTrouble('GNO_READ_LIMIT', `tensor ${quoted(name)} repeats ${span} numbers to ${elements}`)
  }
  const isRaw = place.bytes !== null
  const offset = isRaw ? place.at + declared.offset * type.bytes : place.at
  return { name, type: type.type, shape, elements, offset, bytes: isRaw ? span * type.bytes : null }
}

function readDeclared(name: string, call: PickleCall, open: OpenStorage | undefined): Declared {
  const [held, offset, size, stride] = call.args
  const storage = readStorage(held) ?? open?.(held) ?? null
  const shape = readNumbers(size)
  const strides = readNumbers(stride)
  const stated = calleeName(call) === V3 ? torchType(globalName(call.args[V3_TYPE_ARGUMENT])) : null
  const type = stated ?? storage?.type ?? null
  if (storage === null || type === null || shape === null || strides === null || !isCount(offset)) {
    throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} lacks storage, type, offset, size or stride`)
  }
  if (shape.length !== strides.length) {
    throw readTrouble('GNO_READ_INVALID', `tensor ${quoted(name)} has ${shape.length} sizes, ${strides.length} strides`)
  }
  return { storage, offset, shape, strides, type }
}

function isCount(value: PickleValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

/** Sizes, strides or places as PyTorch pickles them; null where they are no such numbers. */
export function readNumbers(value: PickleValue | undefined): readonly number[] | null {
  // torch.Size is a call in pickles of newer versions.
  const items = itemsOf(calleeName(value) === 'torch.Size' ? firstArgument(value) : value)
  // Counted before it is copied: a million tensors can share one long list (CWE-407).
  if (items === null || items.length > MAX_RANK) return null
  const numbers = items.filter(isCount)
  return numbers.length === items.length ? numbers : null
}

function firstArgument(value: PickleValue | undefined): PickleValue | undefined {
  const object = objectOf(value)
  return object?.kind === 'call' ? object.args[0] : undefined
}

/** `('storage', class, key, device, elements, view)`; TypedStorage wraps it in a call. */
export function readStorage(value: PickleValue | undefined): TorchStorage | null {
  const object = objectOf(value)
  const inner = object?.kind === 'call' ? objectOf(object.args[0]) : object
  // The tar checkpoints of 2016 wrote the same tuple without making it a reference.
  const [word, storageClass, key, , elements] = itemsOf(inner?.kind === 'persistent' ? inner.id : inner) ?? []
  const className = globalName(storageClass)
  const isKey = typeof key === 'string' || typeof key === 'number'
  if (word !== 'storage' || !isStorageClass(className) || !isKey || !isCount(elements)) return null
  return { key: String(key), type: torchType(className), elements }
}

/** All sizes together, compared at full width (CWE-190). */
export function product(name: string, shape: readonly number[]): number {
  let elements = 1n
  for (const size of shape) elements *= BigInt(size)
  if (elements > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw readTrouble('GNO_READ_LIMIT', `tensor ${quoted(name)} has ${elements} elements`)
  }
  return Number(elements)
}

/** How many elements of the storage lie between the tensor's first and its last, both counted. */
function spanOf({ shape, strides }: Declared): number {
  if (shape.includes(0)) return 0
  let last = 0n
  for (const [index, size] of shape.entries()) last += BigInt(size - 1) * BigInt(strides[index] ?? 0)
  // Beyond 2^53 the storage is too small all the same.
  return last >= BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(last) + 1
}

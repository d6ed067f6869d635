// PyTorch's words for number types (pytorch:torch/storage.py, c10/core/ScalarType.h) as safetensors names them, with their sizes.

export interface NumberType {
  readonly type: string
  readonly bytes: number
}

const TYPES: readonly (readonly [type: string, bytes: number, names: string])[] = [
  ['F64', 8, 'DoubleStorage float64 double'],
  ['F32', 4, 'FloatStorage float32 float FLOAT'],
  ['F16', 2, 'HalfStorage float16 half'],
  ['BF16', 2, 'BFloat16Storage bfloat16'],
  ['I64', 8, 'LongStorage int64 long'],
  ['I32', 4, 'IntStorage int32 int'],
  ['I16', 2, 'ShortStorage int16 short'],
  ['I8', 1, 'CharStorage int8'],
  ['U8', 1, 'ByteStorage uint8'],
  ['U16', 2, 'uint16'],
  ['U32', 4, 'uint32'],
  ['U64', 8, 'uint64'],
  ['BOOL', 1, 'BoolStorage bool'],
  ['C32', 4, 'ComplexHalfStorage complex32 chalf'],
  ['C64', 8, 'ComplexFloatStorage complex64 cfloat'],
  ['C128', 16, 'ComplexDoubleStorage complex128 cdouble'],
  ['QI8', 1, 'QInt8Storage qint8'],
  ['QU8', 1, 'QUInt8Storage quint8'],
  ['QI32', 4, 'QInt32Storage qint32'],
  ['QU4X2', 1, 'QUInt4x2Storage quint4x2'],
  ['QU2X4', 1, 'QUInt2x4Storage quint2x4'],
  ['F8_E4M3', 1, 'float8_e4m3fn'],
  ['F8_E4M3FNUZ', 1, 'float8_e4m3fnuz'],
  ['F8_E5M2', 1, 'float8_e5m2'],
  ['F8_E5M2FNUZ', 1, 'float8_e5m2fnuz'],
  ['F8_E8M0', 1, 'float8_e8m0fnu'],
  ['F4', 1, 'float4_e2m1fn_x2'],
]

const BY_NAME: ReadonlyMap<string, NumberType> = new Map(
  TYPES.flatMap(([type, bytes, names]) => names.split(' ').map((name) => [name, { type, bytes }] as const)),
)

/** Storages that do not say what they hold: the tensor does. */
const UNTYPED: ReadonlySet<string> = new Set(['UntypedStorage', '_UntypedStorage', 'TypedStorage'])

/** The type behind `torch.FloatStorage`, `torch.cuda.HalfStorage` or `torch.bfloat16`; null for an untyped storage or no type. */
export function torchType(name: string | null): NumberType | null {
  if (name === null || !name.startsWith('torch.')) return null
  return BY_NAME.get(name.slice(name.lastIndexOf('.') + 1)) ?? null
}

/** True for a class of storages, typed or not. */
export function isStorageClass(name: string | null): boolean {
  if (name === null || !name.startsWith('torch.')) return false
  const last = name.slice(name.lastIndexOf('.') + 1)
  return UNTYPED.has(last) || (last.endsWith('Storage') && BY_NAME.has(last))
}

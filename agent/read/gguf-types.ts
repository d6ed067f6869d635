// The numbers of GGUF: value types, tensor types and file types (ggml-org/ggml:docs/gguf.md and include/ggml.h;
// ik_llama.cpp's extra ids from ikawrakow/ik_llama.cpp:ggml/include/ggml.h). Same tables as facts/formats.json `gguf`.

/** Bytes of each fixed-size value type by its number; strings (8) and arrays (9) have none. */
export const VALUE_BYTES: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
])
export const BOOL_TYPE = 7
export const STRING_TYPE = 8
export const ARRAY_TYPE = 9

export interface TensorType {
  readonly name: string
  /** Null when the block layout is not publicly tabled: the size cannot be checked then. */
  readonly block: { readonly elements: number; readonly bytes: number } | null
  /** Types that ggml gave up: today's runtimes refuse them. */
  readonly isRemoved: boolean
}

/** id, name, elements per block, bytes per block. */
const CURRENT: readonly (readonly [number, string, number, number])[] = [
  [0, 'F32', 1, 4],
  [1, 'F16', 1, 2],
  [2, 'Q4_0', 32, 18],
  [3, 'Q4_1', 32, 20],
  [6, 'Q5_0', 32, 22],
  [7, 'Q5_1', 32, 24],
  [8, 'Q8_0', 32, 34],
  [9, 'Q8_1', 32, 36],
  [10, 'Q2_K', 256, 84],
  [11, 'Q3_K', 256, 110],
  [12, 'Q4_K', 256, 144],
  [13, 'Q5_K', 256, 176],
  [14, 'Q6_K', 256, 210],
  [15, 'Q8_K', 256, 292],
  [16, 'IQ2_XXS', 256, 66],
  [17, 'IQ2_XS', 256, 74],
  [18, 'IQ3_XXS', 256, 98],
  [19, 'IQ1_S', 256, 50],
  [20, 'IQ4_NL', 32, 18],
  [21, 'IQ3_S', 256, 110],
  [22, 'IQ2_S', 256, 82],
  [23, 'IQ4_XS', 256, 136],
  [24, 'I8', 1, 1],
  [25, 'I16', 1, 2],
  [26, 'I32', 1, 4],
  [27, 'I64', 1, 8],
  [28, 'F64', 1, 8],
  [29, 'IQ1_M', 256, 56],
  [30, 'BF16', 1, 2],
  [34, 'TQ1_0', 256, 54],
  [35, 'TQ2_0', 256, 66],
  [39, 'MXFP4', 32, 17],
  [40, 'NVFP4', 64, 36],
  [41, 'Q1_0', 128, 18],
  [42, 'Q2_0', 64, 18],
]
const REMOVED: readonly (readonly [number, string])[] = [
  [4, 'Q4_2'],
  [5, 'Q4_3'],
  [31, 'Q4_0_4_4'],
  [32, 'Q4_0_4_8'],
  [33, 'Q4_0_8_8'],
  [36, 'IQ4_NL_4_4'],
  [37, 'IQ4_NL_4_8'],
  [38, 'IQ4_NL_8_8'],
]
/** Runs of ids from the first number on; an empty place is an id without a name. */
const IK_LLAMA: readonly (readonly [number, string])[] = [
  [97, 'Q8_0_X4 Q8_1_X4 Q8_2_X4'],
  [133, 'Q6_0 IQ1_BN IQ2_BN Q8_K64 IQ2_K IQ3_K IQ4_K IQ5_K IQ6_K IQ2_TN IQ1_TN IQ4_KS IQ2_KS IQ4_KSS Q8_K16 Q8_K32'],
  [149, 'Q8_KR8 Q8_K128 Q8_KV IQ5_KS IQ2_KT IQ3_KT IQ4_KT IQ3_KS IQ2_KL IQ1_KT'],
  [202, 'Q4_0_R8'],
  [206, 'Q5_0_R4'],
  [208, 'Q8_0_R8'],
  [210, 'Q2_K_R4 Q3_K_R4 Q4_K_R4 Q5_K_R4 Q6_K_R4'],
  [216, 'IQ2_XXS_R4 IQ2_XS_R4 IQ3_XXS_R4 IQ1_S_R4 IQ4_NL_R4 IQ3_S_R4 IQ2_S_R4 IQ4_XS_R8'],
  [229, 'IQ1_M_R4 BF16_R16'],
  [233, 'Q6_0_R4'],
  [335, 'IQ2_BN_R4'],
  [337, 'IQ2_K_R4 IQ3_K_R4 IQ4_K_R4 IQ5_K_R4'],
  [344, 'IQ4_KS_R4'],
  [352, 'IQ5_KS_R4 MXFP4_R8'],
  [397, 'Q8_K_R16 Q8_KV_R8 Q8_K_R8'],
]

function tabulate(): ReadonlyMap<number, TensorType> {
  const types = new Map<number, TensorType>()
  for (const [id, name, elements, bytes] of CURRENT)
    types.set(id, { name, block: { elements, bytes }, isRemoved: false })
  for (const [id, name] of REMOVED) types.set(id, { name, block: null, isRemoved: true })
  for (const [first, names] of IK_LLAMA) {
    for (const [index, name] of names.split(' ').entries()) {
      types.set(first + index, { name, block: null, isRemoved: false })
    }
  }
  return types
}

/** Tensor types by their number. */
export const TENSOR_TYPES: ReadonlyMap<number, TensorType> = tabulate()

/** Names of `general.file_type` by number; an empty name is an id that was never given. */
const FILE_TYPES = (
  'ALL_F32 F16 Q4_0 Q4_1 Q4_1_SOME_F16 Q4_2 Q4_3 Q8_0 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M ' +
  'Q6_K IQ2_XXS IQ2_XS Q2_K_S IQ3_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ3_M IQ2_S IQ2_M IQ4_XS IQ1_M BF16 Q4_0_4_4 Q4_0_4_8 ' +
  'Q4_0_8_8 TQ1_0 TQ2_0 MXFP4_MOE NVFP4 Q1_0'
).split(' ')
/** Set by writers that guessed the file type from the tensors. */
const GUESSED_FLAG = 1024

/** The quantization that a file claims, e.g. `Q4_K_M`. */
export function nameFileType(id: number): string {
  return FILE_TYPES[id % GUESSED_FLAG] ?? `file type ${id}`
}

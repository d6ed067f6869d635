// What quantizers outside GGUF pack into tensors of whole numbers, and how many weights of the model that makes. Layouts by the names
// and shapes that the tools write: AutoGPTQ and GPTQModel, AutoAWQ, compressed-tensors, exllamav2 and v3, bitsandbytes, MLX, modelopt.
//
//   GPTQ   X.qweight I32 [in x bits / 32, out]      X.scales [groups, out]      X.qzeros [groups, out x bits / 32]
//   AWQ    X.qweight I32 [in, out x bits / 32]      X.scales [groups, out]
//   EXL2   X.q_weight I32 [rows, out]               X.q_invperm [in]            EXL3   X.trellis I16 [in / 16, out / 16, 16 x bits]
//   MLX    X.weight U32 [.., in x bits / 32]        X.scales [.., in / group]   NF4    X.weight U8 [in x out / 2, 1]
import type { TensorInfo } from './weights.ts'

export type PackingFamily = 'gptq-awq' | 'exl2-exl3' | 'bitsandbytes' | 'mlx' | 'mlc'

interface Packed {
  readonly family: PackingFamily
  /** What people call it: `GPTQ-4bit`, `NF4`. */
  readonly word: string
  /** Weights of the model in this tensor. */
  readonly parameters: number
}

type Tensors = ReadonlyMap<string, TensorInfo>
type Unpack = (tensor: TensorInfo, stem: string, tensors: Tensors) => Packed | undefined

const WORD_BITS = 32
/** Widths that any of these tools writes. */
const BITS = [2, 3, 4, 5, 6, 8]
const DEFAULT_BITS = 4
const MLC_GROUP = 32
/** MLX's default first. */
const MLX_GROUPS = [64, 32, 128]

/** Endings of what belongs to a packed weight and is no weight itself. */
const COMPANIONS: ReadonlySet<string> = new Set(
  (
    'qzeros scales g_idx weight_scale weight_scale_inv weight_scale_2 weight_zero_point weight_shape weight_g_idx weight_global_scale ' +
    'input_scale input_global_scale input_zero_point q_scale q_scale_max q_groups q_group_map q_perm q_invperm suh svh su sv mcg mul1 ' +
    'SCB weight_format biases weight.absmax weight.quant_map weight.nested_absmax weight.nested_quant_map ' +
    'weight.quant_state.bitsandbytes__nf4 weight.quant_state.bitsandbytes__fp4 k_scale v_scale'
  ).split(' '),
)

/** Ending of the tensor that holds the packed weights -> how it is unpacked. */
const LAYOUTS: readonly (readonly [ending: string, unpack: Unpack])[] = [
  ['.qweight', unpackGptq],
  ['.weight_packed', unpackCompressed],
  ['.q_weight', unpackExl2],
  ['.trellis', unpackExl3],
  ['.weight', unpackWeight],
  ['_blocks', unpackBlocks],
]

function unpackGptq(tensor: TensorInfo, stem: string, tensors: Tensors): Packed {
  const columns = tensor.shape.at(-1) ?? 0
  const outputs = tensors.get(`${stem}.scales`)?.shape.at(-1) ?? columns
  // GPTQ packs along the inputs, AWQ along the outputs: only then are there more scales than columns.
  const isAwq = outputs > columns
  const zeros = tensors.get(`${stem}.qzeros`)?.shape.at(-1) ?? 0
  const inputs = tensors.get(`${stem}.g_idx`)?.elements ?? 0
  const rows = tensor.shape.at(-2) ?? 0
  const stated = isAwq ? columns / outputs : inputs > 0 ? rows / inputs : zeros / outputs
  const bits = BITS.find((width) => width === Math.round(stated * WORD_BITS)) ?? DEFAULT_BITS
  const parameters = Math.round((tensor.elements * WORD_BITS) / bits)
  return { family: 'gptq-awq', word: `${isAwq ? 'AWQ' : 'GPTQ'}-${bits}bit`, parameters }
}

/** The width is in the configuration only: four bits is what the format's tools pack, eight bits stay I8. */
function unpackCompressed(tensor: TensorInfo, stem: string, tensors: Tensors): Packed {
  if (tensor.type !== 'U8') return { family: 'gptq-awq', word: 'W4A16', parameters: tensor.elements * 8 }
  const word = tensors.has(`${stem}.weight_global_scale`) ? 'NVFP4' : 'FP4'
  return { family: 'gptq-awq', word, parameters: tensor.elements * 2 }
}

function unpackExl2(tensor: TensorInfo, stem: string, tensors: Tensors): Packed | undefined {
  const inputs = (tensors.get(`${stem}.q_invperm`) ?? tensors.get(`${stem}.q_perm`))?.elements
  if (inputs === undefined) return unpackMlc(tensor, stem, tensors)
  return { family: 'exl2-exl3', word: 'EXL2', parameters: inputs * (tensor.shape.at(-1) ?? 0) }
}

/** MLC has the same names: one scale for 32 weights, along whichever side. */
function unpackMlc(tensor: TensorInfo, stem: string, tensors: Tensors): Packed | undefined {
  const scales = tensors.get(`${stem}.q_scale`)?.elements ?? 0
  if (tensor.type !== 'U32' || scales === 0) return undefined
  const bits = Math.round(tensor.elements / scales)
  return { family: 'mlc', word: `MLC-${bits}bit`, parameters: scales * MLC_GROUP }
}

function unpackExl3(tensor: TensorInfo): Packed | undefined {
  const [down, across, inTile] = tensor.shape
  if (tensor.shape.length !== 3 || down === undefined || across === undefined || inTile === undefined) return undefined
  return { family: 'exl2-exl3', word: 'EXL3', parameters: down * across * 256 }
}

/** A tensor that keeps its name: what lies beside it says whether it is packed, scaled, or plain. */
function unpackWeight(tensor: TensorInfo, stem: string, tensors: Tensors): Packed | undefined {
  const has = (ending: string): boolean => tensors.has(stem + ending)
  const { type, elements } = tensor
  if (type === 'U8' && has('.weight.quant_state.bitsandbytes__nf4')) return bitsAndBytes('NF4', elements * 2)
  if (type === 'U8' && has('.weight.quant_state.bitsandbytes__fp4')) return bitsAndBytes('FP4', elements * 2)
  if (type === 'I8' && has('.SCB')) return bitsAndBytes('INT8', elements)
  if (type === 'U32' && has('.scales')) return unpackMlx(tensor, stem, tensors)
  // Most weights are floating-point numbers: nothing packs those.
  const isScalable = type === 'U8' || type === 'I8' || type.startsWith('F8_')
  if (!isScalable || (!has('.weight_scale') && !has('.weight_scale_inv'))) return undefined
  if (type === 'U8') return { family: 'gptq-awq', word: 'NVFP4', parameters: elements * 2 }
  return { family: 'gptq-awq', word: type === 'I8' ? 'INT8' : 'FP8', parameters: elements }
}

function bitsAndBytes(word: string, parameters: number): Packed {
  return { family: 'bitsandbytes', word, parameters }
}

/** Width and group are in the configuration; of the pairs that the shapes allow, the one whose input width a norm also has. */
function unpackMlx(tensor: TensorInfo, stem: string, tensors: Tensors): Packed | undefined {
  const words = tensor.shape.at(-1) ?? 0
  const groups = tensors.get(`${stem}.scales`)?.shape.at(-1) ?? 0
  const pairs = MLX_GROUPS.map((group) => ({ bits: (words * WORD_BITS) / (groups * group), inputs: groups * group }))
  const possible = pairs.filter(({ bits }) => BITS.includes(bits))
  const isKnownWidth = ({ inputs }: { readonly inputs: number }): boolean => widthsOf(tensors).has(inputs)
  const bits = (possible.find(isKnownWidth) ?? possible[0])?.bits
  if (bits === undefined) return undefined
  return { family: 'mlx', word: `MLX-${bits}bit`, parameters: Math.round((tensor.elements * WORD_BITS) / bits) }
}

const knownWidths = new WeakMap<Tensors, ReadonlySet<number>>()

/** Widths of the vectors of a model: its norms. */
function widthsOf(tensors: Tensors): ReadonlySet<number> {
  const known = knownWidths.get(tensors)
  if (known !== undefined) return known
  const widths = new Set<number>()
  for (const { shape, elements } of tensors.values()) if (shape.length === 1) widths.add(elements)
  knownWidths.set(tensors, widths)
  return widths
}

/** gpt-oss: `gate_up_proj_blocks` U8 with two weights a byte, beside `gate_up_proj_scales`. */
function unpackBlocks(tensor: TensorInfo, stem: string, tensors: Tensors): Packed | undefined {
  if (tensor.type !== 'U8' || !tensors.has(`${stem}_scales`)) return undefined
  return { family: 'gptq-awq', word: 'MXFP4', parameters: tensor.elements * 2 }
}

/** What packed tensors hold; null for a tensor that only goes with one. Absent means that a tensor is what it says. */
export type Unpacked = ReadonlyMap<TensorInfo, Packed | null>

const knownUnpacked = new WeakMap<readonly TensorInfo[], Unpacked>()

/** Finds the packed tensors of a model, and what goes with them; each dialect asks for the same list. */
export function unpackTensors(tensors: readonly TensorInfo[]): Unpacked {
  const known = knownUnpacked.get(tensors)
  if (known !== undefined) return known
  const unpacked = findPacked(tensors)
  knownUnpacked.set(tensors, unpacked)
  return unpacked
}

function findPacked(tensors: readonly TensorInfo[]): Unpacked {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
  const unpacked = new Map<TensorInfo, Packed | null>()
  const stems = new Set<string>()
  for (const tensor of tensors) {
    const layout = LAYOUTS.find(([ending]) => tensor.name.endsWith(ending))
    if (layout === undefined) continue
    const stem = tensor.name.slice(0, -layout[0].length)
    const packed = layout[1](tensor, stem, byName)
    if (packed === undefined) continue
    unpacked.set(tensor, packed)
    stems.add(stem)
  }
  if (stems.size === 0) return unpacked
  for (const tensor of tensors) if (!unpacked.has(tensor) && isCompanion(tensor.name, stems)) unpacked.set(tensor, null)
  return unpacked
}

/** The stem may end at any of the last four dots: `X.weight.quant_state.bitsandbytes__nf4`. */
function isCompanion(name: string, stems: ReadonlySet<string>): boolean {
  if (name.endsWith('_scales') && stems.has(name.slice(0, -'_scales'.length))) return true
  let dot = name.lastIndexOf('.')
  for (let count = 0; count < 4 && dot > 0; count += 1) {
    if (COMPANIONS.has(name.slice(dot + 1)) && stems.has(name.slice(0, dot))) return true
    dot = name.lastIndexOf('.', dot - 1)
  }
  return false
}

/** The family that packed most tensors, or null. */
export function familyOf(tensors: readonly TensorInfo[]): PackingFamily | null {
  const counts = new Map<PackingFamily, number>()
  for (const packed of unpackTensors(tensors).values()) {
    if (packed !== null) counts.set(packed.family, (counts.get(packed.family) ?? 0) + 1)
  }
  return [...counts].sort(([, left], [, right]) => right - left)[0]?.[0] ?? null
}

// One small decoder with given norms as the files in which people keep it: GGUF as llama.cpp's converter and quantizer write it, and
// safetensors under Hugging Face's names. Norms are given in GGUF's convention; weights are made up and small.
import { buildGguf, scalar, text } from '../build-gguf.ts'
import { type SafeTensor, buildSafetensors } from '../build-safetensors.ts'
import { type NumberFormat, encodeValues } from './number-formats.ts'
import { type Quantization, quantize } from './quantize.ts'
import { random } from './random.ts'

/** Norms by their name in GGUF (`blk.0.attn_norm.weight`), in order. */
export type Norms = ReadonlyMap<string, Float32Array>

const GGML_TYPES: Readonly<Record<NumberFormat, number>> = { F32: 0, F16: 1, BF16: 30 }
const WEIGHT_COLUMNS = 256
const WEIGHT_ROWS = 2

export interface GgufHow {
  readonly architecture: string
  readonly weights: Quantization
  readonly norms?: NumberFormat
}

/** A GGUF file: quantized weights, norms in F32 unless told otherwise. */
export function writeGguf(norms: Norms, how: GgufHow): Buffer {
  const blocks = countBlocks(norms)
  const format = how.norms ?? 'F32'
  const next = random(7)
  const tensors = Array.from({ length: blocks }, (_, block) => {
    const values = Float32Array.from({ length: WEIGHT_COLUMNS * WEIGHT_ROWS }, () => next.normal() * 0.05)
    const { type, bytes } = quantize(values, how.weights)
    return { name: `blk.${block}.ffn_down.weight`, dims: [WEIGHT_COLUMNS, WEIGHT_ROWS], type, data: bytes }
  })
  const kept = [...norms].map(([name, values]) => ({
    name,
    dims: [values.length],
    type: GGML_TYPES[format],
    data: encodeValues(values, format),
  }))
  return buildGguf({
    kv: [
      ['general.architecture', text(how.architecture)],
      [`${how.architecture}.block_count`, scalar('uint32', blocks)],
    ],
    tensors: [...kept, ...tensors],
  })
}

/** safetensors with the tensors in the given order; values are stored in the format. */
export function writeSafetensors(tensors: Norms, format: NumberFormat): Buffer {
  const described: SafeTensor[] = [...tensors].map(([name, values]) => ({
    name,
    dtype: format,
    shape: [values.length],
  }))
  return buildSafetensors({
    tensors: described,
    metadata: { format: 'pt' },
    data: Buffer.concat([...tensors.values()].map((values) => encodeValues(values, format))),
  })
}

function countBlocks(norms: Norms): number {
  const numbers = [...norms.keys()].map((name) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1))
  return Math.max(...numbers) + 1
}

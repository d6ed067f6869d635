// Block quantizers for tests, after the layouts of ggml (ggml-common.h, written again): enough of them that a quantized file has the
// sizes and the losses of a real one, though not always its order of bits. Only norms are compared by rung 4, and quantizers leave those alone.
import { type NumberFormat, encodeValues, fromHalf, toHalf } from './number-formats.ts'

export const QUANTIZATIONS = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q6_K',
  'Q5_K',
  'Q5_0',
  'Q4_K',
  'Q4_0',
  'Q3_K',
  'Q2_K',
] as const
export type Quantization = (typeof QUANTIZATIONS)[number]

export interface Quantized {
  /** ggml's number of the type. */
  readonly type: number
  readonly bytes: Buffer
  /** What a runtime would compute with. */
  readonly values: Float32Array
}

const PLAIN: ReadonlyMap<Quantization, NumberFormat> = new Map([
  ['F32', 'F32'],
  ['F16', 'F16'],
  ['BF16', 'BF16'],
])
const TYPES: Readonly<Record<Quantization, number>> = {
  F32: 0,
  F16: 1,
  BF16: 30,
  Q4_0: 2,
  Q5_0: 6,
  Q8_0: 8,
  Q2_K: 10,
  Q3_K: 11,
  Q4_K: 12,
  Q5_K: 13,
  Q6_K: 14,
}

/** Quantizes values; their number is a multiple of 256. */
export function quantize(values: Float32Array, how: Quantization): Quantized {
  const type = TYPES[how]
  const plain = PLAIN.get(how)
  if (plain !== undefined) return { type, bytes: encodeValues(values, plain), values }
  const size = how.endsWith('_0') ? 32 : 256
  const restored = new Float32Array(values.length)
  const blocks: Buffer[] = []
  for (let at = 0; at < values.length; at += size) {
    const room = restored.subarray(at, at + size)
    blocks.push(quantizeBlock(values.subarray(at, at + size), how, room))
  }
  return { type, bytes: Buffer.concat(blocks), values: restored }
}

function quantizeBlock(values: Float32Array, how: Quantization, restored: Float32Array): Buffer {
  if (how === 'Q8_0') return signedBlock(values, 8, restored)
  if (how === 'Q5_0') return signedBlock(values, 5, restored)
  if (how === 'Q4_0') return signedBlock(values, 4, restored)
  if (how === 'Q6_K') return scaledBlock(values, 6, restored)
  if (how === 'Q3_K') return scaledBlock(values, 3, restored)
  if (how === 'Q2_K') return minimumBlock(values, 2, restored)
  return minimumBlock(values, how === 'Q5_K' ? 5 : 4, restored)
}

/** Q4_0, Q5_0, Q8_0: an F16 scale and one signed number a value. */
function signedBlock(values: Float32Array, bits: number, restored: Float32Array): Buffer {
  const half = 2 ** (bits - 1)
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const scale = fromHalf(toHalf(largest / (half - 1)))
  const codes = [...values].map((value) => clamp(Math.round(value / (scale || 1)), -half, half - 1))
  for (const [index, code] of codes.entries()) restored[index] = code * scale
  const head = encodeValues([scale], 'F16')
  if (bits === 8) return Buffer.concat([head, Buffer.from(Int8Array.from(codes).buffer)])
  const shifted = codes.map((code) => code + half)
  const nibbles = Buffer.from(
    shifted.slice(0, 16).map((code, index) => (code & 15) | (((shifted[index + 16] ?? 0) & 15) << 4)),
  )
  if (bits === 4) return Buffer.concat([head, nibbles])
  const fifth = Buffer.alloc(4)
  for (const [index, code] of shifted.entries())
    fifth[index >> 3] = (fifth[index >> 3] ?? 0) | ((code >> 4) << (index & 7))
  return Buffer.concat([head, fifth, nibbles])
}

/** Q3_K and Q6_K: sixteen sub-blocks with a scale of their own under one F16. Codes are packed as planes of bits. */
function scaledBlock(values: Float32Array, bits: number, restored: Float32Array): Buffer {
  const half = 2 ** (bits - 1)
  const limit = bits === 6 ? 127 : 31
  const wanted = subBlocks(values, 16).map((part) => Math.max(...part.map(Math.abs)) / (half - 1 || 1))
  const scale = fromHalf(toHalf(Math.max(...wanted) / limit))
  const scales = wanted.map((size) => clamp(Math.round(size / (scale || 1)), 0, limit))
  const codes = [...values].map((value, index) => {
    const unit = scale * (scales[index >> 4] ?? 0)
    const code = clamp(Math.round(value / (unit || 1)), -half, half - 1)
    restored[index] = code * unit
    return code + half
  })
  const planes =
    bits === 6
      ? [
          pack(codes, 4),
          pack(
            codes.map((code) => code >> 4),
            2,
          ),
        ]
      : [
          pack(
            codes.map((code) => code >> 2),
            1,
          ),
          pack(codes, 2),
        ]
  const packedScales = bits === 6 ? Buffer.from(scales) : packSix(scales)
  return Buffer.concat([...planes, packedScales, encodeValues([scale], 'F16')])
}

/** Q2_K, Q4_K, Q5_K: sub-blocks with a scale and a minimum under two F16. */
function minimumBlock(values: Float32Array, bits: number, restored: Float32Array): Buffer {
  const width = bits === 2 ? 16 : 32
  const limit = bits === 2 ? 15 : 63
  const top = 2 ** bits - 1
  const parts = subBlocks(values, width)
  const lows = parts.map((part) => Math.max(0, -Math.min(...part)))
  const spans = parts.map((part, index) => (Math.max(...part) + (lows[index] ?? 0)) / top)
  const [scale, offset] = [spans, lows].map((all) => fromHalf(toHalf(Math.max(...all) / limit)))
  const scales = spans.map((span) => clamp(Math.round(span / (scale || 1)), 0, limit))
  const offsets = lows.map((low) => clamp(Math.round(low / (offset || 1)), 0, limit))
  const codes = [...values].map((value, index) => {
    const part = Math.floor(index / width)
    const [unit, low] = [(scale ?? 0) * (scales[part] ?? 0), (offset ?? 0) * (offsets[part] ?? 0)]
    const code = clamp(Math.round((value + low) / (unit || 1)), 0, top)
    restored[index] = code * unit - low
    return code
  })
  const head = encodeValues([scale ?? 0, offset ?? 0], 'F16')
  if (bits === 2)
    return Buffer.concat([
      Buffer.from(scales.map((size, index) => size | ((offsets[index] ?? 0) << 4))),
      pack(codes, 2),
      head,
    ])
  const packed = packSix([...scales, ...offsets])
  const fifth =
    bits === 5
      ? [
          pack(
            codes.map((code) => code >> 4),
            1,
          ),
        ]
      : []
  return Buffer.concat([
    head,
    packed,
    ...fifth,
    pack(
      codes.map((code) => code & 15),
      4,
    ),
  ])
}

function subBlocks(values: Float32Array, width: number): readonly (readonly number[])[] {
  return Array.from({ length: values.length / width }, (_, part) => [
    ...values.subarray(part * width, (part + 1) * width),
  ])
}

/** Numbers of `bits` bits each, the low bits of each counted, one after the other. */
function pack(codes: readonly number[], bits: number): Buffer {
  const bytes = Buffer.alloc((codes.length * bits) / 8)
  for (const [index, code] of codes.entries()) {
    for (let bit = 0; bit < bits; bit += 1) {
      const at = index * bits + bit
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (((code >> bit) & 1) << (at & 7))
    }
  }
  return bytes
}

/** Six bits each. */
function packSix(sizes: readonly number[]): Buffer {
  return pack(
    sizes.flatMap((size) => [size & 7, size >> 3]),
    3,
  )
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

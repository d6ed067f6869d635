// Rung 4: the norms of a model as digests and sketches that are the same from every container and quantization. Compared in GGUF
// convention: what llama.cpp's converter does to Hugging Face values is done here too, then everything is rounded to bfloat16.
import { createHash } from 'node:crypto'
import type { Lineage } from '../../contract/fingerprint.ts'
import { placeOf } from './norm-roles.ts'
import { SKETCH_BYTES, sketchNorm } from './norm-sketch.ts'
import { MAX_NORM_VALUES, type NormValues, type PartNorms } from './norm-values.ts'

/** What the wire carries at most (contract/fingerprint.ts). */
const MAX_TENSORS = 6_144
const DIGEST_BYTES = 8

/** Models whose weights multiply by one plus the norm; the converter adds the one (llama.cpp:conversion, `norm.weight` + 1). */
const ADDS_ONE: ReadonlySet<string> = new Set(
  'gemma gemma2 gemma3 gemma-embedding nemotron qwen3next qwen35 qwen35moe step35 minimax-m3'.split(' '),
)
/** The norm inside the linear attention of Qwen3-Next and later is stored as it is. */
const UNSHIFTED = 'ssm_norm'
/** PLaMo 2 and 3: each norm has a shift of its own (llama.cpp:conversion/plamo.py). */
const PLAMO: ReadonlySet<string> = new Set(['plamo2', 'plamo3'])
const PLAMO_SHIFTS: ReadonlyMap<string, number> = new Map([
  ['attn_norm', 1],
  ['post_attention_norm', 1 / 5],
  ['ffn_norm', 1],
  ['post_ffw_norm', 1 / 5 ** 1.5],
  ['output_norm', 1],
])

export interface LineageInput {
  /** What each file of the model gave. */
  readonly parts: readonly PartNorms[]
  /** llama.cpp's word; undefined where no configuration says it. */
  readonly architecture: string | undefined
  /** Blocks beyond them predict further tokens (MTP) and are no part of the decoder. */
  readonly layers: number | undefined
}

/** The lineage, or why there is none. */
export type LineageOutcome = { readonly lineage: Lineage } | { readonly reason: string }

/** Joins the norms of all parts of a model. */
export function describeLineage({ parts, architecture, layers = Infinity }: LineageInput): LineageOutcome {
  const stride = Math.max(1, ...parts.map((part) => part.stride))
  const norms = joinNorms(parts, stride, layers)
  if (norms.size === 0) return { reason: 'norms-trivial, the model has no norm tensors' }
  const blocks = [...new Set([...norms.values()].map(({ block }) => block ?? -1))].filter((block) => block >= 0)
  blocks.sort((left, right) => left - right)
  const roles = rolesOf(norms, (block) => block !== null)
  const outerRoles = rolesOf(norms, (block) => block === null)
  const count = blocks.length * roles.length + outerRoles.length
  const values = [...norms.values()].reduce((sum, norm) => sum + norm.values.length, 0)
  if (count > MAX_TENSORS || values > MAX_NORM_VALUES) {
    return { reason: `${count} norms with ${values} values are more than is compared` }
  }
  const slots = [
    ...blocks.flatMap((block) => roles.map((role) => norms.get(keyOf(block, role)))),
    ...outerRoles.map((role) => norms.get(keyOf(null, role))),
  ]
  const { digests, sketches, telling } = summarise(slots, parts.some(isShifted) ? undefined : architecture)
  if (telling === 0) return { reason: 'norms-trivial, every norm has one value only (all ones or zero)' }
  const hash = createHash('sha256').update(JSON.stringify(['norm1', blocks, roles, outerRoles]))
  return {
    lineage: {
      normDigest: `norm1:${hash.update(digests).digest('hex')}`,
      blocks: blocks.length,
      ...(stride > 1 ? { blockStride: stride } : {}),
      roles,
      outerRoles,
      tensors: Buffer.from(digests).toString('base64'),
      normSketch: Buffer.from(sketches.buffer).toString('base64'),
      bytesRead: parts.reduce((sum, part) => sum + part.bytesRead, 0),
    },
  }
}

/** A norm that has the one already needs no transform, as norms of an architecture without one. */
function isShifted(part: PartNorms): boolean {
  return part.isShifted === true
}

function joinNorms(parts: readonly PartNorms[], stride: number, layers: number): ReadonlyMap<string, NormValues> {
  const norms = new Map<string, NormValues>()
  for (const norm of parts.flatMap((part) => part.norms)) {
    if (norm.block !== null && (norm.block % stride !== 0 || norm.block >= layers)) continue
    norms.set(keyOf(norm.block, norm.role), norm)
  }
  return norms
}

function keyOf(block: number | null, role: string): string {
  return `${block ?? ''} ${role}`
}

function rolesOf(norms: ReadonlyMap<string, NormValues>, isWanted: (block: number | null) => boolean): string[] {
  const roles = new Set([...norms.values()].filter(({ block }) => isWanted(block)).map(({ role }) => role))
  return [...roles].sort((left, right) => placeOf(left) - placeOf(right))
}

interface Summary {
  readonly digests: Uint8Array
  readonly sketches: Int8Array
  /** Tensors whose values differ from one another. */
  readonly telling: number
}

function summarise(slots: readonly (NormValues | undefined)[], architecture: string | undefined): Summary {
  const digests = new Uint8Array(slots.length * DIGEST_BYTES)
  const sketches = new Int8Array(slots.length * SKETCH_BYTES)
  let telling = 0
  for (const [index, norm] of slots.entries()) {
    if (norm === undefined) continue
    const { halves, values } = roundToBfloat16(transform(norm, architecture))
    const digest = createHash('sha256').update(halves).digest()
    digests.set(digest.subarray(0, DIGEST_BYTES), index * DIGEST_BYTES)
    const room = sketches.subarray(index * SKETCH_BYTES, (index + 1) * SKETCH_BYTES)
    if (sketchNorm(values, room)) telling += 1
  }
  return { digests, sketches, telling }
}

/** The values as the converter would write them. Its sums are F32, or F16 where the checkpoint is. */
function transform(norm: NormValues, architecture: string | undefined): Float32Array {
  const shift = norm.isConverted ? 0 : shiftOf(norm.role, architecture)
  if (shift === 0) return norm.values
  const addend = Math.fround(shift)
  const shifted = norm.values.map((value) => value + addend)
  return norm.isHalf ? shifted.map(roundToHalf) : shifted
}

function shiftOf(role: string, architecture = ''): number {
  if (PLAMO.has(architecture)) return PLAMO_SHIFTS.get(role) ?? 0
  return ADDS_ONE.has(architecture) && role !== UNSHIFTED && !role.endsWith('.bias') ? 1 : 0
}

/** A norm as bfloat16, and the same values as F32. */
interface Rounded {
  readonly halves: Uint8Array
  readonly values: Float32Array
}

/** Norms are rounded one after the other, so all that are no wider share one place. */
const SHARED_VALUES = 16_384
const sharedHalves = new Uint16Array(SHARED_VALUES)
const sharedValues = new Float32Array(SHARED_VALUES)

/** To nearest, ties to even: the upper 16 bits of an F32 (what PyTorch and ggml do). The result is valid until the next call. */
function roundToBfloat16(source: Float32Array): Rounded {
  const { length } = source
  const halves = length > SHARED_VALUES ? new Uint16Array(length) : sharedHalves.subarray(0, length)
  const values = length > SHARED_VALUES ? new Float32Array(length) : sharedValues.subarray(0, length)
  const from = new Uint32Array(source.buffer, source.byteOffset, length)
  const to = new Uint32Array(values.buffer, values.byteOffset, length)
  for (let index = 0; index < length; index += 1) {
    const bits = from[index] ?? 0
    const half = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16
    halves[index] = half
    to[index] = half << 16
  }
  return { halves: new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength), values }
}

/** To the 11 significant bits of an F16, ties to even. Shifted norms lie far inside its range. */
function roundToHalf(value: number): number {
  const unit = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(value) || 1))) - 10)
  const scaled = value / unit
  const below = Math.floor(scaled)
  const rest = scaled - below
  const isUp = rest > 0.5 || (rest === 0.5 && below % 2 !== 0)
  return (isUp ? below + 1 : below) * unit
}

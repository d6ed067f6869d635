// Rung 2 for every text architecture: one model under GGUF's names and under its publisher's has one architecture digest and the
// same numbers, and a part more or less another digest.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { Structure } from '../../../contract/fingerprint.ts'
import { type GgufSpec, type GgufTensor, array, buildGguf, scalar, text } from '../../build-gguf.ts'
import { type SafeTensor, buildSafetensors } from '../../build-safetensors.ts'
import type { ArchitectureSample, Numbers } from './architecture-sample.ts'
import { SAMPLES_1 } from './architecture-samples-1.ts'
import { SAMPLES_2 } from './architecture-samples-2.ts'
import { SAMPLES_3 } from './architecture-samples-3.ts'
import { SAMPLES_4 } from './architecture-samples-4.ts'
import { SAMPLES_5 } from './architecture-samples-5.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-architecture-'))
afterAll(() => rmSync(root, { recursive: true }))

const ARCHITECTURES = [...SAMPLES_1, ...SAMPLES_2, ...SAMPLES_3, ...SAMPLES_4, ...SAMPLES_5]
const WIDTH = 32
const EXPERTS = 2
const CONFIG: Numbers = {
  num_hidden_layers: 2,
  hidden_size: WIDTH,
  intermediate_size: 64,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  vocab_size: 16,
}
const METADATA: Numbers = {
  block_count: 2,
  embedding_length: WIDTH,
  feed_forward_length: 64,
  'attention.head_count': 4,
  'attention.head_count_kv': 2,
  'attention.layer_norm_rms_epsilon': 1e-5,
  'rope.freq_base': 500_000,
}

interface Pair {
  readonly hf: readonly string[]
  readonly gguf: readonly string[]
  readonly rows: number
}

const withEnding = (name: string) => (name.endsWith('!') ? name.slice(0, -1) : `${name}.weight`)

/** One entry of a sample's text. `@2` says that the rows are gate and up in one. */
function parsePair(pair: string, feedForward: number): Pair {
  const [left = '', right] = pair.split('=')
  const fused = right?.endsWith('@2') === true
  const gguf = right === undefined ? [] : right.replace('@2', '').split('+').map(withEnding)
  const hf = left.includes('*')
    ? Array.from({ length: EXPERTS }, (_, index) => left.replace('*', String(index)))
    : [left]
  const isFeedForward = gguf.some((name) => /^ffn_(?:up|gate)\.weight$/.test(name))
  return { hf: hf.map(withEnding), gguf, rows: isFeedForward ? feedForward * (fused ? 2 : gguf.length) : WIDTH }
}

/** The pairs of each block; rows are those of the feed-forward width that the metadata state. */
function blocksOf({ blocks, kv }: ArchitectureSample): readonly (readonly Pair[])[] {
  const width = Math.max(...[kv?.['feed_forward_length'] ?? 64].flat().map((item) => Number(item)))
  return blocks.map((block) => {
    const pairs = block.trim().split(/\s+/)
    return pairs.map((pair) => parsePair(pair, width))
  })
}
const prefixOf = ({ prefix }: ArchitectureSample) => prefix ?? 'model.layers'
const isVector = (name: string) => name.includes('norm') || name.endsWith('.bias') || name.endsWith('_bias')

/** The halves of an encoder-decoder, or the one stack of blocks. */
const halvesOf = (sample: ArchitectureSample) => [
  sample,
  ...(sample.second === undefined ? [] : [{ ...sample, ...sample.second }]),
]

function hfTensors(sample: ArchitectureSample): readonly SafeTensor[] {
  const inner = halvesOf(sample).flatMap((half) => hfHalf(half))
  const beside = [
    'lm_head.weight',
    'vision_tower.encoder.layers.0.self_attn.q_proj.weight',
    'mtp.layers.0.input_layernorm.weight',
  ]
  const outer = beside.map((name) => ({ name, dtype: 'BF16', shape: [4, 4] }))
  return [...inner, ...outer, { name: `${prefixOf(sample)}.0.self_attn.rotary_emb.inv_freq`, dtype: 'F32', shape: [4] }]
}

function hfHalf(sample: ArchitectureSample): readonly SafeTensor[] {
  return blocksOf(sample).flatMap((pairs, number) =>
    pairs.flatMap(({ hf, rows }) =>
      hf.map((name) => ({
        name: `${prefixOf(sample)}.${number}.${name}`,
        dtype: 'BF16',
        shape: isVector(name) ? [WIDTH] : [rows, WIDTH],
      })),
    ),
  )
}

function ggufTensors(sample: ArchitectureSample): readonly GgufTensor[] {
  const inner = halvesOf(sample).flatMap((half) => ggufHalf(half))
  return [...inner, { name: 'token_embd.weight', dims: [WIDTH, 16] }, { name: 'rope_freqs.weight', dims: [4] }]
}

function ggufHalf(sample: ArchitectureSample): readonly GgufTensor[] {
  const half = sample.prefix === 'encoder.block' ? 'enc.' : sample.prefix === 'decoder.block' ? 'dec.' : ''
  return blocksOf(sample).flatMap((pairs, number) =>
    pairs.flatMap(({ gguf, rows }) =>
      gguf.map((name) => {
        const dims = isVector(name)
          ? [WIDTH]
          : name.includes('_exps')
            ? [WIDTH, 64, EXPERTS]
            : [WIDTH, rows / gguf.length]
        return { name: `${half}blk.${number}.${name}`, dims }
      }),
    ),
  )
}

function merge(base: Numbers, over: Numbers = {}): Numbers {
  return Object.fromEntries(Object.entries({ ...base, ...over }).filter(([, value]) => value !== null))
}

function keyValue(key: string, value: unknown): readonly [string, ReturnType<typeof text>] {
  if (Array.isArray(value)) return [key, array('int32', value.map(Number))]
  const isFloat = /epsilon|freq_base/.test(key)
  return [key, scalar(isFloat ? 'float32' : 'uint32', Number(value))]
}

function ggufSpec(sample: ArchitectureSample): GgufSpec {
  const numbers = Object.entries(merge(METADATA, sample.kv)).map(([key, value]) =>
    keyValue(`${sample.gguf}.${key}`, value),
  )
  return { kv: [['general.architecture', text(sample.gguf)], ...numbers], tensors: ggufTensors(sample) }
}

let written = 0
function makeFolder(files: Readonly<Record<string, Uint8Array | string>>): string {
  written += 1
  const folder = join(root, `folder-${written}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

async function readGguf(spec: GgufSpec): Promise<Structure> {
  const { fingerprint } = await inspectFile(join(makeFolder({ weights: buildGguf(spec) }), 'weights'))
  return fingerprint.structure ?? { kind: 'other', tensorCount: 0, parameterCount: 0 }
}

async function readHf(sample: ArchitectureSample, tensors = hfTensors(sample)): Promise<Structure> {
  const config = JSON.stringify({ model_type: sample.hf, ...merge(CONFIG, sample.config) })
  const folder = makeFolder({ 'config.json': config, 'model.safetensors': buildSafetensors({ tensors }) })
  const [draft] = await readFolder(folder)
  return draft?.fingerprint.structure ?? { kind: 'other', tensorCount: 0, parameterCount: 0 }
}

/** Numbers that both containers state outright. */
const COMPARED = [
  'layers',
  'embeddingWidth',
  'normKind',
  'normEpsilon',
  'ropeBase',
  'slidingWindow',
  'experts',
  'expertsUsed',
] as const
const DEFAULT_BASE = 10_000
function compared(structure: Structure): Readonly<Record<string, unknown>> {
  const rounded = (value: unknown) => (typeof value === 'number' ? Math.fround(value) : value)
  const numbers = COMPARED.map((key): [string, unknown] => [key, rounded(structure[key])])
  return { ...Object.fromEntries<unknown>(numbers), ropeBase: rounded(structure.ropeBase ?? DEFAULT_BASE) }
}

describe('architectureDigest', () => {
  it.each(ARCHITECTURES)('of $gguf equals that of $hf in Hugging Face naming', async (sample) => {
    const fromGguf = await readGguf(ggufSpec(sample))
    const fromHf = await readHf(sample)

    expect(compared(fromHf)).toEqual(compared(fromGguf))
    expect(fromGguf.architectureDigest).toMatch(/^arch1:[0-9a-f]{64}$/)
    expect(fromHf.architectureDigest).toBe(fromGguf.architectureDigest)
  })

  it.each(ARCHITECTURES)('of $hf is another when the first tensor of $gguf is missing', async (sample) => {
    const [first, ...others] = hfTensors(sample)
    const whole = await readHf(sample)
    const lacking = await readHf(sample, others)

    expect(first?.name).toContain('.0.')
    expect(lacking.architectureDigest).not.toBe(whole.architectureDigest)
  })
})

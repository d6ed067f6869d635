// Rung 4: the same model has the same norm digest from every container, in every family's convention, and other models do not.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { Lineage } from '../../../contract/fingerprint.ts'
import { lineageSchema } from '../../../contract/fingerprint.ts'
import { compareLineage } from '../../../rules/compare-lineage.ts'
import { buildGguf, scalar, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { type Norms, writeGguf, writeSafetensors } from '../../lineage/model-files.ts'
import { type NumberFormat, encodeValues, store } from '../../lineage/number-formats.ts'
import { QUANTIZATIONS } from '../../lineage/quantize.ts'
import { random } from '../../lineage/random.ts'
import { FAMILIES, type Family, type NormPlace } from './norm-families.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-lineage-'))
afterAll(() => rmSync(root, { recursive: true }))

const BLOCKS = 3
const WIDTH = 48

interface Pair {
  readonly stored: Norms
  readonly converted: Norms
}

/** Norms as a checkpoint keeps them, and what the converter makes of them: sums in F32, in F16 where the checkpoint is. */
function makePair(family: Family, format: NumberFormat, seed: number): Pair {
  const { normal } = random(seed)
  const stored = new Map<string, Float32Array>()
  const converted = new Map<string, Float32Array>()
  const add = ({ hf, gguf, shift = 0, width = WIDTH }: NormPlace, block: number) => {
    const centre = hf.endsWith('bias') || shift === 1 ? 0 : 1
    const values = Float32Array.from({ length: width }, () => store(centre + normal() * 0.3, format))
    stored.set(hf.replace('#', String(block)), values)
    const sums = values.map((value) => (shift === 0 ? value : value + Math.fround(shift)))
    const kept = shift !== 0 && format === 'F16' ? sums.map((sum) => store(sum, 'F16')) : sums
    converted.set(gguf.replace('#', String(block)), kept)
  }
  for (let block = 0; block < BLOCKS; block += 1) for (const place of family.block) add(place, block)
  for (const place of family.outer) add(place, 0)
  return { stored, converted }
}

let written = 0
function makeFolder(files: Readonly<Record<string, Uint8Array | string>>): string {
  written += 1
  const folder = join(root, `folder-${written}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

function configOf(family: Family): string {
  return JSON.stringify({
    model_type: family.modelType,
    architectures: [family.className ?? 'Tiny'],
    num_hidden_layers: BLOCKS,
  })
}

async function readHf(family: Family, stored: Norms, format: NumberFormat): Promise<Lineage> {
  const folder = makeFolder({ 'config.json': configOf(family), 'model.safetensors': writeSafetensors(stored, format) })
  return lineageOf((await readFolder(folder))[0])
}

async function readGguf(bytes: Uint8Array): Promise<Lineage> {
  return lineageOf(await inspectFile(join(makeFolder({ weights: bytes }), 'weights')))
}

function lineageOf(draft: Awaited<ReturnType<typeof inspectFile>> | undefined): Lineage {
  if (draft?.fingerprint.lineage === undefined) throw new Error(`no lineage: ${JSON.stringify(draft?.gaps)}`)
  return lineageSchema.parse(draft.fingerprint.lineage)
}

const [llama] = FAMILIES
if (llama === undefined) throw new Error('no family')

describe('normDigest', () => {
  const formats: readonly NumberFormat[] = ['BF16', 'F16', 'F32']
  const cases = FAMILIES.flatMap((family) => formats.map((format) => ({ ...family, format })))

  it.each(cases)('is equal for $modelType as $format safetensors and as quantized GGUF', async (family) => {
    const { stored, converted } = makePair(family, family.format, 1)

    const fromHf = await readHf(family, stored, family.format)
    const fromGguf = await readGguf(writeGguf(converted, { architecture: family.architecture, weights: 'Q4_K' }))

    expect(fromGguf.normDigest).toMatch(/^norm1:[0-9a-f]{64}$/)
    expect(fromHf.normDigest).toBe(fromGguf.normDigest)
    expect(fromHf.normSketch).toBe(fromGguf.normSketch)
    expect(fromHf.roles).toHaveLength(family.block.length)
    expect(compareLineage(fromHf, fromGguf).relation).toBe('same-norms')
  })

  it('is not equal where the converter adds one and the architecture does not say so', async () => {
    const gemma = FAMILIES.find(({ modelType }) => modelType === 'gemma')
    if (gemma === undefined) throw new Error('no gemma')
    const { stored, converted } = makePair(gemma, 'BF16', 1)

    const fromHf = await readHf({ ...gemma, modelType: 'llama' }, stored, 'BF16')
    const fromGguf = await readGguf(writeGguf(converted, { architecture: 'gemma', weights: 'F16' }))

    expect(fromHf.normDigest).not.toBe(fromGguf.normDigest)
    expect(compareLineage(fromHf, fromGguf).relation).toBe('derived')
  })

  it.each(['qwen3_next', 'qwen3_5', 'qwen3_5_moe', 'gemma2'])(
    'is equal for %s in MLX, whose converter adds one where it turns the convolutions',
    async (modelType) => {
      const family = FAMILIES.find((each) => each.modelType === modelType)
      if (family === undefined) throw new Error('no family')
      const { stored, converted } = makePair(family, 'F32', 6)
      const isLinear = family.block.some(({ hf }) => hf.includes('linear_attn'))
      const shifted = new Set([...family.block, ...family.outer].filter(({ shift }) => shift === 1).map(({ hf }) => hf))
      const kept = [...stored].map(([name, values]): [string, Float32Array] => {
        const isShifted = isLinear && shifted.has(name.replace(/\.\d+\./, '.#.'))
        return [name, isShifted ? values.map((value) => value + 1) : values]
      })
      const convolution = family.block[0]?.hf.replace('input_layernorm', 'linear_attn.conv1d').replace('#', '0') ?? ''
      const added = isLinear ? [{ name: convolution, dtype: 'F32', shape: [16, 4, 1] }] : []
      const bytes = buildSafetensors({
        tensors: [...kept.map(([name, values]) => ({ name, dtype: 'F32', shape: [values.length] })), ...added],
        data: Buffer.concat([
          ...kept.map(([, values]) => encodeValues(values, 'F32')),
          Buffer.alloc(added.length * 256),
        ]),
      })
      const [draft] = await readFolder(makeFolder({ 'config.json': configOf(family), 'model.safetensors': bytes }))

      expect(lineageOf(draft).normDigest).toBe(
        (await readGguf(writeGguf(converted, { architecture: family.architecture, weights: 'Q4_K' }))).normDigest,
      )
    },
  )

  it('is not moved by any quantization of the weights', async () => {
    const { converted } = makePair(llama, 'BF16', 2)
    const digests = new Set<string>()

    for (const weights of QUANTIZATIONS) {
      digests.add((await readGguf(writeGguf(converted, { architecture: 'llama', weights }))).normDigest)
    }
    digests.add(
      (await readGguf(writeGguf(converted, { architecture: 'llama', weights: 'Q4_0', norms: 'F16' }))).normDigest,
    )

    expect(digests.size).toBe(1)
  })

  it('is moved by one bit of one norm', async () => {
    const { converted } = makePair(llama, 'BF16', 3)
    const changed = new Map([...converted].map(([name, values]) => [name, Float32Array.from(values)]))
    const norm = changed.get('blk.1.ffn_norm.weight')
    norm?.set([(norm[5] ?? 0) * 1.01], 5)

    const before = await readGguf(writeGguf(converted, { architecture: 'llama', weights: 'Q8_0' }))
    const after = await readGguf(writeGguf(changed, { architecture: 'llama', weights: 'Q8_0' }))

    expect(after.normDigest).not.toBe(before.normDigest)
    expect(compareLineage(before, after)).toMatchObject({ relation: 'derived', equalTensors: 6, comparedTensors: 7 })
  })

  it('is equal over shards and over one file', async () => {
    const { stored } = makePair(llama, 'BF16', 4)
    const entries = [...stored]
    const parts = [entries.slice(0, 3), entries.slice(3)].map((part) => writeSafetensors(new Map(part), 'BF16'))
    const folder = makeFolder({
      'config.json': configOf(llama),
      'model-00001-of-00002.safetensors': parts[0] ?? '',
      'model-00002-of-00002.safetensors': parts[1] ?? '',
    })

    const sharded = lineageOf((await readFolder(folder))[0])

    expect(sharded.normDigest).toBe((await readHf(llama, stored, 'BF16')).normDigest)
  })
})

describe('norms that say nothing', () => {
  const told = async (norms: Norms) => {
    const bytes = writeGguf(norms, { architecture: 'llama', weights: 'Q4_0' })
    const draft = await inspectFile(join(makeFolder({ weights: bytes }), 'weights'))
    return { lineage: draft.fingerprint.lineage, gaps: draft.gaps.map(({ detail }) => detail) }
  }
  const filled = (value: number) =>
    new Map([...makePair(llama, 'F32', 1).converted].map(([name, values]) => [name, values.map(() => value)]))

  it.each([
    ['all ones', filled(1)],
    ['all zero', filled(0)],
    ['not numbers', filled(NaN)],
    ['one weight and no norms', new Map([['blk.0.attn_q.bias', Float32Array.of(1, 2, 3)]])],
  ])('gives the gap norms-trivial for %s', async (_, norms) => {
    const { lineage, gaps } = await told(norms)

    expect(lineage).toBeUndefined()
    expect(gaps.filter((gap) => gap.startsWith('rung 4: norms-trivial'))).toHaveLength(1)
  })

  it('tells norms of a type that it does not read', async () => {
    const norms = makePair(llama, 'F32', 1).converted
    const tensors = [...norms.keys()].map((name) => ({ name, dims: [64], type: 8 }))
    const kv = [['general.architecture', text('llama')] as const, ['llama.block_count', scalar('uint32', 3)] as const]
    const draft = await inspectFile(join(makeFolder({ weights: buildGguf({ kv, tensors }) }), 'weights'))

    expect(draft.fingerprint.lineage).toBeUndefined()
    expect(draft.gaps.map(({ detail }) => detail).join()).toContain('7 norm tensors are neither F32, F16 nor BF16')
  })
})

describe('the budget', () => {
  it('takes every second block of a model with over 2,000,000 norm values, the same ones from both containers', async () => {
    const width = 32_768
    const { normal } = random(9)
    const noise = Float32Array.from({ length: width }, () => Math.fround(1 + normal() * 0.2))
    const named = (names: readonly string[], last: string): Norms => {
      const blocks = Array.from({ length: 40 }, (_, block) => names.map((name) => name.replace('#', String(block))))
      return new Map([...blocks.flat(), last].map((name, index) => [name, noise.map((value) => value + index)]))
    }
    const fused = (norms: Norms) => Buffer.concat([...norms.values()].map((values) => Buffer.from(values.buffer)))
    const ofHf = named(
      ['model.layers.#.input_layernorm.weight', 'model.layers.#.post_attention_layernorm.weight'],
      'model.norm.weight',
    )
    const ofGguf = named(['blk.#.attn_norm.weight', 'blk.#.ffn_norm.weight'], 'output_norm.weight')
    const kv = [['general.architecture', text('llama')] as const, ['llama.block_count', scalar('uint32', 40)] as const]
    const tensors = [...ofGguf].map(([name, values]) => ({ name, dims: [width], data: Buffer.from(values.buffer) }))
    const described = [...ofHf.keys()].map((name) => ({ name, dtype: 'F32', shape: [width] }))

    const fromGguf = await readGguf(buildGguf({ kv, tensors }))
    const folder = makeFolder({
      'config.json': JSON.stringify({ model_type: 'llama', num_hidden_layers: 40 }),
      'model.safetensors': buildSafetensors({ tensors: described, data: fused(ofHf) }),
    })
    const fromHf = lineageOf((await readFolder(folder))[0])

    expect(fromGguf).toMatchObject({ blocks: 20, blockStride: 2, bytesRead: (20 * 2 + 1) * width * 4 })
    expect(fromGguf.bytesRead).toBeLessThanOrEqual(8_000_000)
    expect(fromHf.normDigest).toBe(fromGguf.normDigest)
  })

  it('holds over all parts of a split model with the shape of a Llama 405B, of which only the first states the layers', async () => {
    const width = 16_384
    const blocks = 126
    const { normal } = random(10)
    const noise = Float32Array.from({ length: width }, () => Math.fround(1 + normal() * 0.2))
    const norms = Array.from({ length: blocks }, (_, block) =>
      ['attn_norm', 'ffn_norm'].map((role) => ({ name: `blk.${block}.${role}.weight`, block, role })),
    ).flat()
    const tensors = norms.map(({ name, block, role }) => {
      const values = noise.map((value) => value + block / 64 + (role === 'attn_norm' ? 0 : 8))
      return { name, dims: [width], data: Buffer.from(values.buffer) }
    })
    const stated = [
      ['general.architecture', text('llama')] as const,
      ['llama.block_count', scalar('uint32', blocks)] as const,
    ]
    const cuts = [0, 85, 171, tensors.length]
    const folder = makeFolder({})
    for (let part = 0; part < 3; part += 1) {
      const split = { no: part, count: 3, 'tensors.count': tensors.length + 3 }
      const numbers = Object.entries(split).map(([key, value]) => [`split.${key}`, scalar('uint16', value)] as const)
      const weight = { name: `blk.${part}.ffn_down.weight`, dims: [53_248, width], type: 1, data: Buffer.alloc(0) }
      const bytes = buildGguf({
        kv: [...(part === 0 ? stated : []), ...numbers],
        tensors: [...tensors.slice(cuts[part], cuts[part + 1]), weight],
      })
      const path = join(folder, `llama-0000${part + 1}-of-00003.gguf`)
      writeFileSync(path, bytes)
      // The weights themselves are a hole in the file.
      truncateSync(path, bytes.length + 53_248 * width * 2)
    }

    const drafts = await readFolder(folder)
    const whole = await readGguf(buildGguf({ kv: stated, tensors }))

    expect(drafts).toMatchObject([{ kind: 'split', verdict: 'unchecked' }])
    expect(lineageOf(drafts[0])).toMatchObject({ blocks: 32, blockStride: 4, bytesRead: 64 * width * 4 })
    expect(lineageOf(drafts[0]).normDigest).toBe(whole.normDigest)
  })

  it('reads big-endian GGUF as the same norms', async () => {
    const { converted } = makePair(llama, 'BF16', 5)
    const kv = [['general.architecture', text('llama')] as const, ['llama.block_count', scalar('uint32', 3)] as const]
    const tensors = [...converted].map(([name, values]) => ({
      name,
      dims: [values.length],
      data: encodeValues(values, 'F32'),
    }))
    const swapped = tensors.map((tensor) => ({ ...tensor, data: Buffer.from(tensor.data).swap32() }))

    const little = await readGguf(buildGguf({ kv, tensors }))
    const big = await readGguf(buildGguf({ kv, tensors: swapped, isBigEndian: true }))

    expect(big.normDigest).toBe(little.normDigest)
  })
})

// Burn's packs and llama2.c's files, good and lying: each case is built so that one field is wrong.
import { describe, expect, it } from '@jest/globals'
import { burnBpk } from '../../../agent/read/burn-bpk.ts'
import { llama2cTokenizer } from '../../../agent/read/llama2c-tokenizer.ts'
import { llama2c } from '../../../agent/read/llama2c.ts'
import {
  BURN_SAMPLES,
  type BurnSpec,
  LLAMA2C_MATRICES,
  LLAMA2C_NORMS,
  LLAMA2C_TOKENS,
  LLAMA2C_V0_BYTES,
  buildBurn,
  buildLlama2c,
  buildLlama2cTokenizer,
  cbor,
} from '../../build-burn.ts'
import { corpusFile, formatOf, hasCorpus, readBytes, sample } from './give-bytes.ts'

it.each(Object.entries(BURN_SAMPLES))('the committed sample %s is what the builder makes', (path, bytes) => {
  expect(sample(path).equals(bytes)).toBe(true)
})

describe('a pack of Burn', () => {
  it('has its tensors at multiples of 256, and the words of whoever saved it', () => {
    const { part, facts, codes } = readBytes(
      burnBpk,
      buildBurn({ entries: [['metadata', { pairs: [['epoch', '3']] }]] }),
    )

    expect(part.tensors.map(({ name, offset }) => [name, offset % 256])).toEqual([
      ['conv1.weight', 0],
      ['conv1.bias', 0],
    ])
    expect(facts).toMatchObject({ magic: 'NRUB', version: 1, tensorCount: 2, 'metadata.epoch': '3' })
    expect(codes).toEqual([])
  })

  const one = (lie: object): BurnSpec => ({ tensors: [{ name: 'a', offsets: [0, 32], ...lie }], dataBytes: 32 })
  const nested = Buffer.concat([Buffer.alloc(5_000, 0x81), Buffer.from([0])])
  it.each<readonly [string, string, BurnSpec]>([
    ['metadata of 4 GB', 'GNO_READ_LIMIT', { metadataBytes: 0xffff_ffff }],
    ['metadata longer than the file', 'GNO_READ_TRUNCATED', { metadataBytes: 9_000 }],
    ['a place behind the end', 'GNO_READ_TRUNCATED', one({ offsets: [0, 9_000] })],
    ['a place that runs backwards', 'GNO_READ_INVALID', one({ offsets: [32, 0] })],
    ['a place of 2^63', 'GNO_READ_INVALID', one({ offsets: [0, 1n << 63n] })],
    ['a shape larger than its bytes', 'GNO_READ_INVALID', one({ shape: [1 << 30, 1 << 30] })],
    ['a negative dimension', 'GNO_READ_INVALID', one({ shape: Buffer.from([0x81, 0x20]) })],
    ['thousands of dimensions', 'GNO_READ_LIMIT', one({ shape: Array.from({ length: 2_000 }, () => 1) })],
    [
      'metadata of hundreds of parts',
      'GNO_READ_LIMIT',
      { entries: Array.from({ length: 200 }, (_, index) => [`part${index}`, 0] as const) },
    ],
    ['arrays nested thousands deep', 'GNO_READ_LIMIT', { entries: [['extra', nested]] }],
    ['2^40 entries', 'GNO_READ_TRUNCATED', { metadata: Buffer.from('bb0000010000000000', 'hex') }],
    ['a map of open length', 'GNO_READ_INVALID', { metadata: Buffer.from('bfff', 'hex') }],
    [
      'the same tensor twice',
      'GNO_READ_INVALID',
      { tensors: [...(one({}).tensors ?? []), ...(one({}).tensors ?? [])] },
    ],
    [
      'tensors that overlap',
      'GNO_READ_OVERLAP',
      {
        tensors: [
          { name: 'a', offsets: [0, 32] },
          { name: 'b', offsets: [16, 48] },
        ],
        dataBytes: 48,
      },
    ],
    ['the same key twice', 'GNO_READ_INVALID', { entries: [['tensors', { pairs: [] }]] }],
    ['data behind the last tensor', 'GNO_READ_INVALID', { dataBytes: 1_000 }],
  ])('with %s is malformed', (_lie, code, spec) => {
    const { codes, gaps } = readBytes(burnBpk, buildBurn(spec))

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })

  it('keeps __proto__ as a name like any other', () => {
    const { part } = readBytes(
      burnBpk,
      buildBurn({ tensors: [{ name: '__proto__', offsets: [0, 32] }], dataBytes: 32 }),
    )

    expect(part.tensors.map(({ name }) => name)).toEqual(['__proto__'])
  })

  it('knows a type with parameters of its own as packed', () => {
    const dtype = { pairs: [['QFloat', { pairs: [['value', 'Q8S']] }]] } as const
    const tensors = [{ name: 'a', dtype, shape: [32], offsets: [0, 32] }] as const

    expect(readBytes(burnBpk, buildBurn({ tensors, dataBytes: 32 })).part.tensors[0]?.type).toBe('QFloat')
  })

  it('is cbor as RFC 8949 writes it', () => {
    expect(cbor({ pairs: [['a', [1, 500]]] }).toString('hex')).toBe('a16161' + '82' + '01' + '1b00000000000001f4')
  })
})

describe('a checkpoint of llama2.c', () => {
  it.each([
    ['version 0', buildLlama2c({ dataBytes: LLAMA2C_V0_BYTES }), 13],
    [
      'version 0 with its own output',
      buildLlama2c({
        words: [8, 12, 1, 2, 1, -4, 4],
        dataBytes: LLAMA2C_V0_BYTES + 128,
      }),
      14,
    ],
    ['version 1', buildLlama2c({ version: 1, dataBytes: (LLAMA2C_MATRICES + LLAMA2C_NORMS) * 4 }), 11],
    ['version 2', buildLlama2c({ version: 2, dataBytes: LLAMA2C_MATRICES * 2 + LLAMA2C_NORMS * 4 }), 11],
  ])('of %s fills its file to the last byte', (_version, bytes, tensors) => {
    const { part, codes } = readBytes(llama2c, bytes)
    const last = part.tensors.at(-1)

    expect([formatOf(bytes), codes, part.tensors.length]).toEqual(['llama2c', [], tensors])
    expect((last?.offset ?? 0) + (last?.bytes ?? 0)).toBe(bytes.length)
    expect(part.hyperparameters).toMatchObject({ layers: 1, embeddingWidth: 8, feedForwardWidth: 12, kvHeads: 1 })
  })

  it('without a magic number is one byte away from being none', () => {
    expect(formatOf(buildLlama2c({ dataBytes: LLAMA2C_V0_BYTES + 1 }))).toBeNull()
    expect(formatOf(buildLlama2c({ dataBytes: LLAMA2C_V0_BYTES - 1 }))).toBeNull()
  })

  it.each([
    ['cut short', 'GNO_READ_TRUNCATED', { version: 1, dataBytes: 1_000 }],
    ['with bytes behind it', 'GNO_READ_INVALID', { version: 1, dataBytes: 9_000 }],
    ['of 2^31-1 tokens', 'GNO_READ_INVALID', { version: 1, words: [8, 12, 1, 2, 1, 0x7fff_ffff, 4], dataBytes: 64 }],
    ['of a negative width', 'GNO_READ_INVALID', { version: 1, words: [-8, 12, 1, 2, 1, 4, 4], dataBytes: 64 }],
    ['of groups of nothing', 'GNO_READ_INVALID', { version: 2, groupSize: 0, dataBytes: 64 }],
  ] as const)('%s is malformed', (_lie, code, spec) => {
    const { codes, gaps } = readBytes(llama2c, buildLlama2c(spec))

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })
})

describe('a vocabulary of llama2.c', () => {
  it('is a tokenizer beside weights, and counts its tokens', () => {
    const { part, facts, codes } = readBytes(llama2cTokenizer, buildLlama2cTokenizer(LLAMA2C_TOKENS))

    expect([part.holds, facts, codes]).toEqual(['sidecar', { maxTokenLength: 6, tokens: 6 }, []])
    expect(part.tokenizer).toMatchObject({ kind: 'llama', size: 6 })
  })

  it.each([
    ['a last token of 2^31-1 bytes', 'GNO_READ_INVALID', { lastBytes: 0x7fff_ffff }],
    ['a last token longer than the file', 'GNO_READ_TRUNCATED', { lastBytes: 500 }],
    ['a longest token of 2^31-1 bytes', 'GNO_READ_LIMIT', { longest: 0x7fff_ffff }],
    ['tokens longer than the longest', 'GNO_READ_INVALID', { longest: 2 }],
  ])('with %s is malformed', (_lie, code, lies) => {
    const { codes, gaps } = readBytes(llama2cTokenizer, buildLlama2cTokenizer(LLAMA2C_TOKENS, lies))

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })
})

const withCorpus = hasCorpus ? describe : describe.skip

withCorpus('files of the shared corpus (skipped where it is not beside the project)', () => {
  it('agrees with the manifest about Burn', () => {
    const bytes = corpusFile('benign/d0122.bpk')
    const { facts, part, gaps } = readBytes(burnBpk, bytes)

    expect([formatOf(bytes), gaps.verdict(), part.tensors.length]).toEqual(['burn-bpk', 'unchecked', 18])
    expect(facts).toMatchObject({ magic: 'NRUB', version: 1 })
  })

  it("agrees with the manifest about llama2.c's tokenizer", () => {
    const bytes = corpusFile('benign/d0061.bin')
    const { facts, gaps } = readBytes(llama2cTokenizer, bytes)

    expect([formatOf(bytes), gaps.verdict()]).toEqual(['llama2c-tokenizer', 'unchecked'])
    expect(facts).toEqual({ maxTokenLength: 27, tokens: 32_000 })
  })
})

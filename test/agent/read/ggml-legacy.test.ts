// ggml's files before GGUF, good and lying: each case is built so that one number is wrong (shared/notes/corpora.md section 4).
import { describe, expect, it } from '@jest/globals'
import { ggmlLegacy } from '../../../agent/read/ggml-legacy.ts'
import { whisperGgml } from '../../../agent/read/whisper-ggml.ts'
import {
  GGML_SAMPLES,
  type GgmlSpec,
  TINY_ADAPTER,
  TINY_LLAMA,
  TINY_PARAKEET,
  TINY_RWKV,
  TINY_SILERO,
  TINY_WHISPER,
  buildGgml,
  int32,
} from '../../build-ggml.ts'
import { corpusFile, formatOf, hasCorpus, readBytes, sample } from './give-bytes.ts'

const INT32_MAX = 0x7fff_ffff
const GGJT = { magic: 'tjgg', version: 3, hasScores: true, alignment: 32, ...TINY_LLAMA } as const
const F32 = { type: 0, dims: [8], bytes: 32 } as const

it.each(Object.entries(GGML_SAMPLES))('the committed sample %s is what the builder makes', (path, bytes) => {
  expect(sample(path).equals(bytes)).toBe(true)
})

describe('language models', () => {
  it('places the tensors of ggjt at multiples of 32, and measures the first block', () => {
    const { part, codes } = readBytes(ggmlLegacy, buildGgml(GGJT))

    expect(codes).toEqual([])
    expect(part.tensors.map(({ offset }) => offset % 32)).toEqual([0, 0, 0, 0])
    expect(part.hyperparameters).toMatchObject({ architecture: 'llama', layers: 1, feedForwardWidth: 12, kvHeads: 1 })
  })

  it('takes 18 bytes a block of Q4_0 in version 3, and 20 before', () => {
    const tensors = (bytes: number) => ({ tensors: [{ name: 'a', type: 2, dims: [32], bytes }] })
    const old = readBytes(ggmlLegacy, buildGgml({ ...GGJT, version: 2, ...tensors(20) }))
    const current = readBytes(ggmlLegacy, buildGgml({ ...GGJT, ...tensors(18) }))

    expect([old.part.tensors[0]?.bytes, current.part.tensors[0]?.bytes]).toEqual([20, 18])
    expect([...old.codes, ...current.codes]).toEqual([])
  })

  it.each<readonly [string, GgmlSpec]>([
    ['gpt-2', { magic: 'lmgg', words: [2, 64, 8, 2, 1, 1], tokens: ['a', 'b'], repeatsCount: true }],
    ['gpt-j', { magic: 'lmgg', words: [2, 64, 8, 2, 1, 4, 1], tokens: ['a', 'b'], repeatsCount: true }],
    ['gpt-neox', { magic: 'lmgg', words: [2, 64, 8, 2, 1, 4, 1, 1], tokens: ['a', 'b'] }],
    ['bloom', { magic: 'lmgg', words: [2, 8, 1, 2, 1, 1], tokens: ['a', 'b'] }],
    ['mpt', { magic: 'lmgg', words: [8, 64, 2, 1, 2, 0x41000000, 0, 1], tokens: ['a', 'b'] }],
    ['replit', { magic: 'lmgg', words: [8, 64, 2, 1, 2, 1], tokens: ['a', 'b'], hasScores: true }],
  ])('tells the header of %s by the tensor behind its vocabulary', (layout, spec) => {
    const bytes = buildGgml({ ...spec, tensors: [{ name: 'first.weight', ...F32 }] })

    const { facts, codes, part } = readBytes(ggmlLegacy, bytes)

    expect(formatOf(bytes)).toBe('ggml-legacy')
    expect({ layout: facts['layout'], codes, tensors: part.tensors.length }).toEqual({ layout, codes: [], tensors: 1 })
  })

  it('tells rank, alpha and targets of an adapter', () => {
    const { part } = readBytes(ggmlLegacy, buildGgml(TINY_ADAPTER))

    expect(part.kind).toBe('adapter')
    expect(part.adapter).toEqual({ kind: 'lora', rank: 2, alpha: 4, targets: ['wq'] })
  })

  it('says that a session holds no weights', () => {
    const { part, gaps } = readBytes(ggmlLegacy, Buffer.concat([Buffer.from('nsgg'), int32(9, 0, 0)]))

    expect([part.holds, gaps.verdict()]).toEqual(['data', 'unchecked'])
  })
})

const withTensor = (tensor: object): GgmlSpec => ({ ...GGJT, tensors: [{ name: 'a', ...F32, ...tensor }] })

const LIES: readonly (readonly [string, string, GgmlSpec])[] = [
  ['a vocabulary of 2^31-1', 'GNO_READ_LIMIT', { ...GGJT, words: [INT32_MAX, 8, 32, 2, 1, 4, 0] }],
  ['a negative width', 'GNO_READ_LIMIT', { ...GGJT, words: [4, -8, 32, 2, 1, 4, 0] }],
  ['a million tokens that are not there', 'GNO_READ_TRUNCATED', { ...GGJT, words: [999_999, 8, 32, 2, 1, 4, 0] }],
  ['a token of 2^31-1 bytes', 'GNO_READ_LIMIT', { ...GGJT, firstTokenBytes: INT32_MAX }],
  ['five dimensions', 'GNO_READ_INVALID', withTensor({ dimCount: 5 })],
  ['a name of 2^31-1 bytes', 'GNO_READ_INVALID', withTensor({ nameBytes: INT32_MAX })],
  ['a negative dimension', 'GNO_READ_INVALID', withTensor({ dims: [-8] })],
  ['dimensions whose product wraps', 'GNO_READ_LIMIT', withTensor({ dims: [INT32_MAX, INT32_MAX, INT32_MAX] })],
  ['a tensor larger than the file', 'GNO_READ_TRUNCATED', withTensor({ dims: [1_000] })],
  ['the same tensor twice', 'GNO_READ_INVALID', { ...GGJT, tensors: [TINY_LLAMA.tensors[3], TINY_LLAMA.tensors[3]] }],
  ['half a block', 'GNO_READ_INVALID', withTensor({ type: 2, dims: [16], bytes: 9 })],
  ['RWKV of no layers', 'GNO_READ_INVALID', { ...TINY_RWKV, words: [4, 32, 0, 7] }],
  ['an unknown type of RWKV', 'GNO_READ_INVALID', { ...TINY_RWKV, words: [4, 32, 1, 99] }],
  ['an adapter of rank 0', 'GNO_READ_INVALID', { ...TINY_ADAPTER, words: [0, 4] }],
]

it.each(LIES)('calls a language model with %s malformed', (_lie, code, spec) => {
  const { codes, gaps, bytesRead } = readBytes(ggmlLegacy, buildGgml(spec))

  expect(codes).toContain(code)
  expect(gaps.verdict()).toBe('malformed')
  expect(bytesRead).toBeLessThan(10_000)
})

describe('speech models', () => {
  it.each([
    ['whisper', TINY_WHISPER],
    ['parakeet', TINY_PARAKEET],
    ['silero', TINY_SILERO],
  ])('reads the layout of %s', (layout, spec) => {
    const bytes = buildGgml(spec)

    const { facts, codes, part } = readBytes(whisperGgml, bytes)

    expect([formatOf(bytes), facts['layout'], codes, part.tensors.length]).toEqual([
      'whisper-ggml',
      layout,
      [],
      spec.tensors.length,
    ])
  })

  const filters = (mels: number, bins: number) => ({ middle: Buffer.concat([int32(mels, bins), Buffer.alloc(24)]) })
  const parakeet = (place: number, value: number) => ({
    ...TINY_PARAKEET,
    words: TINY_PARAKEET.words.map((word, index) => (index === place ? value : word)),
  })

  it.each<readonly [string, string, GgmlSpec]>([
    ['transforms of no length', 'GNO_READ_INVALID', parakeet(7, 0)],
    ['a negative number of layers', 'GNO_READ_INVALID', parakeet(4, -1)],
    ['2^31-1 durations', 'GNO_READ_LIMIT', parakeet(13, INT32_MAX)],
    ['filters whose product wraps', 'GNO_READ_LIMIT', { ...TINY_WHISPER, ...filters(65_536, 65_536) }],
    ['filters for other bands', 'GNO_READ_INVALID', { ...TINY_WHISPER, ...filters(3, 2) }],
    ['a negative vocabulary', 'GNO_READ_LIMIT', { ...TINY_WHISPER, repeatsCount: -1 }],
    ['2^31-1 tokens', 'GNO_READ_LIMIT', { ...TINY_WHISPER, repeatsCount: INT32_MAX }],
    ['no attention heads', 'GNO_READ_INVALID', { ...TINY_WHISPER, words: [3, 1500, 8, 0, 1, 448, 8, 2, 1, 2, 1] }],
  ])('calls one with %s malformed', (_lie, code, spec) => {
    const { codes, gaps } = readBytes(whisperGgml, buildGgml(spec))

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })
})

const withCorpus = hasCorpus ? describe : describe.skip

withCorpus('files of the shared corpus (skipped where it is not beside the project)', () => {
  it.each([
    ['benign/d0032.bin', { layout: 'silero', modelVersion: '6.2.0' }, 15],
    ['benign/d0131.bin', { layout: 'parakeet', nVocab: 10, nFft: 64 }, 51],
    ['benign/d0132.bin', { magic: 'ggml', nVocab: 51_865, nAudioState: 384, nTextLayer: 4, nMels: 80, ftype: 1 }, 0],
  ])('%s is what its manifest says', (path, facts, tensors) => {
    const bytes = corpusFile(path)

    const found = readBytes(whisperGgml, bytes)

    expect(formatOf(bytes)).toBe('whisper-ggml')
    expect(found.facts).toMatchObject(facts)
    expect([found.part.tensors.length, found.gaps.verdict()]).toEqual([tensors, 'unchecked'])
  })

  it('names the Parakeet whose transforms have no length, and calls it malformed', () => {
    const bytes = corpusFile('malformed/d0013.bin')

    expect([formatOf(bytes), readBytes(whisperGgml, bytes).gaps.verdict()]).toEqual(['whisper-ggml', 'malformed'])
  })

  it('agrees with the manifest about RWKV', () => {
    const bytes = corpusFile('benign/d0045.bin')

    const { facts, gaps, part } = readBytes(ggmlLegacy, bytes)

    expect(formatOf(bytes)).toBe('ggml-legacy')
    expect(facts).toMatchObject({ magic: 'ggmf', fileVersion: 101, nVocab: 256, nEmbd: 128, nLayer: 4, dataType: 7 })
    expect([part.tensors.length, gaps.verdict()]).toEqual([78, 'unchecked'])
  })
})

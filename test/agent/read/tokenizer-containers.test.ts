// Rung 3: one made-up vocabulary in every container that its kind is kept in, converted here as llama.cpp's converter and the
// libraries do, has the same digests; what really differs has others.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { Tokenizer } from '../../../contract/fingerprint.ts'
import { array, buildGguf, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import {
  PIECE,
  type Piece,
  buildHfTokenizer,
  buildRanks,
  buildSentencePiece,
  buildTekken,
  buildWorld,
  pythonBytes,
} from '../../build-tokenizer.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-vocabulary-'))
afterAll(() => rmSync(root, { recursive: true }))
const corpus = join(import.meta.dirname, '../../corpus/read/sentencepiece')

let written = 0
function makeFolder(files: Readonly<Record<string, Uint8Array | string>>): string {
  written += 1
  const folder = join(root, `folder-${written}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

/** The file alone, under a name that says nothing. */
async function alone(content: Uint8Array | string): Promise<Tokenizer | undefined> {
  const draft = await inspectFile(join(makeFolder({ thing: content }), 'thing'))
  expect(draft.format).toBe('sentencepiece')
  expect(draft.verdict).toBe('unchecked')
  return draft.fingerprint.tokenizer
}

/** Beside weights, as the only tokenizer of a Hugging Face folder. */
async function beside(name: string, content: Uint8Array | string): Promise<Tokenizer | undefined> {
  const weights = buildSafetensors({ tensors: [{ name: 'model.norm.weight', dtype: 'F32', shape: [4] }] })
  const [draft] = await readFolder(
    makeFolder({ 'config.json': '{"model_type":"llama"}', 'model.safetensors': weights, [name]: content }),
  )
  return draft?.fingerprint.tokenizer
}

interface GgufToken {
  readonly text: string
  /** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
  readonly type: number
}

/** In GGUF, with the padding that fills the rows of the embedding. */
async function inGguf(model: string, tokens: readonly GgufToken[], padding = 3): Promise<Tokenizer | undefined> {
  const padded = Array.from({ length: padding }, (_, index) => ({ text: `[PAD${tokens.length + index}]`, type: 5 }))
  const all = [...tokens, ...padded]
  const bytes = buildGguf({
    kv: [
      ['general.architecture', text('llama')],
      ['tokenizer.ggml.model', text(model)],
      [
        'tokenizer.ggml.tokens',
        array(
          'string',
          all.map((token) => token.text),
        ),
      ],
      [
        'tokenizer.ggml.token_type',
        array(
          'int32',
          all.map((token) => token.type),
        ),
      ],
    ],
    tensors: [{ name: 'output_norm.weight', dims: [4] }],
  })
  return (await inspectFile(join(makeFolder({ weights: bytes }), 'weights'))).fingerprint.tokenizer
}

const digests = (tokenizer: Tokenizer | undefined) => [tokenizer?.baseVocabDigest, tokenizer?.addedTokensDigest]

/** GPT-2's alphabet, as the public code builds it. */
const kept = [...Array(256).keys()].filter((byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173))
let extra = 256
const alphabet = [...Array(256).keys()].map((byte) => String.fromCodePoint(kept.includes(byte) ? byte : extra++))
const byteLevel = (token: Uint8Array) => [...token].map((byte) => alphabet[byte] ?? '').join('')

const RAW = ['!', 'a', 'b', ' a', 'ab', '\n', '\t', 'é', ' 東京', '\\', '\u0000'].map(
  (token) => new Uint8Array(Buffer.from(token)),
)
const BROKEN = [...RAW, Uint8Array.of(0xff), Uint8Array.of(0xe6, 0x9d)]

const PIECES: readonly Piece[] = [
  { text: '<unk>', type: PIECE.unknown },
  { text: '<s>', type: PIECE.control },
  { text: '</s>', type: PIECE.control },
  { text: '<0x00>', type: PIECE.byte },
  { text: '<0x0A>', type: PIECE.byte },
  { text: '▁a', type: PIECE.normal },
  { text: '▁東京', type: PIECE.normal },
  { text: 'ab', type: PIECE.normal },
  { text: '▁▁', type: PIECE.userDefined },
]
const SPELLED = PIECES.map((piece) => ({ text: String(piece.text), type: piece.type }))
/** Added tokens of the library: all that are not ordinary. */
const ADDED = SPELLED.flatMap(({ text: content, type }, id) =>
  type === PIECE.normal || type === PIECE.byte ? [] : [{ id, content }],
)

describe('one vocabulary', () => {
  it.each([
    ['SentencePiece BPE (Llama)', 'llama', 'BPE', 2],
    ['SentencePiece Unigram (T5, Gemma, XLM-R)', 't5', 'Unigram', 1],
  ] as const)('of %s is the same in tokenizer.model, tokenizer.json and GGUF', async (_name, model, type, number) => {
    const message = buildSentencePiece(PIECES, number)
    const json = buildHfTokenizer({
      type,
      tokens: SPELLED.map((token) => token.text),
      added: ADDED,
      isByteLevel: false,
    })

    const fromGguf = await inGguf(model, SPELLED)

    expect(fromGguf?.baseVocabDigest).toMatch(/^tok1:[0-9a-f]{64}$/)
    expect(fromGguf?.addedTokensDigest).toMatch(/^add1:[0-9a-f]{64}$/)
    for (const other of [await alone(message), await beside('tokenizer.model', message), await alone(json)]) {
      expect(digests(other)).toEqual(digests(fromGguf))
      expect(other?.kind).toBe(model)
      expect(other?.size).toBe(PIECES.length)
    }
  })

  it('of XLM-R keeps its base when Fairseq moves the ids, and only the added tokens differ', async () => {
    const moved = [
      { text: '<s>', type: 3 },
      { text: '<pad>', type: 3 },
      { text: '</s>', type: 3 },
      { text: '<unk>', type: 2 },
    ]
    const ordinary = SPELLED.filter(({ type }) => type === PIECE.normal || type === PIECE.byte)

    const fromGguf = await inGguf('t5', [...moved, ...ordinary])
    const fromModel = await alone(buildSentencePiece(PIECES, 1))

    expect(fromGguf?.baseVocabDigest).toBe(fromModel?.baseVocabDigest)
    expect(fromGguf?.addedTokensDigest).not.toBe(fromModel?.addedTokensDigest)
  })

  it('of byte-level BPE is the same in tiktoken ranks, tokenizer.json and GGUF', async () => {
    const tokens = BROKEN.map((token) => ({ text: byteLevel(token), type: 1 }))
    const special = { text: '<|end|>', type: 3 }
    const json = buildHfTokenizer({
      type: 'BPE',
      tokens: tokens.map((token) => token.text),
      added: [{ id: tokens.length, content: special.text }],
      isByteLevel: true,
    })
    const ranks = buildRanks(BROKEN)

    const fromGguf = await inGguf('gpt2', [...tokens, special])

    expect(digests(await alone(json))).toEqual(digests(fromGguf))
    for (const fromRanks of [
      await alone(ranks),
      await beside('tokenizer.model', ranks),
      await beside('qwen.tiktoken', ranks),
    ]) {
      expect(fromRanks?.baseVocabDigest).toBe(fromGguf?.baseVocabDigest)
      expect(fromRanks?.addedTokensDigest).toBeUndefined()
    }
  })

  it('of tekken is the same in tekken.json and GGUF, which drop what is beyond the size', async () => {
    const special = ['<unk>', '<s>', '</s>']
    const names = [...special, '<SPECIAL_3>'].map((name) => ({ text: name, type: 3 }))
    const used = BROKEN.slice(0, 8).map((token) => ({ text: byteLevel(token), type: 1 }))
    const json = buildTekken({ tokens: BROKEN, special, specialPlaces: 4, size: 12 })

    const fromGguf = await inGguf('gpt2', [...names, ...used])

    for (const other of [await alone(json), await beside('tekken.json', json)]) {
      expect(digests(other)).toEqual(digests(fromGguf))
      expect(other?.size).toBe(12)
    }
  })

  it('of RWKV is the same in the world vocabulary and GGUF, where bytes are spelled as Python does', async () => {
    const end = { text: '<s>', type: 3 }
    const tokens = BROKEN.map((token) => ({ text: pythonBytes(token), type: 1 }))
    const world = buildWorld(BROKEN)

    const fromGguf = await inGguf('rwkv', [end, ...tokens])

    for (const other of [await alone(world), await beside('rwkv_vocab_v20230424.txt', world)]) {
      expect(other?.baseVocabDigest).toBe(fromGguf?.baseVocabDigest)
      expect(other?.size).toBe(BROKEN.length + 1)
    }
    expect(fromGguf?.baseVocabDigest).toBe((await alone(buildRanks(BROKEN)))?.baseVocabDigest)
  })

  it('of WordPiece is the same in tokenizer.json and GGUF, which mark opposite ends of words', async () => {
    const words = ['[PAD]', '[CLS]', 'the', '##ing', '[unused1]', '##b']
    const isAdded = (word: string) => word === '[PAD]' || word === '[CLS]'
    const added = words.flatMap((content, id) => (isAdded(content) ? [{ id, content }] : []))
    const json = buildHfTokenizer({ type: 'WordPiece', tokens: words, added, isByteLevel: false })
    const spelled = words.map((word) => {
      if (isAdded(word)) return { text: word, type: 3 }
      return { text: word.startsWith('##') ? word.slice(2) : `▁${word}`, type: 1 }
    })

    expect(digests(await alone(json))).toEqual(digests(await inGguf('bert', spelled)))
  })

  it('is not moved by padding, and is by a trim, a changed piece and another order', async () => {
    const base = async (tokens: readonly GgufToken[], padding?: number) =>
      (await inGguf('llama', tokens, padding))?.baseVocabDigest
    const whole = await base(SPELLED)

    expect(await base(SPELLED, 0)).toBe(whole)
    expect(await base(SPELLED, 64)).toBe(whole)
    expect(await base(SPELLED.slice(0, 7))).not.toBe(whole)
    expect(await base(SPELLED.map((token) => (token.text === 'ab' ? { ...token, text: 'ba' } : token)))).not.toBe(whole)
    expect(await base([...SPELLED.slice(0, 5), ...SPELLED.slice(5).reverse()])).not.toBe(whole)
  })
})

/** Pieces whose kind is a varint of 64 bits. */
const WIDE_KINDS = Buffer.concat(
  Array.from({ length: 4 }, () => Buffer.from('0a120a01611500000000' + '18ffffffffffffffff7f', 'hex')),
)

describe('a tokenizer file', () => {
  it.each([
    ['tokenizer.model', buildSentencePiece(PIECES, 2)],
    [
      'tokenizer.json',
      buildHfTokenizer({ type: 'BPE', tokens: SPELLED.map((token) => token.text), added: ADDED, isByteLevel: false }),
    ],
    ['tekken.json', buildTekken({ tokens: RAW, special: ['<unk>'], specialPlaces: 2, size: 13 })],
    ['ranks.tiktoken', buildRanks(BROKEN)],
    ['world.txt', buildWorld(BROKEN)],
  ])('%s of the samples is what its builder writes', (name, content) => {
    expect(readFileSync(join(corpus, name))).toEqual(Buffer.from(content))
  })

  it.each([
    [
      'a piece that is longer than the file',
      Buffer.concat([buildSentencePiece(PIECES, 2), Buffer.from([0x0a, 0x7f, 0x01])]),
    ],
    ['a piece without a text', Buffer.concat([buildSentencePiece(PIECES, 2), Buffer.from([0x0a, 0x02, 0x18, 0x01])])],
    ['ranks that do not ascend', `${buildRanks(RAW)}YQ== 3\n`],
    ['a rank that is no number', `${buildRanks(RAW)}YQ== x\n`],
    ['a world token of another length', `${buildWorld(RAW)}${RAW.length + 1} 'abc' 2\n`],
    ['a count that is no whole number', buildTekken({ tokens: RAW, special: ['<unk>'], specialPlaces: 1.5, size: 13 })],
    [
      'a count beyond any vocabulary',
      buildTekken({ tokens: RAW, special: ['<unk>'], specialPlaces: 2 ** 52, size: 13 }),
    ],
    [
      'a tokenizer.json that ends early',
      buildHfTokenizer({ type: 'BPE', tokens: ['a'], added: [], isByteLevel: true }).slice(0, -9),
    ],
  ])('with %s is malformed', async (_name, content) => {
    const draft = await inspectFile(join(makeFolder({ thing: content }), 'thing'))

    expect(draft.format).toBe('sentencepiece')
    expect(draft.verdict).toBe('malformed')
  })

  it.each([
    ['text', 'one two three\nfour five\n'],
    ['a package', '{"name":"x","version":"1.0.0","dependencies":{}}'],
    ['lines of numbers', 'YQ== 5\nYg== 6\nYw== 7\n'],
    [
      'a message without an unknown piece',
      buildSentencePiece(
        PIECES.filter(({ type }) => type !== PIECE.unknown),
        2,
      ),
    ],
    ['a message whose kinds are no small numbers', WIDE_KINDS],
  ])('is not seen in %s', async (_name, content) => {
    expect((await inspectFile(join(makeFolder({ thing: content }), 'thing'))).format).not.toBe('sentencepiece')
  })
})

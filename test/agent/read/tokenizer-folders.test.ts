// Rung 3 where there is no tokenizer.json: a vocabulary and the files that add tokens to it, converted here as transformers and
// llama.cpp's converter do, have the digests of the tokenizer.json and the GGUF made of them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { Tokenizer } from '../../../contract/fingerprint.ts'
import { array, buildGguf, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { PIECE, type Piece, buildHfTokenizer, buildSentencePiece } from '../../build-tokenizer.ts'
import { inspectFile, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-token-folder-'))
afterAll(() => rmSync(root, { recursive: true }))

type Files = Readonly<Record<string, Uint8Array | string>>

let written = 0
function makeFolder(files: Files): string {
  written += 1
  const folder = join(root, `folder-${written}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

async function read(files: Files) {
  const weights = buildSafetensors({ tensors: [{ name: 'model.norm.weight', dtype: 'F32', shape: [4] }] })
  const folder = makeFolder({ 'config.json': '{"model_type":"llama"}', 'model.safetensors': weights, ...files })
  const [draft] = await readFolder(folder)
  return { tokenizer: draft?.fingerprint.tokenizer, claims: draft?.fingerprint.claims, gaps: draft?.gaps ?? [], folder }
}

interface GgufToken {
  readonly text: string
  /** 1 normal, 3 control, 4 user-defined, 5 unused, 6 byte. */
  readonly type: number
}

async function inGguf(model: string, tokens: readonly GgufToken[], merges?: readonly string[]) {
  const bytes = buildGguf({
    kv: [
      ['general.architecture', text('llama')],
      ['tokenizer.ggml.model', text(model)],
      [
        'tokenizer.ggml.tokens',
        array(
          'string',
          tokens.map((token) => token.text),
        ),
      ],
      [
        'tokenizer.ggml.token_type',
        array(
          'int32',
          tokens.map((token) => token.type),
        ),
      ],
      ...(merges === undefined ? [] : [['tokenizer.ggml.merges', array('string', merges)] as const]),
    ],
    tensors: [{ name: 'output_norm.weight', dims: [4] }],
  })
  return (await inspectFile(join(makeFolder({ weights: bytes }), 'weights'))).fingerprint.tokenizer
}

const digests = (tokenizer: Tokenizer | undefined) => [
  tokenizer?.baseVocabDigest,
  tokenizer?.addedTokensDigest,
  tokenizer?.mergesDigest,
]
const entry = (content: string) => ({ content, lstrip: false, normalized: false, special: true })

it('takes added tokens by the hundred thousand as they are', async () => {
  const many = Object.fromEntries(Array.from({ length: 200_000 }, (_, id) => [`+${id}`, id]))

  const { tokenizer } = await read({
    'vocab.json': '{"a":0,"b":1}',
    'merges.txt': '#version: 0.2\na b\n',
    'added_tokens.json': JSON.stringify(many),
  })

  expect(tokenizer?.size).toBe(200_000)
})

describe('vocab.json and merges.txt', () => {
  const WORDS = ['<|endoftext|>', '!', 'a', 'b', 'Ġa', 'ab', 'Ċ', '"', '<|é|>']
  const END = WORDS.length
  const MERGES = [
    ['a', 'b'],
    ['Ġ', 'a'],
    ['#', '#version'],
  ] as const
  const VOCAB = JSON.stringify(Object.fromEntries(WORDS.map((word, id) => [word, id])))
  const LINES = `#version: 0.2\n${MERGES.map((pair) => `${pair.join(' ')}\n`).join('')}`
  const SPECIAL = [0, 8].map((id) => ({ id, content: WORDS[id] ?? '' }))
  const added = [...SPECIAL, { id: END, content: '<|im_start|>' }]
  const decoder = Object.fromEntries(added.map(({ id, content }) => [id, entry(content)]))
  const ways: readonly (readonly [string, Files])[] = [
    ['added_tokens_decoder', { 'tokenizer_config.json': JSON.stringify({ added_tokens_decoder: decoder }) }],
    [
      'added_tokens.json and special_tokens_map.json',
      {
        'added_tokens.json': `{"<|im_start|>":${END}}`,
        'special_tokens_map.json': JSON.stringify({
          eos_token: '<|endoftext|>',
          additional_special_tokens: ['<|im_start|>', entry('<|é|>')],
        }),
      },
    ],
    [
      'added_tokens.json and the words of tokenizer_config.json',
      {
        'added_tokens.json': `{"<|im_start|>":${END}}`,
        'tokenizer_config.json': JSON.stringify({
          add_bos_token: true,
          unk_token: entry('<|é|>'),
          eos_token: '<|endoftext|>',
        }),
      },
    ],
  ]

  it.each(ways)('with %s are the tokenizer.json and the GGUF made of them', async (_, side) => {
    const json = buildHfTokenizer({ type: 'BPE', tokens: WORDS, added, isByteLevel: true, merges: MERGES })
    const fromGguf = await inGguf(
      'gpt2',
      [...WORDS, '<|im_start|>'].map((word, id) => ({
        text: word,
        type: added.some((each) => each.id === id) ? 3 : 1,
      })),
      MERGES.map((pair) => pair.join(' ')),
    )
    const { tokenizer } = await read({ 'vocab.json': VOCAB, 'merges.txt': LINES, ...side })

    expect(digests(fromGguf)).toEqual([
      expect.stringMatching(/^tok1:/),
      expect.stringMatching(/^add1:/),
      expect.stringMatching(/^mrg1:/),
    ])
    expect(digests(tokenizer)).toEqual(digests(fromGguf))
    expect(digests((await read({ 'tokenizer.json': json })).tokenizer)).toEqual(digests(fromGguf))
    expect(tokenizer).toMatchObject({ kind: 'gpt2', size: WORDS.length + 1 })
  })

  it('are the same with escapes and with line ends of Windows', async () => {
    const [, side] = ways[1] ?? ['', {}]
    const plain = await read({ 'vocab.json': VOCAB, 'merges.txt': LINES, ...side })
    const escaped = await read({
      'vocab.json': VOCAB.replace('é', '\\u00e9').replace('Ġ', '\\u0120'),
      'merges.txt': LINES.replaceAll('\n', '\r\n'),
      ...side,
    })

    expect(digests(escaped.tokenizer)).toEqual(digests(plain.tokenizer))
  })

  it.each<readonly [string, Files, string]>([
    ['a merge of one half', { 'vocab.json': VOCAB, 'merges.txt': 'ab\n' }, 'merges.txt'],
    ['an id that is no number', { 'vocab.json': '{"a":"0"}', 'merges.txt': LINES }, 'vocab.json'],
    ['an id beyond any vocabulary', { 'vocab.json': '{"a":4294967295}', 'merges.txt': LINES }, 'vocab.json'],
    ['a token of 20,000 bytes', { 'vocab.json': `{"${'a'.repeat(20_000)}":0}`, 'merges.txt': LINES }, 'vocab.json'],
    [
      'an added token without an id',
      { 'vocab.json': VOCAB, 'merges.txt': LINES, 'added_tokens.json': '{"a":"b"}' },
      'added_tokens.json',
    ],
    [
      'an added token beyond any vocabulary',
      {
        'vocab.json': VOCAB,
        'merges.txt': LINES,
        'tokenizer_config.json': '{"added_tokens_decoder":{"4294967295":{"content":"x"}}}',
      },
      'tokenizer_config.json',
    ],
  ])('with %s are told as a gap of that file, and the weights are not malformed', async (_, files, name) => {
    const { gaps, folder } = await read(files)

    expect(gaps.filter(({ place }) => place === join(folder, name))).toHaveLength(1)
  })
})

describe('vocab.txt', () => {
  it('is the tokenizer.json and the GGUF made of it', async () => {
    const words = ['[PAD]', '[unused0]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', '##ing', '##', 'é']
    const special = words.filter((word) => /^\[[A-Z]+\]$/.test(word))
    const added = words.flatMap((content, id) => (special.includes(content) ? [{ id, content }] : []))
    const json = buildHfTokenizer({ type: 'WordPiece', tokens: words, added, isByteLevel: false })
    const fromGguf = await inGguf(
      'bert',
      words.map((word) => {
        if (special.includes(word)) return { text: word, type: 3 }
        return { text: word.startsWith('##') && word !== '##' ? word.slice(2) : `▁${word}`, type: 1 }
      }),
    )
    const fromJson = await read({ 'tokenizer.json': json })
    const { tokenizer } = await read({ 'vocab.txt': `${words.join('\n')}\n` })

    expect(tokenizer).toMatchObject({ kind: 'bert', size: words.length })
    expect(digests(tokenizer)).toEqual(digests(fromGguf))
    expect(digests(tokenizer)).toEqual(digests(fromJson.tokenizer))
  })

  it('takes the tokens that added_tokens.json adds behind it', async () => {
    const { tokenizer } = await read({ 'vocab.txt': 'the\n##s', 'added_tokens.json': '{"[E1]":2,"[E2]":3}' })
    const json = buildHfTokenizer({
      type: 'WordPiece',
      tokens: ['the', '##s'],
      added: ['[E1]', '[E2]'].map((content, index) => ({ id: index + 2, content })),
      isByteLevel: false,
    })

    expect(tokenizer?.size).toBe(4)
    expect(digests(tokenizer)).toEqual(digests((await read({ 'tokenizer.json': json })).tokenizer))
  })
})

describe('tokenizer.model', () => {
  const PIECES: readonly Piece[] = [
    { text: '<unk>', type: PIECE.unknown },
    { text: '<s>', type: PIECE.control },
    { text: '</s>', type: PIECE.control },
    { text: '<0x0A>', type: PIECE.byte },
    { text: '▁a', type: PIECE.normal },
    { text: 'ab', type: PIECE.normal },
    { text: '<reserved>', type: PIECE.normal },
  ]
  const MODEL = buildSentencePiece(PIECES, 2)
  const decoder = { 0: entry('<unk>'), 1: entry('<s>'), 2: entry('</s>'), 6: entry('<|tool|>'), 7: entry('▁x y') }
  const config = JSON.stringify({ added_tokens_decoder: decoder, chat_template: [{ name: 'default', template: 'hi' }] })
  const spelled = [...PIECES.slice(0, 6).map(({ text: word }) => String(word)), '<|tool|>', '▁x y']
  const added = Object.entries(decoder).map(([id, { content }]) => ({ id: Number(id), content }))

  it.each<readonly [string, Files]>([
    ['tokenizer_config.json', { 'tokenizer_config.json': config }],
    ['added_tokens.json', { 'added_tokens.json': '{"▁x y":7,"<|tool|>":6}' }],
    [
      'both, the first of which overrides',
      { 'tokenizer_config.json': config, 'added_tokens.json': '{"<old>":6,"▁x y":7}' },
    ],
  ])('with the tokens that %s adds is the tokenizer.json and the GGUF made of it', async (_, side) => {
    const json = buildHfTokenizer({ type: 'BPE', tokens: spelled, added, isByteLevel: false })
    const types = [2, 3, 3, 6, 1, 1, 3, 4]
    const fromGguf = await inGguf(
      'llama',
      // The converter writes user-defined tokens with plain spaces.
      spelled.map((word, id) => ({ text: id === 7 ? ' x y' : word, type: types[id] ?? 1 })),
    )
    const fromModel = await read({ 'tokenizer.model': MODEL, ...side })

    expect(digests(fromModel.tokenizer)).toEqual(digests(fromGguf))
    expect(digests(fromModel.tokenizer)).toEqual(digests((await read({ 'tokenizer.json': json })).tokenizer))
    expect(fromModel.tokenizer?.size).toBe(8)
    expect(digests((await read({ 'tokenizer.model': MODEL })).tokenizer)).not.toEqual(digests(fromGguf))
  })

  it.each(['sentencepiece.bpe.model', 'tokenizer.model'])(
    'of Fairseq (%s) keeps its base and moves its ids',
    async (name) => {
      const moved = [
        '<s>',
        '<pad>',
        '</s>',
        '<unk>',
        ...PIECES.slice(3).map(({ text: word }) => String(word)),
        '<mask>',
      ]
      const specials = [0, 1, 2, 3, 8].map((id) => ({ id, content: moved[id] ?? '' }))
      const json = buildHfTokenizer({ type: 'Unigram', tokens: moved, added: specials, isByteLevel: false })
      const side = {
        added_tokens_decoder: Object.fromEntries(specials.map(({ id, content }) => [id, entry(content)])),
      }
      const { tokenizer } = await read({
        [name]: buildSentencePiece(PIECES, 1),
        'tokenizer_config.json': JSON.stringify(side),
      })

      expect(digests(tokenizer)).toEqual(digests((await read({ 'tokenizer.json': json })).tokenizer))
      expect(tokenizer?.size).toBe(9)
    },
  )
})

describe('tokenizer_config.json', () => {
  it('with the 6,400 added tokens of a Gemma 3 is read whole, and its first template told', async () => {
    const decoder = Object.fromEntries(Array.from({ length: 6_400 }, (_, id) => [id, entry(`<unused${id}>`)]))
    const config = JSON.stringify({
      added_tokens_decoder: decoder,
      chat_template: [
        { name: 'default', template: 'one' },
        { name: 'tool', template: 'two' },
      ],
      model_max_length: 4_096,
      tokenizer_class: 'GemmaTokenizer',
    })
    const { claims, gaps, folder } = await read({ 'tokenizer_config.json': config })
    const draft = await inspectFile(join(folder, 'tokenizer_config.json'))

    expect(claims?.chatTemplateDigest).toMatch(/^tpl1:[0-9a-f]{64}$/)
    expect(draft).toMatchObject({ format: 'hf-tokenizer-config', verdict: 'unchecked' })
    expect(draft.fingerprint.claims?.chatTemplateDigest).toBe(claims?.chatTemplateDigest)
    expect(draft.fingerprint.container).toMatchObject({ addedTokens: 6_400, chatTemplates: 2, modelMaxLength: 4_096 })
    expect(gaps.filter(({ place }) => place.endsWith('tokenizer_config.json'))).toEqual([])
  })

  it.each(['[]', '{"added_tokens_decoder":{"x":{"content":"y"}}}', '{"eos_token":"</s>"'])(
    'of %s is told as malformed',
    async (content) => {
      const { gaps, folder } = await read({ 'tokenizer_config.json': content })

      expect(gaps.filter(({ place }) => place === join(folder, 'tokenizer_config.json'))).toHaveLength(1)
    },
  )
})

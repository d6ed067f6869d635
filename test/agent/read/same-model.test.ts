// The same model has the same digests in GGUF and in a Hugging Face folder, and a different model has others.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import type { DraftArtifact } from '../../../agent/read/read-candidates.ts'
import { buildGguf, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { inspectFile, readFolder } from './open-candidate.ts'
import { FAMILIES, TINY, type Vocabulary, ggufDecoder, ggufTokenizer, hfConfig, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-read-'))
afterAll(() => rmSync(root, { recursive: true }))

let written = 0
function makeFolder(files: Readonly<Record<string, Uint8Array | string>>): string {
  written += 1
  const folder = join(root, `folder-${written}`)
  mkdirSync(folder)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

async function readHf(
  config: Readonly<Record<string, unknown>>,
  tensors: Parameters<typeof buildSafetensors>[0],
  more: Readonly<Record<string, string>> = {},
): Promise<DraftArtifact | undefined> {
  const files = { 'config.json': JSON.stringify(config), 'model.safetensors': buildSafetensors(tensors), ...more }
  const [draft] = await readFolder(makeFolder(files))
  return draft
}

async function readGguf(spec: Parameters<typeof buildGguf>[0]): Promise<DraftArtifact> {
  return inspectFile(join(makeFolder({ weights: buildGguf(spec) }), 'weights'))
}

describe('architectureDigest', () => {
  it.each(FAMILIES)('is equal for $hf in both containers', async (family) => {
    const fromGguf = await readGguf(ggufDecoder(family))
    const fromHf = await readHf(hfConfig(family), { tensors: hfTensors(family) })

    const digest = fromGguf.fingerprint.structure?.architectureDigest
    expect(digest).toMatch(/^arch1:[0-9a-f]{64}$/)
    expect(fromHf?.fingerprint.structure?.architectureDigest).toBe(digest)
    expect(fromHf?.fingerprint.structure?.structureKey).toBe('L2-d32-h4/2-ff64-v16')
    expect(fromGguf.fingerprint.structure?.structureKey).toBe('L2-d32-h4/2-ff64-v16')
  })

  it('is equal for gemma3, whose configuration nests the decoder and whose heads are wider', async () => {
    const family = { gguf: 'gemma3', hf: 'gemma3_text', hasFourNorms: true }
    const shape = { ...TINY, headWidth: 16 }
    const config = { model_type: 'gemma3', architectures: ['Gemma3'], text_config: hfConfig(family, shape) }

    const fromGguf = await readGguf(ggufDecoder(family, shape))
    const fromHf = await readHf(config, { tensors: hfTensors(family, shape) })

    expect(fromGguf.fingerprint.structure?.architectureDigest).toBeDefined()
    expect(fromHf?.fingerprint.structure?.architectureDigest).toBe(fromGguf.fingerprint.structure?.architectureDigest)
  })

  it('is not moved by the vocabulary, and is by a missing tensor, a bias or a width', async () => {
    const [family] = FAMILIES
    if (family === undefined) throw new Error('no family')
    const digestOf = async (spec: Parameters<typeof buildGguf>[0]) =>
      (await readGguf(spec)).fingerprint.structure?.architectureDigest
    const plain = ggufDecoder(family)

    const digest = await digestOf(plain)

    expect(await digestOf(ggufDecoder(family, { ...TINY, vocabulary: 32 }))).toBe(digest)
    expect(
      await digestOf({ ...plain, tensors: plain.tensors.filter(({ name }) => name !== 'blk.1.ffn_gate.weight') }),
    ).not.toBe(digest)
    expect(await digestOf(ggufDecoder({ ...family, hasBias: true }))).not.toBe(digest)
    expect(await digestOf(ggufDecoder(family, { ...TINY, feedForward: 96 }))).not.toBe(digest)
  })

  it('folds expert tensors: stacked, one per expert, and w1 to w3', async () => {
    const [family] = FAMILIES
    if (family === undefined) throw new Error('no family')
    const shape = { ...TINY, layers: 1 }
    const base = ggufDecoder(family, shape)
    const isDense = (name: string | Uint8Array) => /ffn_(gate|up|down)\.weight|mlp\./.test(String(name))
    const keys = [
      [
        'llama.expert_count',
        { type: 4, write: (w: { number: (t: 'uint32', v: number) => void }) => w.number('uint32', 2) },
      ],
      [
        'llama.expert_used_count',
        { type: 4, write: (w: { number: (t: 'uint32', v: number) => void }) => w.number('uint32', 1) },
      ],
    ] as const
    const router = { name: 'blk.0.ffn_gate_inp.weight', dims: [32, 2] }
    const stacked = ['gate', 'up', 'down'].map((part) => ({ name: `blk.0.ffn_${part}_exps.weight`, dims: [32, 64, 2] }))
    const single = ['gate', 'up', 'down'].flatMap((part) =>
      [0, 1].map((expert) => ({ name: `blk.0.ffn_${part}.${expert}.weight`, dims: [32, 64] })),
    )
    const rest = base.tensors.filter(({ name }) => !isDense(name))
    const hf = [
      ...hfTensors(family, shape).filter(({ name }) => !isDense(name)),
      { name: 'model.layers.0.block_sparse_moe.gate.weight', dtype: 'BF16', shape: [2, 32] },
      ...['w1', 'w2', 'w3'].flatMap((part) =>
        [0, 1].map((expert) => ({
          name: `model.layers.0.block_sparse_moe.experts.${expert}.${part}.weight`,
          dtype: 'BF16',
          shape: [64, 32],
        })),
      ),
    ]
    const config = {
      ...hfConfig({ gguf: 'llama', hf: 'mixtral' }, shape),
      num_local_experts: 2,
      num_experts_per_tok: 1,
    }

    const fromStacked = await readGguf({ kv: [...base.kv, ...keys], tensors: [...rest, router, ...stacked] })
    const fromSingle = await readGguf({ kv: [...base.kv, ...keys], tensors: [...rest, router, ...single] })
    const fromHf = await readHf(config, { tensors: hf })

    const digest = fromStacked.fingerprint.structure?.architectureDigest
    expect(digest).toBeDefined()
    expect(fromSingle.fingerprint.structure?.architectureDigest).toBe(digest)
    expect(fromHf?.fingerprint.structure?.architectureDigest).toBe(digest)
    expect(fromHf?.fingerprint.structure?.structureKey).toBe('L1-d32-h4/2-ff64-v16-e2x1')
  })
})

const utf8 = (value: string) => new Uint8Array(Buffer.from(value))

describe('tokenizer digests', () => {
  const words = ['hello', ' hello', 'é', ' 東京', 'a', ' a', '\n', '\t\t', 'ab']
  const vocabulary: Vocabulary = {
    ordinary: words.map(utf8),
    added: ['<|start|>', '<|tool call|>'],
    merges: [
      [utf8('a'), utf8('b')],
      [utf8(' '), utf8('a')],
    ],
  }

  /** GPT-2's table, written here a second time as the public code has it. */
  function byteAlphabet(): readonly string[] {
    const kept = [...Array(256).keys()].filter((byte) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173))
    let extra = 256
    return [...Array(256).keys()].map((byte) => String.fromCodePoint(kept.includes(byte) ? byte : extra++))
  }
  const alphabet = byteAlphabet()
  const spellByteLevel = (raw: Uint8Array) => [...raw].map((byte) => alphabet[byte] ?? '').join('')
  const spellPiece = (raw: Uint8Array) => {
    const plain = Buffer.from(raw).toString('utf8')
    if (raw.length === 1 && (raw[0] ?? 0) < 32) return `<0x${Buffer.from(raw).toString('hex').toUpperCase()}>`
    return plain.replaceAll(' ', '▁')
  }

  function tokenizerJson(
    spell: (raw: Uint8Array) => string,
    how: { readonly isByteLevel: boolean; readonly merges: 'pairs' | 'lines'; readonly isEscaped?: boolean },
  ): string {
    const entries = vocabulary.ordinary.map((raw, id) => [spell(raw), id] as const)
    const merges = vocabulary.merges.map(([left, right]) => [spell(left), spell(right)])
    const json = JSON.stringify({
      version: '1.0',
      added_tokens: vocabulary.added.map((content, index) => ({
        id: vocabulary.ordinary.length + index,
        content,
        special: index === 0,
        lstrip: false,
      })),
      pre_tokenizer: how.isByteLevel ? { type: 'Sequence', pretokenizers: [{ type: 'ByteLevel' }] } : null,
      model: {
        type: 'BPE',
        byte_fallback: !how.isByteLevel,
        vocab: Object.fromEntries([...entries].reverse()),
        merges: how.merges === 'pairs' ? merges : merges.map((pair) => pair.join(' ')),
      },
    })
    if (how.isEscaped !== true) return json
    return json.replace(/[\u0080-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
  }

  async function digestsOf(kind: 'gpt2' | 'llama', spell: (raw: Uint8Array) => string, json: string) {
    const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
    const { kv, tensors } = ggufDecoder(family)
    const tokenizer = ggufTokenizer(vocabulary, { model: kind, spell, padding: 5 })
    const fromGguf = await readGguf({ kv: [...kv, ...tokenizer], tensors })
    const fromHf = await readHf(hfConfig(family), { tensors: hfTensors(family) }, { 'tokenizer.json': json })
    return { fromGguf: fromGguf.fingerprint.tokenizer, fromHf: fromHf?.fingerprint.tokenizer }
  }

  it.each([
    ['byte-level BPE, merges as pairs', 'gpt2', spellByteLevel, { isByteLevel: true, merges: 'pairs' }],
    ['byte-level BPE, merges as lines', 'gpt2', spellByteLevel, { isByteLevel: true, merges: 'lines' }],
    [
      'byte-level BPE with every letter escaped',
      'gpt2',
      spellByteLevel,
      { isByteLevel: true, merges: 'lines', isEscaped: true },
    ],
    ['SentencePiece style with byte tokens', 'llama', spellPiece, { isByteLevel: false, merges: 'lines' }],
  ] as const)('are equal for %s', async (_name, kind, spell, how) => {
    const { fromGguf, fromHf } = await digestsOf(kind, spell, tokenizerJson(spell, how))

    expect(fromGguf?.baseVocabDigest).toMatch(/^tok1:/)
    expect(fromGguf?.addedTokensDigest).toMatch(/^add1:/)
    expect(fromGguf?.mergesDigest).toMatch(/^mrg1:/)
    expect(fromHf).toEqual({ ...fromGguf, size: vocabulary.ordinary.length + vocabulary.added.length })
  })

  it('are equal for one vocabulary in both spellings, since they stand for the same bytes', async () => {
    const byteLevel = await digestsOf('gpt2', spellByteLevel, '{}')
    const pieces = await digestsOf('llama', spellPiece, '{}')

    expect(byteLevel.fromGguf?.baseVocabDigest).toBe(pieces.fromGguf?.baseVocabDigest)
  })

  it('are equal for WordPiece, where GGUF marks word starts and tokenizer.json marks continuations', async () => {
    const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
    const { kv, tensors } = ggufDecoder(family)
    const words = ['the', '##ing', 'a', '##b']
    const spelled = words.map((word) => utf8(word.startsWith('##') ? word.slice(2) : ` ${word}`))
    const bert = { ...vocabulary, ordinary: spelled, merges: [] }
    const spell = (raw: Uint8Array) => Buffer.from(raw).toString('utf8').replaceAll(' ', '▁')
    const json = JSON.stringify({
      added_tokens: vocabulary.added.map((content, index) => ({ id: words.length + index, content })),
      model: { type: 'WordPiece', vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
    })

    const fromGguf = await readGguf({
      kv: [...kv, ...ggufTokenizer(bert, { model: 'bert', spell, padding: 0 })],
      tensors,
    })
    const fromHf = await readHf(hfConfig(family), { tensors: hfTensors(family) }, { 'tokenizer.json': json })

    expect(fromGguf.fingerprint.tokenizer?.baseVocabDigest).toMatch(/^tok1:/)
    expect(fromHf?.fingerprint.tokenizer).toEqual(fromGguf.fingerprint.tokenizer)
  })

  it('tell a changed token, a changed order and a changed added token apart', async () => {
    const digest = async (changed: Vocabulary) => {
      const { kv, tensors } = ggufDecoder(FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' })
      const tokenizer = ggufTokenizer(changed, { model: 'gpt2', spell: spellByteLevel, padding: 0 })
      return (await readGguf({ kv: [...kv, ...tokenizer], tensors })).fingerprint.tokenizer
    }
    const [first, second, ...others] = vocabulary.ordinary
    if (first === undefined || second === undefined) throw new Error('no tokens')

    const plain = await digest(vocabulary)
    const swapped = await digest({ ...vocabulary, ordinary: [second, first, ...others] })
    const renamed = await digest({ ...vocabulary, added: ['<|start|>', '<|other|>'] })

    expect(swapped?.baseVocabDigest).not.toBe(plain?.baseVocabDigest)
    expect(renamed?.baseVocabDigest).toBe(plain?.baseVocabDigest)
    expect(renamed?.addedTokensDigest).not.toBe(plain?.addedTokensDigest)
  })
})

describe('the chat template', () => {
  it('has the same digest in both containers, and only the digest is kept', async () => {
    const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
    const template = "{% for message in messages %}{{ message['content'] }} SECRET {% endfor %}"
    const { kv, tensors } = ggufDecoder(family)

    const fromGguf = await readGguf({ kv: [...kv, ['tokenizer.chat_template', text(template)]], tensors })
    const side = { 'tokenizer_config.json': JSON.stringify({ chat_template: template }) }
    const fromHf = await readHf(hfConfig(family), { tensors: hfTensors(family) }, side)

    expect(fromGguf.fingerprint.claims?.chatTemplateDigest).toMatch(/^tpl1:/)
    expect(fromHf?.fingerprint.claims?.chatTemplateDigest).toBe(fromGguf.fingerprint.claims?.chatTemplateDigest)
    expect(JSON.stringify([fromGguf, fromHf])).not.toContain('SECRET')
  })
})

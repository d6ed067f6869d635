// What a sweep gets from a folder: one artifact per model, nothing for other files, every absent rung with its reason.
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { readCandidates, sniffFormat } from '../../../agent/read/read-candidates.ts'
import type { Gap } from '../../../contract/wire.ts'
import { type GgufSpec, buildGguf, scalar, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { candidateOf, candidatesIn, inspectFile, openForTest, readFolder } from './open-candidate.ts'
import { FAMILIES, TINY, ggufDecoder, hfConfig, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-read-'))
afterAll(() => rmSync(root, { recursive: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const model = ggufDecoder(family)
const HEX = 'ab'.repeat(32)

let made = 0
function makeFolder(files: Readonly<Record<string, Uint8Array | string>>): string {
  made += 1
  const folder = join(root, `folder-${made}`)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

function shard(index: number, count: number, spec: GgufSpec): Buffer {
  const split = [
    ['split.no', scalar('uint16', index)],
    ['split.count', scalar('uint16', count)],
    ['split.tensors.count', scalar('int32', model.tensors.length)],
  ] as const
  return buildGguf({ ...spec, kv: [...(spec.kv ?? []), ...split] })
}

describe('a folder', () => {
  it('yields models whatever they are called, and nothing else', async () => {
    const folder = makeFolder({
      'holiday.jpg': buildGguf(model),
      'README.md': '# GGUF models\n',
      'notes.gguf': 'these are only notes',
      'empty.safetensors': '',
      'config.json': '{"port": 8080}',
    })

    const drafts = await readFolder(folder)

    expect(drafts.map((draft) => draft.path)).toEqual([join(folder, 'holiday.jpg')])
    expect(drafts[0]).toMatchObject({ format: 'gguf', formatVersion: '3', verdict: 'unchecked', kind: 'file' })
  })

  it('yields exactly one draft per file when everything is asked for', async () => {
    const folder = makeFolder({
      'a.gguf': buildGguf(model),
      'b.txt': 'text',
      'c.bin': '',
      'd.png': Buffer.from('89504e470d0a1a0a', 'hex'),
    })

    const drafts = await readFolder(folder, { reportAll: true })

    expect(drafts.map((draft) => draft.verdict)).toEqual(['unchecked', 'not-a-model', 'not-a-model', 'not-a-model'])
  })

  it('joins GGUF shards by what they say inside, whatever their names are', async () => {
    const half = Math.ceil(model.tensors.length / 2)
    const folder = makeFolder({
      zebra: shard(0, 2, { kv: model.kv, tensors: model.tensors.slice(0, half) }),
      apple: shard(1, 2, { tensors: model.tensors.slice(half) }),
    })
    const whole = await inspectFile(join(makeFolder({ whole: buildGguf(model) }), 'whole'))

    const [draft, ...others] = await readFolder(folder)

    expect(others).toEqual([])
    expect(draft).toMatchObject({ kind: 'split', path: join(folder, 'zebra'), verdict: 'unchecked' })
    expect(draft?.parts.map((part) => part.path)).toEqual([join(folder, 'zebra'), join(folder, 'apple')])
    expect(draft?.fingerprint.structure?.architectureDigest).toBe(whole.fingerprint.structure?.architectureDigest)
    expect(draft?.fingerprint.structure?.layoutDigest).toBe(whole.fingerprint.structure?.layoutDigest)
    expect(draft?.fingerprint.structure?.parameterCount).toBe(whole.fingerprint.structure?.parameterCount)
  })

  it.each<readonly [string, number, GgufSpec]>([
    ['a toy of the same tensors in front', 1, ggufDecoder(family, { ...TINY, layers: 4 })],
    ['one that states another model', 1, { kv: ggufDecoder(family, { ...TINY, layers: 4 }).kv, tensors: [] }],
    ['more tensors than all have together', 1, { tensors: [{ name: 'extra.weight', dims: [4] }] }],
  ])('keeps GGUF shards apart that do not fit: %s', async (_, index, second) => {
    const folder = makeFolder({
      'x-00001-of-00002.gguf': shard(0, 2, model),
      'x-00002-of-00002.gguf': shard(index, 2, second),
    })

    const drafts = await readFolder(folder)

    expect(drafts.map(({ kind }) => kind)).toEqual(['file', 'file'])
    for (const { gaps } of drafts) expect(gaps.map(({ detail }) => detail).join()).toContain('do not fit together')
  })

  it('keeps safetensors shards apart that hold the same tensor', async () => {
    const folder = makeFolder({
      'model-00001-of-00002.safetensors': buildSafetensors({ tensors: hfTensors(family).slice(0, 1) }),
      'model-00002-of-00002.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
    })

    const drafts = await readFolder(folder)

    expect(drafts.map(({ kind }) => kind)).toEqual(['file', 'file'])
    expect(drafts[1]?.fingerprint.structure).toMatchObject({ kind: 'text', tensorCount: hfTensors(family).length })
  })

  it('shows the model that lies behind a shard of something else', async () => {
    const folder = makeFolder({
      'model-00001-of-00002.safetensors': buildSafetensors({ tensors: [{ name: 'w', dtype: 'F32', shape: [8, 8] }] }),
      'model-00002-of-00002.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
    })

    const [draft] = await readFolder(folder)

    expect(draft?.fingerprint.structure).toMatchObject({ kind: 'text', layers: 2 })
  })

  it('says which shard is missing', async () => {
    const folder = makeFolder({
      'big-00001-of-00003.gguf': shard(0, 3, model),
      'big-00003-of-00003.gguf': shard(2, 3, {}),
    })

    const [draft] = await readFolder(folder)

    const missing = draft?.gaps.filter((gap) => gap.code === 'GNO_READ_PART_MISSING') ?? []
    expect(missing.map((gap) => gap.detail)).toEqual(['part 2 of 3 is not there'])
    expect(draft?.parts).toHaveLength(2)
  })

  it('joins a Hugging Face folder into one artifact with its side files', async () => {
    const tensors = hfTensors(family)
    const folder = makeFolder({
      'config.json': JSON.stringify({ ...hfConfig(family), _name_or_path: 'org/tiny' }),
      'model-00001-of-00002.safetensors': buildSafetensors({ tensors: tensors.slice(0, 5) }),
      'model-00002-of-00002.safetensors': buildSafetensors({ tensors: tensors.slice(5) }),
      'model.safetensors.index.json': JSON.stringify({
        metadata: { total_size: 1 },
        weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
      }),
      'unrelated.gguf': buildGguf(model),
    })

    const drafts = await readFolder(folder)

    const [hf] = drafts.filter((draft) => draft.format === 'safetensors')
    expect(drafts).toHaveLength(2)
    expect(hf).toMatchObject({ kind: 'folder', path: folder, verdict: 'unchecked' })
    expect(hf?.parts.map((part) => part.role)).toEqual(['weights', 'weights', 'config', 'index'])
    expect(hf?.fingerprint.claims?.name).toBe('org/tiny')
    expect(hf?.fingerprint.structure).toMatchObject({
      tensorCount: tensors.length,
      architecture: 'llama',
      kind: 'text',
    })
    expect(hf?.gaps.filter((gap) => gap.code === 'GNO_READ_PART_MISSING')).toEqual([])
  })

  it('says which shard the index names in vain, and never follows a name out of the folder', async () => {
    const folder = makeFolder({
      'config.json': JSON.stringify(hfConfig(family)),
      'model.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
      'model.safetensors.index.json': JSON.stringify({
        weight_map: { a: 'model.safetensors', b: 'gone.safetensors', c: '../../etc/passwd' },
      }),
    })

    const [draft] = await readFolder(folder)

    const missing = draft?.gaps.filter((gap) => gap.code === 'GNO_READ_PART_MISSING') ?? []
    expect(missing.map((gap) => gap.detail)).toEqual(['shard "gone.safetensors" is not there'])
  })

  it('does not take a stranger called config.json for a model, nor blames the weights for its faults', async () => {
    const weights = buildSafetensors({ tensors: hfTensors(family) })
    const stranger = makeFolder({ 'config.json': '{"port": 1}', 'x.safetensors': weights })
    const broken = makeFolder({ 'config.json': '{ // comment', 'x.safetensors': weights })

    const [beside] = await readFolder(stranger)
    const [unharmed] = await readFolder(broken)

    expect(beside).toMatchObject({ kind: 'file', verdict: 'unchecked' })
    expect(unharmed).toMatchObject({ kind: 'file', verdict: 'unchecked' })
    expect(unharmed?.gaps.map((gap) => gap.place)).toContain(join(broken, 'config.json'))
  })

  it('keeps single files apart where no name says which one the configuration is for', async () => {
    const folder = makeFolder({
      'config.json': JSON.stringify(hfConfig(family)),
      'one.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
      'two.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
    })

    const drafts = await readFolder(folder)

    expect(drafts.map((draft) => draft.kind)).toEqual(['file', 'file'])
  })

  it('recognises an adapter by its tensors and names its base', async () => {
    const name = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight'
    const folder = makeFolder({
      'adapter_config.json': JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: 'meta/tiny' }),
      'adapter_model.safetensors': buildSafetensors({ tensors: [{ name, dtype: 'F32', shape: [4, 8] }] }),
    })

    const [draft] = await readFolder(folder)

    expect(draft?.fingerprint.structure?.kind).toBe('adapter')
    expect(draft?.fingerprint.claims?.baseModels).toEqual([
      { name: 'meta/tiny', organization: 'meta', repoUrl: 'https://huggingface.co/meta/tiny' },
    ])
  })

  it('holds only so many tensors of one model, and says so', async () => {
    const tensorsOf = (part: number) =>
      Array.from({ length: 60_000 }, (_, index) => ({ name: `${part}${index + 10_000}`, dtype: 'F32', shape: [0] }))
    const files = [1, 2, 3, 4, 5].map(
      (part) => [`model-0000${part}-of-00005.safetensors`, buildSafetensors({ tensors: tensorsOf(part) })] as const,
    )
    const folder = makeFolder(Object.fromEntries(files))

    const [draft] = await readFolder(folder)

    expect(draft?.parts).toHaveLength(5)
    expect(draft?.fingerprint.structure?.tensorCount).toBe(180_000)
    expect(draft?.gaps.map((gap) => gap.code)).toContain('GNO_READ_BUDGET')
  })

  it('stops when asked to', async () => {
    const folder = makeFolder({ a: buildGguf(model), b: buildGguf(model), c: buildGguf(model) })
    const stop = new AbortController()
    const seen: string[] = []

    const options = { deep: false, reportAll: false, signal: stop.signal }
    for await (const draft of readCandidates(candidatesIn(folder), options)) {
      seen.push(draft.path)
      stop.abort()
    }

    expect(seen).toHaveLength(1)
  })

  it('tells of a file that vanished before it could be opened', async () => {
    const folder = makeFolder({ 'a.gguf': buildGguf(model) })
    const candidates = [candidateOf(join(folder, 'a.gguf'))]
    unlinkSync(join(folder, 'a.gguf'))
    const told: Gap[] = []

    const options = { deep: false, signal: new AbortController().signal, onGap: (gap: Gap) => told.push(gap) }
    for await (const draft of readCandidates(candidates, { ...options, reportAll: false })) throw new Error(draft.path)
    const shown: string[] = []
    for await (const draft of readCandidates(candidates, { ...options, reportAll: true })) shown.push(draft.verdict)

    expect(told.map((gap) => gap.code)).toEqual(['GNO_READ_VANISHED'])
    expect(shown).toEqual(['unscannable'])
  })
})

describe('kinds of GGUF', () => {
  it.each([
    ['adapter', ['token_embd', 'blk.0.attn_q', 'blk.0.ffn_up'].map((name) => `${name}.weight.lora_a`), 'adapter'],
    ['mmproj', ['v.patch_embd.weight', 'v.blk.0.attn_q.weight', 'v.blk.0.ffn_up.weight', 'mm.0.weight'], 'projector'],
    ['imatrix', ['token_embd', 'blk.0.attn_q', 'blk.0.ffn_up'].map((name) => `${name}.weight.in_sum2`), 'imatrix'],
    ['model', ['token_embd.weight', 'blk.0.attn_q.weight', 'blk.0.ffn_up.weight'], 'text'],
  ])('general.type %s', async (word, names, kind) => {
    const tensors = names.map((name) => ({ name, dims: [4, 4] }))
    const folder = makeFolder({ x: buildGguf({ kv: [...model.kv, ['general.type', text(word)]], tensors }) })

    const draft = await inspectFile(join(folder, 'x'))

    expect(draft.fingerprint.structure?.kind).toBe(kind)
  })

  it.each([
    ['version 1', { version: 1 }],
    ['version 2', { version: 2 }],
    ['big-endian', { isBigEndian: true }],
  ])('%s reads to the same structure', async (_name, how) => {
    const folder = makeFolder({ plain: buildGguf(model), other: buildGguf({ ...model, ...how }) })

    const plain = await inspectFile(join(folder, 'plain'))
    const other = await inspectFile(join(folder, 'other'))

    expect(other.verdict).toBe('unchecked')
    expect(other.fingerprint.structure).toEqual(plain.fingerprint.structure)
  })
})

describe('places that claim a digest', () => {
  it.each([
    ['an Ollama blob', `models/blobs/sha256-${HEX}`, { placeDigest: { sha256: HEX, from: 'ollama-blob' } }],
    [
      'a hub blob',
      `models--org--name/blobs/${HEX}`,
      { placeDigest: { sha256: HEX, from: 'hub-blob' }, placeName: 'org/name' },
    ],
    ['a hub snapshot', 'models--org--name/snapshots/abc/model.gguf', { placeName: 'org/name' }],
  ])('%s is a claim, not a fact', async (_name, place, claims) => {
    const folder = makeFolder({ [place]: buildGguf(model) })

    const draft = await inspectFile(join(folder, place))

    expect(draft.fingerprint.claims).toMatchObject(claims)
    expect(draft.fingerprint.content).toBeUndefined()
  })
})

describe('a file that changes', () => {
  it('is told as changed and not accused of being malformed', async () => {
    const folder = makeFolder({ 'x.gguf': buildGguf({ ...model, hasData: false }) })
    const path = join(folder, 'x.gguf')
    const candidate = candidateOf(path)
    const growing = {
      ...candidate,
      open: () => {
        const opened = candidate.open()
        appendFileSync(path, 'more')
        return opened
      },
    }

    const options = { deep: false, reportAll: true, signal: new AbortController().signal }
    for await (const draft of readCandidates([growing], options)) {
      expect(draft.verdict).toBe('unscannable')
      expect(draft.gaps.map((gap) => gap.code)).toContain('GNO_READ_CHANGED')
    }
  })
})

describe('sniffFormat', () => {
  it.each([
    ['gguf', buildGguf(model)],
    ['safetensors', buildSafetensors({ tensors: hfTensors(family) })],
    [null, Buffer.from('just text')],
    [null, Buffer.alloc(0)],
  ])('says %s from the first bytes', (format, bytes) => {
    const folder = makeFolder({ x: bytes })
    symlinkSync('x', join(folder, 'link'))
    const file = openForTest(join(folder, 'x'))

    const sniffed = sniffFormat(file)
    file.close()

    expect(sniffed).toBe(format)
  })
})

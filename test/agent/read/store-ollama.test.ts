// Ollama's store: one artifact a tag, its blobs told once, and nothing where no weights are.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { artifactSchema } from '../../../contract/artifact.ts'
import { buildGguf, scalar, text } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { type ManifestSpec, ollamaStore, sha256Of, writeStore } from '../../build-stores.ts'
import { openNow, readTreeForTest } from './open-folder.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-ollama-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => expect(openNow.size).toBe(0))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const MODEL = buildGguf(ggufDecoder(family))
const PROJECTOR = buildGguf({
  kv: [
    ['general.architecture', text('clip')],
    ['general.type', text('mmproj')],
    ['clip.has_vision_encoder', scalar('bool', 1)],
  ],
  tensors: [{ name: 'v.patch_embd.weight', dims: [8, 8] }],
})
const image = (kind: string): string => `application/vnd.ollama.image.${kind}`
const TAG = 'registry.ollama.ai/library/tiny/8b'
const PLAIN: ManifestSpec = { layers: [{ mediaType: image('model'), content: MODEL }] }

let made = 0
function store(tags: Readonly<Record<string, ManifestSpec>>): string {
  made += 1
  return writeStore(join(root, `store-${made}`), ollamaStore(tags))
}

describe('an Ollama store', () => {
  it('gives one artifact a tag: name, list id, parts with their roles, licence line, and no second one for the blob', async () => {
    const folder = store({
      [TAG]: {
        config: { model_format: 'gguf', model_type: '8.0B', file_type: 'Q4_K_M' },
        layers: [
          { mediaType: image('model'), content: MODEL },
          { mediaType: image('projector'), content: PROJECTOR },
          { mediaType: image('template'), content: '{{ .Prompt }}' },
          { mediaType: image('license'), content: '\nTINY COMMUNITY LICENSE\nmore' },
          { mediaType: image('system'), content: 'You keep a secret.' },
        ],
      },
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toHaveLength(1)
    const [draft] = drafts
    expect(draft).toMatchObject({
      kind: 'store',
      format: 'gguf',
      verdict: 'unchecked',
      path: join(folder, 'manifests', TAG),
    })
    expect(draft?.store).toEqual({
      id: 'ollama',
      name: 'registry.ollama.ai/library/tiny:8b',
      version: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    expect(draft?.parts.map(({ role }) => role)).toEqual([
      'weights',
      'manifest',
      'projector',
      'template',
      'license',
      'other',
    ])
    expect(draft?.fingerprint.claims).toMatchObject({
      license: 'TINY COMMUNITY LICENSE',
      sizeLabel: '8.0B',
      fileType: 'Q4_K_M',
      placeDigest: { sha256: sha256Of(MODEL), from: 'ollama-blob' },
    })
    expect(draft?.fingerprint.container).toMatchObject({ hasSystemPrompt: true })
    expect(draft?.fingerprint.structure?.kind).toBe('text')
    expect(JSON.stringify(draft)).not.toContain('secret')
    expect(artifactSchema.safeParse({ ...draft, identifications: [], simulated: false }).error).toBeUndefined()
  })

  it('gives two tags of one blob as two artifacts with the same id', async () => {
    const { drafts } = await readTreeForTest(store({ [TAG]: PLAIN, 'registry.ollama.ai/library/tiny/latest': PLAIN }))

    expect(drafts).toHaveLength(2)
    expect(new Set(drafts.map(({ artifactId }) => artifactId)).size).toBe(1)
  })

  it('joins the tensor layers of a safetensors model, with its configuration', async () => {
    const tensors = hfTensors(family)
    const layers = tensors.map((tensor) => ({
      mediaType: image('tensor'),
      name: tensor.name,
      content: buildSafetensors({ tensors: [tensor] }),
    }))
    const config = { mediaType: image('json'), name: 'config.json', content: JSON.stringify(hfConfig(family)) }

    const { drafts } = await readTreeForTest(store({ [TAG]: { layers: [...layers, config] } }))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]?.fingerprint.structure?.layers).toBe(2)
    expect(drafts[0]?.fingerprint.structure?.tensorCount).toBe(tensors.length)
  })

  it('still tells a blob that no tag names as the plain file it is', async () => {
    const folder = store({ [TAG]: PLAIN })
    const orphan = buildGguf(
      ggufDecoder(family, { layers: 3, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }),
    )
    writeFileSync(join(folder, `blobs/sha256-${sha256Of(orphan)}`), orphan)

    const { drafts } = await readTreeForTest(folder)

    expect(drafts.map(({ kind }) => kind)).toEqual(['store', 'file'])
  })

  it('tells an adapter once, as an artifact of the store that is linked to its model', async () => {
    const adapter = buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['general.type', text('adapter')],
        ['adapter.type', text('lora')],
      ],
      tensors: [
        { name: 'blk.0.attn_q.weight.lora_a', dims: [32, 4] },
        { name: 'blk.0.attn_q.weight.lora_b', dims: [4, 32] },
      ],
    })
    const layers = [...PLAIN.layers, { mediaType: image('adapter'), content: adapter }]
    const folder = store({ [TAG]: { layers } })

    const { drafts } = await readTreeForTest(folder)

    const [model, lora] = drafts
    expect(drafts.map(({ kind }) => kind)).toEqual(['store', 'store'])
    expect(model?.parts.map(({ role }) => role)).toEqual(['weights', 'manifest', 'adapter'])
    expect(lora?.path).toBe(join(folder, `blobs/sha256-${sha256Of(adapter)}`))
    expect(lora?.store).toEqual(model?.store)
    expect(lora?.relations).toMatchObject([{ kind: 'adapter-of', path: model?.path, artifactId: model?.artifactId }])
  })

  it('does not let a layer pass off a model as an adapter', async () => {
    const hidden = buildGguf(
      ggufDecoder(family, { layers: 3, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }),
    )
    const layers = [...PLAIN.layers, { mediaType: image('adapter'), content: hidden }]

    const { drafts } = await readTreeForTest(store({ [TAG]: { layers } }))

    expect(drafts.map(({ kind }) => kind)).toEqual(['store', 'file'])
  })

  it('does not let a layer pass off a model as a projector', async () => {
    const hidden = buildGguf(
      ggufDecoder(family, { layers: 3, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }),
    )
    const layers = [...PLAIN.layers, { mediaType: image('projector'), content: hidden }]

    const { drafts } = await readTreeForTest(store({ [TAG]: { layers } }))

    expect(drafts.map(({ kind }) => kind)).toEqual(['store', 'file'])
    expect(drafts[0]?.gaps.some(({ detail }) => detail.includes('is called projector and is none'))).toBe(true)
  })

  it('tells by --deep that a blob does not hash to its name', async () => {
    const folder = store({ [TAG]: PLAIN })
    const changed = Buffer.from(MODEL)
    changed[changed.length - 1] = 1
    writeFileSync(join(folder, `blobs/sha256-${sha256Of(MODEL)}`), changed)

    const { drafts } = await readTreeForTest(folder, { deep: true })

    expect(drafts[0]?.fingerprint.content?.sha256).toBe(sha256Of(changed))
    expect(drafts[0]?.fingerprint.claims?.placeDigest?.sha256).toBe(sha256Of(MODEL))
  })
})

describe('what is no installed model', () => {
  it.each<readonly [string, string, ManifestSpec, string]>([
    ['a cloud tag', 'registry.ollama.ai/library/gpt-oss/120b-cloud', PLAIN, 'in the cloud'],
    [
      'a configuration of a remote model',
      TAG,
      { ...PLAIN, config: { remote_host: 'https://ollama.com' } },
      'in the cloud',
    ],
    [
      'a manifest without its blob',
      TAG,
      { layers: [{ mediaType: image('model'), content: MODEL, hasBlob: false }] },
      'not installed',
    ],
    [
      'a digest with a path in it',
      TAG,
      {
        layers: [
          { mediaType: image('model'), content: MODEL, digest: 'sha256:../../../../etc/passwd', hasBlob: false },
        ],
      },
      'not sha256 in 64 hex digits',
    ],
  ])('%s gives a gap and no artifact of the store', async (_, tag, spec, detail) => {
    const { drafts, gaps } = await readTreeForTest(store({ [tag]: spec }))

    expect(drafts.filter(({ kind }) => kind === 'store')).toEqual([])
    expect(gaps.map((gap) => gap.detail).join('\n')).toContain(detail)
  })

  it('a partial download is told as such', async () => {
    const folder = store({ [TAG]: PLAIN })
    const blob = join(folder, `blobs/sha256-${sha256Of(MODEL)}`)
    renameSync(blob, `${blob}-partial`)

    const { drafts, gaps } = await readTreeForTest(folder)

    expect(drafts.filter(({ kind }) => kind === 'store')).toEqual([])
    expect(gaps.map(({ detail }) => detail).join('\n')).toContain('is an unfinished download')
  })
})

describe('a hostile Ollama store', () => {
  it('reads no manifest of a gigabyte', async () => {
    const folder = store({ [TAG]: PLAIN })
    truncateSync(join(folder, 'manifests', TAG), 1_073_741_824)

    const { gaps } = await readTreeForTest(folder)

    expect(gaps.map(({ code }) => code)).toContain('GNO_READ_LIMIT')
  })

  it.each([
    ['a link', (blob: string) => symlinkSync('/etc/passwd', blob)],
    ['a FIFO', (blob: string) => execFileSync('/usr/bin/mkfifo', [blob])],
  ])('opens no blob that is %s', async (_, plant) => {
    const folder = store({ [TAG]: PLAIN })
    const blob = join(folder, `blobs/sha256-${sha256Of(MODEL)}`)
    unlinkSync(blob)
    plant(blob)

    const { drafts, gaps } = await readTreeForTest(folder)

    expect(drafts).toEqual([])
    expect(gaps.map(({ detail }) => detail).join('\n')).toContain('not installed')
  })

  it('reads a blob that two layers name once, and a thousand tags of one blob in a moment', async () => {
    const layers = [...PLAIN.layers, ...PLAIN.layers]
    const tags = Array.from(
      { length: 1000 },
      (_, index) => [`registry.ollama.ai/library/tiny/t${index}`, { layers }] as const,
    )

    const { drafts } = await readTreeForTest(store(Object.fromEntries(tags)))

    expect(drafts).toHaveLength(1000)
    expect(drafts[0]?.parts.filter(({ role }) => role === 'weights')).toHaveLength(1)
  })

  it('cuts a flood of tags, and says so', async () => {
    const folder = store({ [TAG]: PLAIN })
    for (let index = 0; index < 4_100; index += 1) {
      writeStore(folder, { [`manifests/registry.ollama.ai/library/b${index % 2}/t${index}`]: '{}' })
    }

    const { drafts, gaps } = await readTreeForTest(folder)

    expect(drafts.length).toBeLessThanOrEqual(1)
    expect(gaps.map(({ code }) => code)).toContain('GNO_READ_LIMIT')
  })

  it('prints names with control and right-to-left characters harmlessly', async () => {
    const { drafts } = await readTreeForTest(store({ 'h/n/evil\u001b[2J/\u202etag': PLAIN }))

    expect(drafts[0]?.store?.name).toBe('h/n/evil\\u{1b}[2J:\\u{202e}tag')
  })
})

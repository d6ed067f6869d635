// What web pages keep in browsers: models behind cache headers are found and named by page and address, and nothing else is told.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { unpackSnappy } from '../../../agent/read/unpack-snappy.ts'
import { readCacheKey } from '../../../agent/read/web-address.ts'
import { webPlace } from '../../../agent/read/web-place.ts'
import { artifactSchema } from '../../../contract/artifact.ts'
import { buildGguf } from '../../build-gguf.ts'
import { buildOnnx } from '../../build-protobuf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { tensorCache } from '../../build-side-files.ts'
import { sha256Of, writeStore } from '../../build-stores.ts'
import { type EntrySpec, cacheEntry, cacheIndex, entryName, snappy } from '../../build-web-cache.ts'
import { inspectFile } from './open-candidate.ts'
import { openNow, readTreeForTest } from './open-folder.ts'
import { FAMILIES, ggufDecoder, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-web-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => expect(openNow.size).toBe(0))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const BIG = { layers: 2, width: 128, heads: 4, kvHeads: 2, feedForward: 128, vocabulary: 64 }
const GGUF = buildGguf(ggufDecoder(family, BIG))
const ONNX = buildOnnx()
const PAGE = 'https://chat.example'
const SHARD_BYTES = 72
const HUB = 'https://huggingface.co/org/tiny-MLC/resolve/main'

let made = 0
function place(files: Parameters<typeof writeStore>[1]): string {
  made += 1
  return writeStore(join(root, `profile-${made}`), files)
}

const STORAGE = 'Default/Service Worker/CacheStorage/0123abcd'
function cacheOf(entries: Readonly<Record<string, Uint8Array>>, folder = `${STORAGE}/uuid-1`): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(entries).map(([key, body]) => [`${folder}/${entryName(key)}`, cacheEntry({ key, body })]),
  )
}
const INDEX = { [`${STORAGE}/index.txt`]: cacheIndex(`${PAGE}/`), [`${STORAGE}/uuid-1/index`]: 'x' }

describe('Cache Storage of Chromium', () => {
  it('gives a GGUF with page, address without its question, rungs, and the digest of the inner file', async () => {
    const folder = place({ ...INDEX, ...cacheOf({ 'https://cdn.example/models/tiny.gguf?token=secret': GGUF }) })

    const { drafts } = await readTreeForTest(folder, { deep: true })

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject({
      kind: 'store',
      format: 'gguf',
      verdict: 'unchecked',
      store: { id: 'web-cache', name: PAGE },
      sizeBytes: GGUF.length,
      fingerprint: {
        claims: { placeName: 'cdn.example/models' },
        container: { inside: 'chromium-cache-entry' },
        content: { sha256: sha256Of(GGUF) },
        structure: { layers: 2 },
      },
    })
    expect(JSON.stringify(drafts)).not.toContain('secret')
    expect(artifactSchema.safeParse({ ...drafts[0], identifications: [], simulated: false }).error).toBeUndefined()
  })

  it('has the same id and norms as the same model on the disk', async () => {
    const folder = place({ ...INDEX, ...cacheOf({ 'https://cdn.example/tiny.gguf': GGUF }), 'plain/tiny.gguf': GGUF })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toHaveLength(2)
    expect(drafts[0]?.artifactId).toBe(drafts[1]?.artifactId)
    expect(drafts[0]?.fingerprint.lineage).toEqual(drafts[1]?.fingerprint.lineage)
  })

  it('joins the shards of WebLLM across the caches of a page into one artifact', async () => {
    const shards = Array.from({ length: 3 }, (_, index) => [`${HUB}/params_shard_${index}.bin`, SHARD_BYTES] as const)
    const filler = { [`${HUB}/model.wasm`]: Buffer.alloc(70_000, 7) }
    const folder = place({
      ...INDEX,
      ...cacheOf({
        ...filler,
        [`${HUB}/tensor-cache.json`]: tensorCache(),
        ...Object.fromEntries(shards.map(([key, size]) => [key, Buffer.alloc(size, 7)])),
      }),
      ...cacheOf(
        {
          [`${HUB}/mlc-chat-config.json`]: Buffer.from(
            '{"model_type":"llama","quantization":"q4f16_1","model_config":{}}',
          ),
        },
        `${STORAGE}/uuid-2`,
      ),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject({ format: 'mlc', store: { id: 'web-cache', name: PAGE, version: 'main' } })
    expect(drafts[0]?.fingerprint.claims?.placeName).toBe('org/tiny-MLC')
    expect(drafts[0]?.fingerprint.container).toMatchObject({ quantization: 'q4f16_1' })
    expect(drafts[0]?.parts.filter(({ role }) => role === 'weights').length).toBeGreaterThanOrEqual(3)
  })

  it('joins what transformers.js keeps of one repository, and tells two repositories apart', async () => {
    const repository = (name: string): Record<string, Buffer> => ({
      [`https://huggingface.co/org/${name}/resolve/main/onnx/model.onnx`]: ONNX,
      [`https://huggingface.co/org/${name}/resolve/main/onnx/model.onnx_data`]: Buffer.alloc(70_000, 3),
      [`https://huggingface.co/org/${name}/resolve/main/config.json`]: Buffer.from('{"model_type":"bert"}'),
    })
    const folder = place({ ...INDEX, ...cacheOf({ ...repository('a'), ...repository('b') }) })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts.map(({ format }) => format)).toEqual(['onnx', 'onnx'])
    expect(drafts.map(({ fingerprint }) => fingerprint.claims?.placeName).sort()).toEqual(['org/a', 'org/b'])
    expect(new Set(drafts.map(({ path }) => path)).size).toBe(2)
  })

  it('hides no decoder behind a smaller model at the same address', async () => {
    const folder = place({
      ...INDEX,
      ...cacheOf({
        [`${HUB}/a.onnx`]: ONNX,
        [`${HUB}/decoder/model.safetensors`]: buildSafetensors({ tensors: hfTensors(family, BIG) }),
      }),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([{ format: 'safetensors', store: { id: 'web-cache', name: PAGE } }])
  })

  it('tells nothing of what is no model: neither page, address nor gap', async () => {
    const folder = place({
      ...INDEX,
      ...cacheOf({
        'https://private.example/diary.mp4': Buffer.alloc(2_000_000, 9),
        'https://a.example/b.js': Buffer.from('1'),
      }),
    })

    const { drafts, gaps } = await readTreeForTest(folder)

    expect([drafts, gaps]).toEqual([[], []])
  })

  it.each<readonly [string, Partial<EntrySpec>]>([
    ['that is still being written', { hasEnd: false }],
    ['without a digest of its key', { hasKeyDigest: false }],
    ['whose headers are said to be longer than the file', { headerBytes: 4_000_000_000 }],
  ])('finds the model in an entry %s', async (_, lie) => {
    const key = 'https://cdn.example/tiny.gguf'
    const folder = place({ 'loose/entry': cacheEntry({ key, body: GGUF, ...lie }) })

    const { format, fingerprint } = await inspectFile(join(folder, 'loose/entry'))

    expect(format).toBe('gguf')
    expect(fingerprint.structure?.layers).toBe(2)
  })

  it.each([[0xffff_ffff], [70_000], [3]])('survives a key said to have %d bytes', async (keyBytes) => {
    const entry = cacheEntry({ key: 'https://cdn.example/tiny.gguf', body: GGUF, keyBytes })
    const folder = place({ ...INDEX, [`${STORAGE}/uuid-1/0123456789abcdef_0`]: entry })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toEqual([])
  })

  it('tells a cut model as malformed', async () => {
    const folder = place({
      ...INDEX,
      ...cacheOf({ 'https://cdn.example/tiny.gguf': GGUF.subarray(0, GGUF.length - 9_000) }),
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([{ format: 'gguf', verdict: 'malformed' }])
  })
})

describe('the cache of the network', () => {
  it('names the page that stands before the address', async () => {
    const key = `1/0/_dk_${PAGE} ${PAGE} https://cdn.example/tiny.gguf`
    const folder = place({ 'Cache/Cache_Data/index': 'x', ...cacheOf({ [key]: GGUF }, 'Cache/Cache_Data') })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([{ format: 'gguf', store: { id: 'web-cache', name: PAGE } }])
  })
})

describe('the address of a cached file', () => {
  it.each([
    ['https://h.example/a/b/c.gguf?x=1#y', 'h.example/a/b', ['c.gguf']],
    [`${HUB}/onnx/model.onnx`, 'huggingface.co/org/tiny-MLC', ['onnx', 'model.onnx']],
    ['https://h.example/%zz/c.bin', 'h.example/%zz', ['c.bin']],
  ])('%s', (key, model, path) => {
    expect(readCacheKey(key)).toMatchObject({ model, path })
  })

  it.each([
    '',
    'ftp://h/x',
    'https://h.example/',
    'https://h.example/a/%2e%2e%2fx',
    'https://',
    `https://h/${'a/'.repeat(40)}x`,
  ])('is none in %j', (key) => {
    expect(readCacheKey(key)).toBeNull()
  })
})

describe('what Firefox keeps', () => {
  const body = Buffer.concat([GGUF, Buffer.alloc(1_100_000, 1)])
  const morgue = 'storage/default/https+++chat.example/cache/morgue/17'

  it('is named by the first bytes of a packed body, with the page', async () => {
    const folder = place({ [`${morgue}/{uuid}.final`]: snappy(body) })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([{ kind: 'store', format: 'gguf', store: { id: 'web-cache', name: PAGE } }])
    expect(drafts[0]?.gaps.map(({ detail }) => detail).join('\n')).toContain('keeps it packed')
    expect(artifactSchema.safeParse({ ...drafts[0], identifications: [], simulated: false }).error).toBeUndefined()
  })

  it('is a gap without the page where it cannot be told', async () => {
    const folder = place({
      [`${morgue}/{uuid}.final`]: snappy(Buffer.alloc(1_200_000, 5)),
      [`${morgue}/b.final`]: 'small',
    })

    const { drafts, gaps } = await readTreeForTest(folder)

    expect(drafts).toEqual([])
    expect(gaps).toMatchObject([{ code: 'GNO_READ_SKIPPED', count: 1, place: join(folder, 'storage/default') }])
    expect(JSON.stringify(gaps)).not.toContain('chat.example')
  })

  it.each([
    ['a stream that is cut', snappy(body).subarray(0, 30_000)],
    ['a copy from before the beginning', Buffer.from('ff060000734e61507059000b00000000000003050102ffff', 'hex')],
    ['only the head of a stream', Buffer.from('ff060000734e61507059', 'hex')],
  ])('survives %s', (_, bytes) => {
    expect(unpackSnappy(bytes, 1_000_000)?.length ?? 0).toBeLessThanOrEqual(65_536)
  })

  it('unpacks literals and all kinds of copies, and never more than asked', () => {
    const block = Buffer.concat([
      Buffer.from([27]),
      Buffer.from([3 << 2]),
      Buffer.from('abcd'),
      Buffer.from([1 | (4 << 2), 4]),
      Buffer.from([2 | (6 << 2), 2, 0]),
      Buffer.from([3 | (7 << 2), 1, 0, 0, 0]),
    ])
    const head = Buffer.from([0, block.length + 4, 0, 0, 0, 0, 0, 0])
    const stream = Buffer.concat([Buffer.from('ff060000734e61507059', 'hex'), head, block])

    expect(Buffer.from(unpackSnappy(stream, 100) ?? []).toString()).toBe(`abcdabcdabcdcdcdcdc${'c'.repeat(8)}`)
    expect(unpackSnappy(stream, 5)).toHaveLength(5)
  })
})

describe('the page that keeps a file', () => {
  it.each([
    [
      '/h/p/storage/default/https+++a.example+8080^userContextId=1/fs/12/x',
      'https://a.example:8080',
      '/h/p/storage/default',
    ],
    ['/h/p/IndexedDB/https_a.example_0.indexeddb.blob/1/00/2', 'https://a.example', '/h/p/IndexedDB'],
    ['/h/p/File System/000/t/00/00000001', 'a page that is not named', '/h/p/File System'],
    ['/h/p/WebStorage/7/FileSystem/t/00/00000001', 'a page that is not named', '/h/p/WebStorage/7'],
  ])('is told by %s', (path, page, allPages) => {
    expect(webPlace(path)).toEqual({ page, allPages })
  })

  it.each(['/usr/lib/x.gguf', '/h/default/x/y', '/File System/notes/x', '/h/IndexedDB/odd.indexeddb.blob/1'])(
    'is not told by %s',
    (path) => {
      expect(webPlace(path)).toBeNull()
    },
  )
})

// Hub caches: one artifact for each snapshot with weights, links told and never followed, blobs claimed once.
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { storeRootOf } from '../../../agent/read/store-root.ts'
import { artifactSchema } from '../../../contract/artifact.ts'
import { buildGguf } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { hubRepository, sha256Of, writeStore } from '../../build-stores.ts'
import { openNow, readTreeForTest } from './open-folder.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-hub-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => expect(openNow.size).toBe(0))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const GGUF = buildGguf(ggufDecoder(family))
const TENSORS = hfTensors(family)
const HALF = Math.ceil(TENSORS.length / 2)
const CONFIG = JSON.stringify(hfConfig(family))
const COMMIT = 'c0ffee'.repeat(6) + 'c0ff'
const REPOSITORY = 'models--org--tiny--chat'

let made = 0
function place(): string {
  made += 1
  return join(root, `hub-${made}`)
}

const SHARDED = {
  'config.json': CONFIG,
  'model-00001-of-00002.safetensors': buildSafetensors({ tensors: TENSORS.slice(0, HALF) }),
  'model-00002-of-00002.safetensors': buildSafetensors({ tensors: TENSORS.slice(HALF) }),
}

describe('a repository in the hub cache', () => {
  it('gives one artifact for a snapshot in shards: commit, name, structure from the linked configuration', async () => {
    const folder = writeStore(place(), hubRepository(REPOSITORY, COMMIT, SHARDED))

    const { drafts, gaps } = await readTreeForTest(folder)

    expect(drafts).toHaveLength(1)
    const [draft] = drafts
    expect(draft).toMatchObject({
      kind: 'store',
      format: 'safetensors',
      verdict: 'unchecked',
      path: join(folder, REPOSITORY, 'snapshots', COMMIT),
      store: { id: 'hf-cache', name: 'org/tiny--chat', version: COMMIT },
    })
    expect(draft?.fingerprint.structure?.layers).toBe(2)
    expect(draft?.fingerprint.claims?.placeName).toBe('org/tiny--chat')
    expect(draft?.parts.map(({ role }) => role)).toEqual(['weights', 'weights', 'config', 'manifest'])
    expect(gaps).toEqual([])
    expect(artifactSchema.safeParse({ ...draft, identifications: [], simulated: false }).error).toBeUndefined()
  })

  it('tells the SHA-256 in the name of the only blob, and of a list that the hub gave', async () => {
    const folder = writeStore(place(), hubRepository(REPOSITORY, COMMIT, { 'tiny.Q8_0.gguf': GGUF }))
    const listed = writeStore(place(), {
      [`${REPOSITORY}/snapshots/${COMMIT}/tiny.gguf`]: GGUF,
      [`${REPOSITORY}/trees/${COMMIT}.json`]: JSON.stringify({
        files: [{ path: 'tiny.gguf', size: GGUF.length, lfs: { sha256: sha256Of(GGUF) } }],
      }),
    })

    const [linked] = (await readTreeForTest(folder)).drafts
    const [real, ...more] = (await readTreeForTest(listed)).drafts

    expect(linked?.fingerprint.claims?.placeDigest).toEqual({ sha256: sha256Of(GGUF), from: 'hub-blob' })
    expect(real?.fingerprint.claims?.placeDigest).toEqual({ sha256: sha256Of(GGUF), from: 'hub-metadata' })
    expect(more).toEqual([])
  })

  it('gives every GGUF of a snapshot, and every commit, an artifact of its own', async () => {
    const other = buildGguf(
      ggufDecoder(family, { layers: 3, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }),
    )
    const folder = place()
    writeStore(folder, hubRepository(REPOSITORY, COMMIT, { 'a.gguf': GGUF, 'deep/b.gguf': other }))
    writeStore(folder, {
      [`${REPOSITORY}/snapshots/${'1'.repeat(40)}/a.gguf`]: { link: `../../blobs/${sha256Of(GGUF)}` },
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts.map(({ path }) => path.split('/snapshots/')[1])).toEqual([
      `${'1'.repeat(40)}/a.gguf`,
      `${COMMIT}/a.gguf`,
      `${COMMIT}/deep/b.gguf`,
    ])
  })

  it('tells an unfinished download, with the model or where there is none', async () => {
    const folder = writeStore(place(), {
      ...hubRepository(REPOSITORY, COMMIT, SHARDED),
      [`${REPOSITORY}/blobs/${'0'.repeat(64)}.incomplete`]: 'part',
      [`models--org--other/snapshots/${COMMIT}/config.json`]: CONFIG,
      [`models--org--other/blobs/${'0'.repeat(64)}.incomplete`]: 'part',
    })

    const { drafts, gaps } = await readTreeForTest(folder)

    expect(drafts[0]?.gaps.map(({ detail }) => detail).join('\n')).toContain('is an unfinished download')
    expect(gaps).toMatchObject([{ code: 'GNO_READ_PART_MISSING', detail: 'a download is not finished' }])
  })

  it('tells a missing shard of a snapshot', async () => {
    const { 'model-00002-of-00002.safetensors': _gone, ...rest } = SHARDED
    const folder = writeStore(place(), hubRepository(REPOSITORY, COMMIT, rest))

    const { drafts } = await readTreeForTest(folder)

    expect(drafts[0]?.gaps.map(({ code }) => code)).toContain('GNO_READ_PART_MISSING')
  })
})

describe('a hostile hub cache', () => {
  it.each([
    ['/etc/passwd'],
    ['../../../../../../etc/passwd'],
    ['../../blobs/../../secret.gguf'],
    ['../../../models--org--secret/blobs/x'],
    ['../blobs/x'],
    [`../../snapshots/${COMMIT}/tiny.gguf`],
    ['tiny.gguf'],
  ])('follows no link to %s', async (target) => {
    const folder = writeStore(place(), {
      [`${REPOSITORY}/snapshots/${COMMIT}/tiny.gguf`]: { link: target },
      [`${REPOSITORY}/blobs/y`]: 'nothing',
    })
    writeFileSync(join(folder, 'secret.gguf'), 'secret')

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toEqual([])
  })

  it('does not read a blob that is a link itself, nor folders that are links', async () => {
    const folder = place()
    writeStore(folder, {
      'outside/real.gguf': 'GGUF but short',
      [`${REPOSITORY}/snapshots/${COMMIT}/tiny.gguf`]: { link: `../../blobs/${'a'.repeat(64)}` },
      [`${REPOSITORY}/blobs/${'a'.repeat(64)}`]: { link: '../../outside/real.gguf' },
    })
    mkdirSync(join(folder, 'models--a--b'))
    symlinkSync(join(folder, REPOSITORY, 'snapshots'), join(folder, 'models--a--b', 'snapshots'))

    const { drafts } = await readTreeForTest(folder)

    expect(drafts.filter(({ kind }) => kind === 'store')).toEqual([])
  })

  it('holds no folder whose names do not fit', async () => {
    const folder = writeStore(place(), {
      'a/b/c.txt': 'x',
      'models--x/readme': 'x',
      'blobs/x': '',
      'manifests.txt': '',
    })

    const { held } = await readTreeForTest(folder)

    expect(held).toEqual([])
  })
})

describe("RamaLama's store", () => {
  it('gives one artifact with the transport in its name', async () => {
    const hex = sha256Of(GGUF)
    const model = 'store/huggingface/org/tiny'
    const folder = writeStore(place(), {
      [`${model}/refs/latest.json`]: JSON.stringify({ hash: `sha256-${COMMIT}`, files: [] }),
      [`${model}/blobs/sha256-${hex}`]: GGUF,
      [`${model}/snapshots/sha256-${COMMIT}/tiny.gguf`]: { link: `../../blobs/sha256-${hex}` },
    })

    const { drafts } = await readTreeForTest(folder)

    expect(drafts).toMatchObject([
      { kind: 'store', store: { id: 'ramalama', name: 'huggingface/org/tiny', version: `sha256-${COMMIT}` } },
    ])
    expect(drafts[0]?.fingerprint.claims?.placeDigest).toEqual({ sha256: hex, from: 'oci-blob' })
  })
})

describe('the root of a store', () => {
  const hex = 'a'.repeat(64)
  it.each([
    ['/h/.ollama/models/blobs/sha256-' + hex, '/h/.ollama/models'],
    ['/h/.ollama/models/blobs/sha256-' + hex + '-partial', '/h/.ollama/models'],
    ['/h/.ollama/models/manifests/registry.ollama.ai/library/a/b', '/h/.ollama/models'],
    ['/h/hub/models--o--n/blobs/' + hex, '/h/hub/models--o--n'],
    ['/h/hub/models--o--n/snapshots/c/unet/model.safetensors', '/h/hub/models--o--n'],
    ['/h/.docker/models/blobs/sha256/' + hex, '/h/.docker/models'],
    ['C:\\hub\\models--o--n\\blobs\\x', 'C:\\hub\\models--o--n'],
    ['/h/hub/models--o--n', null],
    ['/h/models/a.gguf', null],
    ['/h/blobs/note', null],
    ['', null],
  ])('of %s is %s', (path, expected) => {
    expect(storeRootOf(path)).toBe(expected)
  })
})

// `gnomon inspect` as the built program: a named folder has no size rule, nothing unseen is dropped, and one thing has one answer.
import { appendFileSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { type Inspection, inspectionSchema } from '../../contract/artifact.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from '../agent/read/sample-models.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { hubRepository, ollamaStore, sha256Of, writeStore } from '../build-stores.ts'
import { gnomon } from './programs.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-inspect-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const COMMIT = 'cd'.repeat(20)
const MODEL = buildGguf(ggufDecoder(family))
const LAYERS = [{ mediaType: 'application/vnd.ollama.image.model', content: MODEL }]

writeStore(join(root, 'plain'), { 'notes.txt': 'no model', 'sub/unnamed': MODEL, 'weights.dat': MODEL })
writeStore(
  join(root, 'ollama/models'),
  ollamaStore({
    'registry.ollama.ai/library/tiny/8b': { layers: LAYERS },
    'registry.ollama.ai/library/gone/latest': {
      layers: [{ mediaType: 'application/vnd.ollama.image.model', content: 'never written', hasBlob: false }],
    },
  }),
)
writeStore(
  join(root, 'hub'),
  hubRepository('models--org--tiny', COMMIT, {
    'config.json': JSON.stringify(hfConfig(family)),
    'model.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
  }),
)
writeStore(join(root, 'run/checkpoint-10'), {
  'trainer_state.json': JSON.stringify({ global_step: 10, max_steps: 10, log_history: [] }),
})

const blob = join(root, `ollama/models/blobs/sha256-${sha256Of(MODEL)}`)
const manifest = join(root, 'ollama/models/manifests/registry.ollama.ai/library/tiny/8b')
const snapshot = join(root, 'hub/models--org--tiny/snapshots', COMMIT)
const state = join(root, 'run/checkpoint-10/trainer_state.json')

async function inspect(...args: readonly string[]): Promise<readonly Inspection[]> {
  const { stdout } = await gnomon('inspect', '--ndjson', ...args)
  return stdout
    .trim()
    .split('\n')
    .map((line) => inspectionSchema.parse(JSON.parse(line)))
}

describe('a folder that a person named', () => {
  it('is told whatever the size and the name of its files', async () => {
    const told = await inspect(join(root, 'plain'))

    expect(told.map(({ path, format }) => [path, format])).toEqual([
      [join(root, 'plain/weights.dat'), 'gguf'],
      [join(root, 'plain/sub/unnamed'), 'gguf'],
    ])
  })

  it('is compared whatever the size and the name of its files', async () => {
    const { stdout, code } = await gnomon('compare', join(root, 'plain'), join(root, 'plain/sub'))

    expect(code).toBe(0)
    expect(stdout).toContain(join(root, 'plain/sub/unnamed'))
  })

  it('keeps what was not seen beside the models that were', async () => {
    const folder = join(root, 'ollama/models')
    const [model, rest, ...others] = await inspect(folder)
    const { stdout } = await gnomon('inspect', folder)

    expect(others).toEqual([])
    expect(model?.path).toBe(manifest)
    expect(rest).toMatchObject({ kind: 'folder', path: folder, format: null, verdict: 'unchecked' })
    expect(rest?.gaps.map(({ place }) => place).join('\n')).toContain('gone')
    expect(stdout.slice(stdout.lastIndexOf(`${folder}\n`))).toContain('gone')
  })
})

describe('one thing under several names', () => {
  it.each([
    ['the blob of an Ollama model', blob, manifest],
    ['the manifest of an Ollama model', manifest, manifest],
    ['the link in a hub snapshot', join(snapshot, 'model.safetensors'), snapshot],
    ['the state of a training run', state, state],
  ])('is the same artifact, named by %s', async (_what, operand, path) => {
    const told = await inspect(operand)
    const [whole] = await inspect(path)

    expect(told).toHaveLength(1)
    expect(told[0]).toEqual({ ...whole, ...(operand === path ? {} : { givenAs: operand }) })
  })

  it('says which link it was named by', async () => {
    const link = join(root, 'plain/sub/link')
    symlinkSync(join(root, 'plain/weights.dat'), link)
    const { stdout } = await gnomon('inspect', link)

    expect((await inspect(link))[0]).toMatchObject({ path: join(root, 'plain/weights.dat'), givenAs: link })
    expect(stdout).toContain(`${link}, which leads here`)
  })
})

describe('a claim that the bytes refute', () => {
  it('is told of a size label', async () => {
    const sample = ggufDecoder(family)
    const liar = buildGguf({ ...sample, kv: [...sample.kv, ['general.size_label', text('72B')]] })
    writeStore(join(root, 'liar'), { 'liar.gguf': liar })
    const path = join(root, 'liar/liar.gguf')
    const [told] = await inspect(path)

    expect(told?.contradictions).toMatchObject([{ claim: 'its size label says 72B' }])
    expect((await gnomon('inspect', path)).stdout).toContain('contradict its size label says 72B')
  })

  it('is told of a blob that was changed, when it is hashed', async () => {
    const store = join(root, 'tampered/models')
    writeStore(store, ollamaStore({ 'registry.ollama.ai/library/tiny/8b': { layers: LAYERS } }))
    const changed = join(store, `blobs/sha256-${sha256Of(MODEL)}`)
    appendFileSync(changed, 'more')
    const claims = (told: readonly Inspection[]): readonly string[] =>
      told.flatMap(({ contradictions = [] }) => contradictions.map(({ claim }) => claim))

    expect(claims(await inspect(changed))).toEqual([])
    expect(claims(await inspect('--deep', changed))).toEqual([expect.stringContaining('its place (ollama-blob)')])
    expect(claims(await inspect('--deep', store))).toEqual([expect.stringContaining('its place (ollama-blob)')])
  })
})

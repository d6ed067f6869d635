// The built program on stores made by the test: one artifact a model, from `gnomon inspect` and from `gnomon scan` alike.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inspectionSchema } from '../../contract/artifact.ts'
import { scanSchema } from '../../contract/report.ts'
import { FAMILIES, ggufDecoder, hfConfig, hfTensors } from '../agent/read/sample-models.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { hubRepository, ollamaStore, writeStore } from '../build-stores.ts'
import { gnomon } from './programs.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-stores-')))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const COMMIT = 'ab'.repeat(20)
const TAG = 'registry.ollama.ai/library/tiny/8b'
const image = (kind: string): string => `application/vnd.ollama.image.${kind}`
const MODEL = buildGguf(ggufDecoder(family))
const LAYERS = [{ mediaType: image('model'), content: MODEL }]
const PROJECTOR = buildGguf({
  kv: [
    ['general.architecture', text('clip')],
    ['general.type', text('mmproj')],
  ],
  tensors: [{ name: 'v.patch_embd.weight', dims: [8, 8] }],
})

const place = join(root, 'home')
writeStore(
  join(place, 'hub'),
  hubRepository('models--org--tiny', COMMIT, {
    'config.json': JSON.stringify(hfConfig(family)),
    'model.safetensors': buildSafetensors({ tensors: hfTensors(family) }),
  }),
)
writeStore(
  join(place, '.ollama/models'),
  ollamaStore({ [TAG]: { layers: LAYERS }, 'registry.ollama.ai/library/far/cloud': { layers: LAYERS } }),
)
writeStore(join(place, '.lmstudio/models/org/seeing'), {
  'seeing.gguf': buildGguf(
    ggufDecoder(family, { layers: 3, width: 32, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 16 }),
  ),
  'mmproj-seeing.gguf': PROJECTOR,
})
writeStore(join(place, 'run/checkpoint-10'), {
  'trainer_state.json': JSON.stringify({ global_step: 10, max_steps: 10, log_history: [] }),
})

const EXPECTED = [
  ['hf-cache', 'org/tiny', join(place, 'hub/models--org--tiny/snapshots', COMMIT)],
  ['lm-studio', 'org/seeing/seeing.gguf', join(place, '.lmstudio/models/org/seeing/seeing.gguf')],
  ['ollama', 'registry.ollama.ai/library/tiny:8b', join(place, '.ollama/models/manifests', TAG)],
  [undefined, undefined, join(place, 'run/checkpoint-10/trainer_state.json')],
]

describe('stores as the built program sees them', () => {
  it('gnomon scan gives one artifact a model, with its store, and the cloud tag as a gap', async () => {
    const { stdout, code } = await gnomon('scan', '--json', '--state', join(root, 'state'), place)

    const scan = scanSchema.parse(JSON.parse(stdout))
    const mine = scan.artifacts.filter(({ path }) => path.startsWith(place))
    expect(code).toBe(0)
    expect(mine.map(({ store, path }) => [store?.id, store?.name, path]).sort()).toEqual([...EXPECTED].sort())
    expect(scan.gaps.map(({ detail }) => detail).join('\n')).toContain('in the cloud')
  })

  it('gnomon inspect gives the same view of the whole, of a store, and of a snapshot inside it', async () => {
    const operands = [place, join(place, '.ollama/models'), join(place, 'hub/models--org--tiny/snapshots', COMMIT)]

    const views = await Promise.all(operands.map((operand) => gnomon('inspect', '--ndjson', operand)))

    const paths = views.map(({ stdout }) =>
      stdout
        .trim()
        .split('\n')
        .map((line) => inspectionSchema.parse(JSON.parse(line)))
        .filter(({ kind, format }) => kind !== 'folder' || format !== null)
        .map(({ path }) => path)
        .sort(),
    )
    expect(paths).toEqual([EXPECTED.map(([, , path]) => path).sort(), [EXPECTED[2]?.[2]], [EXPECTED[0]?.[2]]])
  })
})

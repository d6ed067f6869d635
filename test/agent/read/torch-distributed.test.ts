// PyTorch's distributed checkpoints: the description, the shards, and the folder as one model; what lies in either is told.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { artifactSchema } from '../../../contract/artifact.ts'
import { type Py, buildPickle, buildTorchZip, opcodes } from '../../build-pickle.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { writeStore } from '../../build-stores.ts'
import {
  type DistributedSpec,
  LINEAR,
  ROOT,
  buildDistributed,
  tensorArchive,
  tensorEntry,
} from '../../build-torch-distributed.ts'
import { sample } from './give-bytes.ts'
import { openNow, readTreeForTest } from './open-folder.ts'
import { readBytes } from './read-bytes.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-distributed-'))
afterAll(() => rmSync(root, { recursive: true }))
afterEach(() => expect(openNow.size).toBe(0))

const FORMAT = 'pytorch-distributed'
let made = 0

/** Writes a checkpoint; files given here stand in place of its own, and null leaves one out. */
function folderOf(spec: DistributedSpec, changed: Readonly<Record<string, string | Uint8Array | null>> = {}): string {
  made += 1
  const files = new Map<string, string | Uint8Array | null>([...buildDistributed(spec), ...Object.entries(changed)])
  const kept = [...files].flatMap(([name, bytes]) => (bytes === null ? [] : [[name, bytes] as const]))
  return writeStore(join(root, `run-${made}`), Object.fromEntries(kept))
}

function metadataOf(spec: DistributedSpec): Buffer {
  return buildDistributed(spec).get('.metadata') ?? Buffer.alloc(0)
}

const ADAM: DistributedSpec = {
  tensors: [
    { name: 'optimizer.state.fc.weight.exp_avg', size: [4, 2], path: ['optimizer', 'state', 'fc.weight', 'exp_avg'] },
    {
      name: 'optimizer.state.fc.weight.exp_avg_sq',
      size: [4, 2],
      path: ['optimizer', 'state', 'fc.weight', 'exp_avg_sq'],
    },
  ],
  objects: [
    {
      name: 'optimizer.param_groups.fc.weight.decoupled_weight_decay',
      value: new Map<Py, Py>([['value', true]]),
      path: ['optimizer', 'param_groups', 'fc.weight', 'decoupled_weight_decay'],
    },
  ],
}

describe('the files of a distributed checkpoint', () => {
  it('are the committed samples', () => {
    const files = buildDistributed(LINEAR)

    expect(sample(`${FORMAT}/linear.metadata`).equals(files.get('.metadata') ?? Buffer.alloc(0))).toBe(true)
    expect(sample(`${FORMAT}/linear.distcp`).equals(files.get('__1_0.distcp') ?? Buffer.alloc(0))).toBe(true)
  })

  it('are read without a name: every archive of a shard, every tensor of a description', () => {
    const shard = readBytes(sample(`${FORMAT}/linear.distcp`))
    const description = readBytes(sample(`${FORMAT}/linear.metadata`))

    expect(shard.weights?.tensors.map(({ name, shape, bytes }) => ({ name, shape, bytes }))).toEqual([
      { name: '0', shape: [2, 2], bytes: 16 },
      { name: '1', shape: [4], bytes: 16 },
    ])
    expect(description).toMatchObject({ format: FORMAT, weights: { holds: 'sidecar', formatVersion: '1.0.0' } })
    expect(description.weights?.elsewhere?.map(({ name, type, shape }) => ({ name, type, shape }))).toEqual([
      { name: 'fc.weight', type: 'F32', shape: [4, 2] },
      { name: 'fc.bias', type: 'F32', shape: [4] },
    ])
  })

  it('leave a single archive, and an archive with other bytes in front, to the plain checkpoints', () => {
    const one = tensorArchive([2, 2])

    expect(readBytes(one, '__0_0.distcp').format).toBe('pytorch-zip')
    expect(readBytes(Buffer.concat([one.subarray(0, 64), Buffer.alloc(64), one])).format).toBe('pytorch-zip')
  })

  it('name every class that an archive in front would import, too', () => {
    const evil = buildTorchZip({ value: { call: 'os.system', args: ['id'] }, root: ROOT })

    const { weights } = readBytes(Buffer.concat([evil, tensorArchive([2, 2])]))

    expect(weights?.facts?.get('globals')).toContain('os.system')
  })

  it('blame a shard whose bytes between two archives are none', () => {
    const [one, two] = [tensorArchive([2, 2]), tensorArchive([3])]

    const { format, verdict, codes } = readBytes(Buffer.concat([one, Buffer.from(one).fill(1, 30), two, two]))

    expect({ format, verdict }).toEqual({ format: FORMAT, verdict: 'malformed' })
    expect(codes).toContain('GNO_READ_INVALID')
  })
})

describe('the folder of a distributed checkpoint', () => {
  it('is one model with the tensors of the description and the samples of all shards', async () => {
    const { drafts, gaps } = await readTreeForTest(
      folderOf(LINEAR, { 'metadata.json': '{"sharded_backend":"torch_dist"}' }),
    )

    const [draft] = drafts
    expect(drafts).toHaveLength(1)
    expect(gaps).toEqual([])
    expect(draft).toMatchObject({ kind: 'folder', format: FORMAT, verdict: 'unchecked' })
    expect(draft?.fingerprint.structure).toMatchObject({ tensorCount: 2, parameterCount: 12, tensorTypes: { F32: 2 } })
    expect(draft?.fingerprint.structure?.landmarks?.map(({ name }) => name)).toEqual(['fc.bias', 'fc.weight'])
    expect(draft?.fingerprint.container).toMatchObject({ shardCount: 2, chunkCount: 3, shardedBackend: 'torch_dist' })
    expect(draft?.marks.map(({ name }) => name)).toEqual(['fc.weight', 'fc.weight[2,0]', 'fc.bias'])
    expect(draft?.parts.map(({ path, role }) => [path.split('/').at(-1), role])).toEqual([
      ['.metadata', 'index'],
      ['__0_0.distcp', 'weights'],
      ['__1_0.distcp', 'weights'],
      ['metadata.json', 'config'],
    ])
    expect(artifactSchema.safeParse({ ...draft, identifications: [], simulated: false }).error?.issues).toBeUndefined()
  })

  it('tells a shard that is not there, and reads the rest', async () => {
    const { drafts } = await readTreeForTest(folderOf(LINEAR, { '__0_0.distcp': null }))

    const [draft] = drafts
    expect(drafts).toHaveLength(1)
    expect(draft?.fingerprint.structure?.parameterCount).toBe(12)
    expect(draft?.gaps).toContainEqual(
      expect.objectContaining({ code: 'GNO_READ_PART_MISSING', detail: expect.stringContaining('__0_0.distcp') }),
    )
  })

  it('tells shards that the description does not name', async () => {
    const { drafts } = await readTreeForTest(folderOf(LINEAR, { '__7_0.distcp': tensorArchive([64]) }))

    const [draft] = drafts
    expect(drafts).toHaveLength(1)
    expect(draft?.fingerprint.structure?.parameterCount).toBe(12)
    expect(draft?.gaps.map(({ detail }) => detail)).toContain('1 shards are there that .metadata does not name')
  })

  it('hides no model of another container that is called a shard', async () => {
    const model = buildSafetensors({ tensors: [{ name: 'w', dtype: 'F32', shape: [64, 64] }] })

    const { drafts } = await readTreeForTest(folderOf(LINEAR, { '__0_0.distcp': model, '__7_0.distcp': model }))

    expect(drafts.map(({ format, verdict }) => [format, verdict])).toEqual([
      [FORMAT, 'malformed'],
      ['safetensors', 'unchecked'],
      ['safetensors', 'unchecked'],
    ])
    expect(drafts[0]?.parts.map(({ path }) => path.split('/').at(-1))).not.toContain('__0_0.distcp')
  })

  it('tells the optimizer beside a model as what training left, and does not count it', async () => {
    const both = { tensors: [...LINEAR.tensors, ...ADAM.tensors], objects: ADAM.objects ?? [] }

    const { drafts } = await readTreeForTest(folderOf(both))

    const [draft] = drafts
    expect(drafts).toHaveLength(1)
    expect(draft?.fingerprint.training).toEqual({
      kind: 'checkpoint',
      optimizer: 'Adam or AdamW',
      framework: 'torch-distributed',
    })
    expect(draft?.fingerprint.structure).toMatchObject({ tensorCount: 2, parameterCount: 12 })
    expect(draft?.marks.some(({ name }) => name.includes('exp_avg'))).toBe(false)
  })

  it('is a leftover where an optimizer is all of it', async () => {
    const { drafts } = await readTreeForTest(folderOf(ADAM))

    const [draft] = drafts
    expect(drafts).toHaveLength(1)
    expect(draft).toMatchObject({
      kind: 'leftover',
      fingerprint: { training: { kind: 'optimizer-state', optimizer: 'Adam or AdamW' } },
    })
    expect(draft?.parts.map(({ role }) => role)).toEqual(['optimizer', 'optimizer'])
  })

  it('reads the keys of Megatron, which stand in front of the names', async () => {
    const state = ['exp_avg', 'exp_avg_sq', 'fp32_param'].map((key) => ({
      name: `optimizer.state.${key}.module.decoder.final_layernorm.weight`,
      size: [8],
    }))

    const { drafts } = await readTreeForTest(
      folderOf({ tensors: [{ name: 'module.decoder.final_layernorm.weight', size: [8] }, ...state] }),
    )

    expect(drafts[0]?.fingerprint.training?.optimizer).toBe('Adam or AdamW')
    expect(drafts[0]?.fingerprint.structure).toMatchObject({ tensorCount: 1, parameterCount: 8 })
  })

  it.each<readonly [string, string, DistributedSpec]>([
    [
      'begins where no archive does',
      'GNO_READ_INVALID',
      { ...LINEAR, place: (place) => ({ ...place, offset: place.offset + (place.name.endsWith('bias') ? 4 : 0) }) },
    ],
    [
      'ends behind its file',
      'GNO_READ_TRUNCATED',
      { ...LINEAR, place: (place) => ({ ...place, length: place.length + 1_000 }) },
    ],
    ['lies beyond every file', 'GNO_READ_TRUNCATED', { ...LINEAR, place: (place) => ({ ...place, offset: 2 ** 46 }) }],
    ['lies in another', 'GNO_READ_OVERLAP', { ...LINEAR, place: (place) => ({ ...place, offset: 0 }) }],
    [
      'has less room than its numbers',
      'GNO_READ_TRUNCATED',
      { ...LINEAR, place: (place) => ({ ...place, length: 8 }) },
    ],
    [
      'is named above the folder',
      'GNO_READ_INVALID',
      { ...LINEAR, place: (place) => ({ ...place, file: '../other.distcp' }) },
    ],
    [
      'is named from the root',
      'GNO_READ_INVALID',
      { ...LINEAR, place: (place) => ({ ...place, file: '/etc/passwd' }) },
    ],
    ['is the folder above', 'GNO_READ_INVALID', { ...LINEAR, place: (place) => ({ ...place, file: '..' }) }],
    [
      'is of a tensor that nobody describes',
      'GNO_READ_INVALID',
      { ...LINEAR, place: (place) => ({ ...place, name: 'ghost' }) },
    ],
  ])('is malformed where an item %s', async (_, code, spec) => {
    const { drafts, gaps } = await readTreeForTest(folderOf(spec))

    const told = [...gaps, ...drafts.flatMap((draft) => draft.gaps)].map((gap) => gap.code)
    expect(told).toContain(code)
    expect(drafts.every(({ parts }) => parts.every(({ path }) => path.startsWith(root)))).toBe(true)
  })
})

describe('a description', () => {
  const whole = { offsets: [0], sizes: [4] }

  it.each<readonly [string, string, Buffer]>([
    ['names a tensor twice', 'GNO_READ_INVALID', doubled()],
    [
      'has a chunk outside of its tensor',
      'GNO_READ_INVALID',
      described(tensorEntry([4], [{ offsets: [2], sizes: [4] }])),
    ],
    [
      'has a chunk of another rank',
      'GNO_READ_INVALID',
      described(tensorEntry([4], [{ offsets: [0, 0], sizes: [2, 2] }])),
    ],
    ['has chunks that cover a tensor twice', 'GNO_READ_OVERLAP', described(tensorEntry([4], [whole, whole]))],
    ['has a tensor beyond all numbers', 'GNO_READ_LIMIT', described(tensorEntry([2 ** 40, 2 ** 40], []))],
    ['has a tensor of negative size', 'GNO_READ_INVALID', described(tensorEntry([-4], []))],
    ['goes on behind its pickle', 'GNO_READ_INVALID', Buffer.concat([metadataOf(LINEAR), Buffer.from('more')])],
    ['ends early', 'GNO_READ_TRUNCATED', metadataOf(LINEAR).subarray(0, 900)],
  ])('is malformed where it %s', (_, code, bytes) => {
    const { format, codes, verdict } = readBytes(bytes)

    expect({ format, verdict }).toEqual({ format: FORMAT, verdict: 'malformed' })
    expect(codes).toContain(code)
  })

  it('survives a million references to one chunk', () => {
    const chunk = opcodes(tensorEntry([4], [whole])).toString('latin1')
    // The list of chunks is a list of one: its member goes into the memo, and is recalled again and again.
    const built = buildPickle({
      newobj: `torch.distributed.checkpoint.metadata.Metadata`,
      state: new Map<Py, Py>([['state_dict_metadata', new Map<Py, Py>([['fc.bias', tensorEntry([4], [whole])]])]]),
    }).toString('latin1')
    const list = chunk.slice(chunk.indexOf('(lp1\n('), chunk.lastIndexOf('e'))
    const bytes = Buffer.from(
      built.replace(list, () => `${list}q\x07${'h\x07'.repeat(1_000_000)}`),
      'latin1',
    )

    const { format, codes } = readBytes(bytes)

    expect(format).toBe(FORMAT)
    expect(codes.some((code) => code === 'GNO_READ_OVERLAP' || code === 'GNO_READ_BUDGET')).toBe(true)
  })

  it('of many chunks is held in few words: walked once and twice it says the same', () => {
    const rows = Array.from({ length: 3_000 }, (_, row) => ({ offsets: [row], sizes: [1], file: '__0_0.distcp' }))
    const large = metadataOf({ tensors: [{ name: 'table', size: [3_000], chunks: rows }] })

    const { weights, verdict } = readBytes(large)

    expect(large.length).toBeGreaterThan(1_048_576)
    expect(verdict).toBe('unchecked')
    expect(weights?.elsewhere).toEqual([
      { name: 'table', type: 'F32', shape: [3_000], elements: 3_000, offset: 0, bytes: 12_000 },
    ])
    expect(weights?.facts?.get('chunkCount')).toBe(3_000)
  })

  function described(entry: Py): Buffer {
    return metadataOf({ tensors: [], more: new Map([['fc.bias', entry]]) })
  }

  function doubled(): Buffer {
    const text = metadataOf({
      tensors: [
        { name: 'fc.one', size: [4] },
        { name: 'fc.two', size: [8] },
      ],
    }).toString('latin1')
    return Buffer.from(text.replaceAll('fc.two', 'fc.one'), 'latin1')
  }
})

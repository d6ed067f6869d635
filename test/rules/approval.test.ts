import { describe, expect, it } from '@jest/globals'
import type { Artifact } from '../../contract/artifact.ts'
import type { Approval } from '../../contract/finding.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { SHA, STRUCTURE, approval, artifact, findings, runtime, told } from './judged-subjects.ts'

describe('approval', () => {
  const both = { artifacts: [artifact()], runtimes: [runtime()] }

  it('by SHA-256 silences the file and the process that runs it', () => {
    expect(told({ ...both, approvals: [approval('sha256', SHA.toUpperCase())] })).toEqual([])
  })

  describe('of a model in several files', () => {
    const OTHER = 'cd'.repeat(32)
    const shard = (number: number, sha256?: string): Artifact['parts'][number] => ({
      path: `/home/ann/model/model-0000${number}-of-00002.safetensors`,
      sizeBytes: 10,
      role: 'weights',
      ...(sha256 === undefined ? {} : { sha256 }),
    })
    const config = { path: '/home/ann/model/config.json', sizeBytes: 5, role: 'config' } as const
    const sharded = (parts: Artifact['parts'], more: Partial<Artifact> = {}): Artifact =>
      artifact({
        kind: 'folder',
        path: '/home/ann/model',
        parts,
        sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
        fingerprint: { structure: STRUCTURE },
        ...more,
      })
    const user = (path: string): Runtime => {
      const [held] = runtime().weights
      return runtime({ weights: held === undefined ? [] : [{ ...held, path }] })
    }
    const both = [approval('sha256', SHA), approval('sha256', OTHER)]
    const loud = ['unapproved-inference high', 'unapproved-local-model medium']

    it.each<Artifact['kind']>(['split', 'folder'])(
      'silences a %s and its process when all its weights are approved',
      (kind) => {
        const model = sharded([shard(1, SHA), shard(2, OTHER), config], { kind })

        for (const path of [shard(1).path, shard(2).path, model.path]) {
          expect(told({ artifacts: [model], runtimes: [user(path)], approvals: both })).toEqual([])
        }
      },
    )

    it.each<[string, Artifact]>([
      ['one shard is not approved', sharded([shard(1, SHA), shard(2, 'ef'.repeat(32)), config])],
      ['one shard was not hashed', sharded([shard(1, SHA), shard(2)])],
      ['no weights file is listed', sharded([config])],
      ['its list of parts was cut', sharded([shard(1, SHA)], { sizeBytes: 20 })],
      ...['GNO_READ_PART_MISSING', 'GNO_READ_DENIED', 'GNO_READ_VANISHED', 'GNO_READ_IO'].map(
        (code): [string, Artifact] => [
          `a shard could not be looked at (${code})`,
          sharded([shard(1, SHA)], { gaps: [{ code, place: shard(2).path, count: 1, detail: 'x' }] }),
        ],
      ),
    ])('silences nothing where %s', (_why, model) => {
      expect(told({ artifacts: [model], runtimes: [user(shard(1).path)], approvals: both })).toEqual(loud)
    })

    it('lists the digest of each weights file as evidence', () => {
      const [found] = findings({ artifacts: [sharded([shard(1, SHA), shard(2, OTHER)])] })

      expect(found?.evidence.filter(({ kind }) => kind === 'content')).toEqual([
        { kind: 'content', place: shard(1).path, detail: `SHA-256 ${SHA}` },
        { kind: 'content', place: shard(2).path, detail: `SHA-256 ${OTHER}` },
      ])
    })
  })

  it('by SHA-256 silences no process whose file was replaced by the approved one, nor one with more weights than are listed', () => {
    const [held] = runtime().weights
    const weights = held === undefined ? [] : [held]
    const replaced = runtime({ weights: weights.map((each) => ({ ...each, artifactId: 'art1:other' })) })
    const crowded = runtime({ weights: Array.from({ length: 64 }, () => weights).flat() })
    const approvals = [approval('sha256', SHA)]

    for (const story of [replaced, crowded]) {
      expect(told({ artifacts: [artifact()], runtimes: [story], approvals })).toEqual(['unapproved-inference high'])
    }
  })

  it('by SHA-256 joins a process to its model by the key of that model, whatever the shown path', () => {
    const [held] = runtime().weights
    const through = (artifactPath: string): Runtime =>
      runtime({ weights: held === undefined ? [] : [{ ...held, path: '/m/part-1', artifactPath }] })
    const approvals = [approval('sha256', SHA)]

    expect(told({ artifacts: [artifact()], runtimes: [through(artifact().path)], approvals })).toEqual([])
    expect(told({ artifacts: [artifact()], runtimes: [through('unlinked:/m/part-1')], approvals })).toEqual([
      'unapproved-inference high',
    ])
  })

  it('by SHA-256 silences nothing whose content was not hashed, or is other content', () => {
    const unhashed = artifact({
      parts: [{ path: '/home/ann/notes', sizeBytes: 4_661_211_808, role: 'weights' }],
      fingerprint: { structure: STRUCTURE, claims: { placeDigest: { sha256: SHA, from: 'ollama-blob' } } },
    })

    expect(told({ artifacts: [unhashed], runtimes: [runtime()], approvals: [approval('sha256', SHA)] }).length).toBe(2)
    expect(told({ ...both, approvals: [approval('sha256', 'cd'.repeat(32))] }).length).toBe(2)
  })

  it.each<[string, Approval]>([
    ['family', approval('family', 'Llama')],
    ['licence', approval('license', 'llama3')],
    ['the very path', approval('path', '/home/ann/notes')],
    ['a folder above it', approval('path', '/home/ann/')],
  ])('by %s lowers by one step and says so', (_what, weak) => {
    const found = findings({ ...both, approvals: [weak] })

    expect(found.map((finding) => `${finding.policyId} ${finding.severity}`)).toEqual([
      'unapproved-inference medium',
      'unapproved-local-model low',
    ])
    expect(found.every((finding) => finding.loweredBy?.includes(weak.value) === true)).toBe(true)
  })

  it('by several weak matches lowers by one step all the same', () => {
    const approvals = [approval('family', 'llama'), approval('path', '/home/ann'), approval('license', 'llama3')]

    expect(told({ artifacts: [artifact()], approvals })).toEqual(['unapproved-local-model low'])
  })

  it.each([
    approval('path', '/home/an'),
    approval('path', ''),
    approval('path', '/home/ann/notes/x'),
    approval('family', 'mistral'),
    approval('license', ''),
  ])('of something else changes nothing: %j', (other) => {
    expect(told({ artifacts: [artifact()], approvals: [other] })).toEqual(['unapproved-local-model medium'])
  })

  it('of a folder does not cover a path that climbs out of it', () => {
    expect(
      told({ artifacts: [artifact({ path: '/opt/ok/../../home/x' })], approvals: [approval('path', '/opt/ok')] }),
    ).toEqual(['unapproved-local-model medium'])
  })

  it('must cover all weights of a process', () => {
    const [one] = runtime().weights
    const two = runtime({ weights: one === undefined ? [] : [one, { ...one, path: '/home/ann/other' }] })

    expect(told({ artifacts: [artifact()], runtimes: [two], approvals: [approval('sha256', SHA)] })).toEqual([
      'unapproved-inference high',
    ])
  })

  it('of a model is no approval of an open port, nor by name of a false claim', () => {
    const open = runtime({ listeners: [{ protocol: 'tcp', address: '0.0.0.0', port: 1, scope: 'any' }] })
    const liar = artifact({
      path: '/home/ann/liar',
      parts: [{ path: '/home/ann/liar', sizeBytes: 4_661_211_808, role: 'weights' }],
      fingerprint: { structure: STRUCTURE, claims: { sizeLabel: '70B' } },
    })
    const approvals = [approval('sha256', SHA), approval('family', 'llama')]

    expect(told({ artifacts: [artifact(), liar], runtimes: [open], approvals })).toEqual(
      expect.arrayContaining([
        'inference-api-exposed high',
        'claims-contradict-structure high',
        'unapproved-local-model low',
      ]),
    )
  })

  it('is needed for nothing that runs without weights in sight', () => {
    expect(
      told({ runtimes: [runtime({ weights: [] })], approvals: [approval('sha256', SHA), approval('path', '/')] }),
    ).toEqual(['unapproved-inference high'])
  })
})

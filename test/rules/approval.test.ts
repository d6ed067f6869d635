import { describe, expect, it } from '@jest/globals'
import type { Approval } from '../../contract/finding.ts'
import { SHA, STRUCTURE, approval, artifact, findings, runtime, told } from './judged-subjects.ts'

describe('approval', () => {
  const both = { artifacts: [artifact()], runtimes: [runtime()] }

  it('by SHA-256 silences the file and the process that runs it', () => {
    expect(told({ ...both, approvals: [approval('sha256', SHA.toUpperCase())] })).toEqual([])
  })

  it('by SHA-256 silences nothing whose content was not hashed, or is other content', () => {
    const unhashed = artifact({
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

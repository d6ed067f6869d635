// Findings about files that act when they are loaded, and the one that is worse where the host has the weakness they aim at.
import { describe, expect, it } from '@jest/globals'
import type { Artifact } from '../../contract/artifact.ts'
import { findingSchema } from '../../contract/finding.ts'
import type { Threat } from '../../contract/threat.ts'
import { approval, artifact, findings, runtime, told } from './judged-subjects.ts'

const SYSTEM_CALL: Threat = {
  id: 'python-runs-programs',
  title: 'starts a program when it is loaded',
  severity: 'critical',
  effect: 'malicious',
  because: ["os.system: os.system('id') at byte 7"],
  places: [{ member: 'data.pkl', at: 7, shown: "os.system('id')" }],
  ids: ['T1059'],
}
const AIMED: Threat = { id: 'gguf-test', severity: 'high', effect: 'notable', because: ['x'], ids: ['CVE-2026-27940'] }
const hostile = (some: Partial<Artifact>) => artifact({ format: 'pickle', fingerprint: {}, ...some })

const judged = (artifacts: readonly Artifact[], more: Parameters<typeof findings>[0] = {}) =>
  findings({ artifacts, ...more })

describe('findings about what loading would do', () => {
  it.each<[string, Partial<Artifact>, readonly string[]]>([
    ['a malicious file', { verdict: 'malicious', threats: [SYSTEM_CALL] }, ['malicious-model critical']],
    ['a suspicious one', { verdict: 'suspicious' }, ['suspicious-model medium']],
    ['one that cannot be scanned', { verdict: 'unscannable' }, ['unscannable-model low']],
    ['an unreadable file of no format', { verdict: 'unscannable', format: null }, []],
    ['a clean one', { verdict: 'clean' }, []],
    [
      'a clean one with a key in it',
      { verdict: 'clean', threats: [{ ...SYSTEM_CALL, id: 'secret-access-key', effect: 'notable' }] },
      ['secrets-in-model medium'],
    ],
  ])('%s', (_what, some, expected) => {
    expect(told({ artifacts: [hostile(some)] })).toEqual(expected)
  })

  it('says what would run, where it lies in the file, and what it is known as', () => {
    const [finding] = judged([hostile({ verdict: 'malicious', threats: [SYSTEM_CALL] })])

    expect(findingSchema.parse(finding)).toEqual(finding)
    expect(finding?.because.join('\n')).toContain("os.system('id') at byte 7")
    expect(finding?.evidence).toContainEqual({
      kind: 'threat python-runs-programs',
      place: `${artifact({}).path}!data.pkl byte 7`,
      detail: "os.system('id') (T1059)",
    })
  })

  it('is not talked down by a weak approval', () => {
    const path = approval('path', artifact({}).path)

    expect(judged([hostile({ verdict: 'malicious', threats: [SYSTEM_CALL] })], { approvals: [path] })).toMatchObject([
      { policyId: 'malicious-model', severity: 'critical', loweredBy: null },
    ])
  })

  it('is worse where a program on the host has the weakness, running or installed', () => {
    const aims = hostile({ format: 'gguf', verdict: 'malformed', threats: [AIMED] })
    const old = runtime({
      identification: {
        entryId: 'llama-cpp',
        product: 'llama.cpp',
        category: 'runtime',
        version: 'b8000',
        confidence: 'likely',
        evidence: [],
        because: ['a test'],
      },
    })
    const names = (more: Parameters<typeof judged>[1]) => judged([aims], more).map(({ policyId }) => policyId)

    expect(names({})).toEqual(['malformed-model'])
    expect(names({ runtimes: [old] })).toContain('model-aims-at-installed-runtime')
    expect(names({ weaknesses: ['CVE-2026-27940'] })).toContain('model-aims-at-installed-runtime')
    expect(names({ weaknesses: ['CVE-2026-7482'] })).not.toContain('model-aims-at-installed-runtime')
  })
})

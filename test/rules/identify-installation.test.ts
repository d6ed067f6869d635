import { describe, expect, it } from '@jest/globals'
import type { InstallationObservation } from '../../contract/installation.ts'
import { identifyInstallations } from '../../rules/identify-installation.ts'
import { installationWords } from '../../rules/installation-words.ts'
import { judge } from '../../rules/judge.ts'
import { AT } from './judged-subjects.ts'
import { digest, realPack } from './real-pack.ts'

const words = installationWords(realPack, 'linux')

function seen(change: Partial<InstallationObservation>): InstallationObservation {
  return { source: 'pip', name: 'vllm', version: null, place: '/x', scope: 'system', isNameOnly: false, ...change }
}

function identify(...observations: readonly Partial<InstallationObservation>[]) {
  return identifyInstallations(observations.map(seen), [], words, realPack)
}

describe('what is installed', () => {
  it.each<[string, readonly Partial<InstallationObservation>[], string]>([
    ['a package database alone is enough', [{}], 'likely'],
    ['a folder name alone is not', [{ isNameOnly: true }], 'possible'],
    ['a state file alone is not', [{ source: 'state-file', name: '~/.claude', isNameOnly: true }], 'possible'],
    [
      'a state file and a configuration are one trace',
      [
        { source: 'state-file', name: '~/.claude', isNameOnly: true },
        { source: 'config', name: '~/.claude/settings.json', isNameOnly: true },
      ],
      'possible',
    ],
    [
      'a trace and an installed file are two kinds',
      [
        { source: 'state-file', name: '~/.claude', isNameOnly: true },
        { source: 'install-path', name: '~/.local/bin/claude', isNameOnly: true },
      ],
      'likely',
    ],
    ['a unit by its name alone is not', [{ source: 'service', name: 'ollama.service', isNameOnly: true }], 'possible'],
    ['an image is', [{ source: 'container-image', name: 'docker.io/vllm/vllm-openai' }], 'likely'],
    ['a label is', [{ source: 'container', name: 'sha256', labels: ['ai.ramalama.model'] }], 'likely'],
    ['a name that nobody read in a source is not', [{ name: 'axolotl', version: '0.9.0' }], 'possible'],
    ['a draft entry never is', [{ name: 'diffusers' }], 'possible'],
  ])('%s', (_what, observations, confidence) => {
    expect(identify(...observations)).toMatchObject([{ confidence }])
  })

  it.each<[string, Partial<InstallationObservation>]>([
    ['a client library', { name: 'ollama' }],
    ['an image of another maker that ends alike', { source: 'container-image', name: 'x/not-vllm/vllm-openai-fork' }],
    ['a package of another manager', { source: 'apt', name: 'vllm' }],
    ['a label that only begins alike', { source: 'container', name: 'x', labels: ['ai.ramalamax'] }],
    ['a name of a prototype', { name: '__proto__' }],
  ])('is not told of %s', (_what, observation) => expect(identify(observation)).toEqual([]))

  it('is one product a place, with the oldest version and the weaknesses of every version', () => {
    const [told, ...others] = identify(
      { source: 'snap', name: 'ollama', version: '0.17.1', place: '/snap/b' },
      { source: 'snap', name: 'ollama', version: '0.9.0', place: '/snap/a' },
      { source: 'snap', name: 'ollama', version: 'edge', place: '/snap/c' },
    )

    expect(others).toEqual([])
    expect(told).toMatchObject({ installationKey: 'ollama@system', version: '0.9.0', confidence: 'likely' })
    expect(told?.vulnerabilities.map(({ id, version }) => `${id} ${version}`)).toEqual(['CVE-2026-7482 0.9.0'])
  })

  it('does not depend on the order in which it was seen', () => {
    const observations = [
      { source: 'brew', name: 'ollama', version: '0.9.0', place: '/b' },
      { source: 'snap', name: 'ollama', version: '0.17.0', place: '/a' },
    ] as const

    expect(identify(...observations)).toEqual(identify(...[...observations].reverse()))
  })
})

describe('policy about installations', () => {
  const told = (installation: object, change: object = {}) => {
    const [first] = identify(installation)
    if (first === undefined) throw new Error('not identified')
    const input = {
      hostId: 'h',
      observedAt: AT,
      artifacts: [],
      runtimes: [],
      coverage: [],
      gaps: [],
      approvals: [],
      digest,
    }
    const found = judge({ ...input, installations: [{ ...first, ...change }] }, realPack)
    return found.map(({ policyId, severity, subject }) => `${policyId} ${severity} ${subject.kind} ${subject.key}`)
  }
  const guard = { place: '/x', setting: 'approval_policy', value: 'never', says: 'unasked' }

  it('finds a weak version that rests', () => {
    expect(told({ source: 'snap', name: 'ollama', version: '0.16.2' })).toEqual([
      'vulnerable-installation medium installation ollama@system',
    ])
    expect(told({ source: 'snap', name: 'ollama', version: '0.17.1' })).toEqual([])
    expect(told({ source: 'snap', name: 'ollama', version: null })).toEqual([])
  })

  it('finds an agent whose settings switch its guard off, and not one that asks less often', () => {
    const codex = { source: 'npm', name: '@openai/codex', version: '0.50.0' }

    expect(told(codex, { riskySettings: [{ ...guard, turnsOff: ['approval'] }] })).toEqual([
      'agent-guard-off-in-settings medium installation codex-cli@system',
    ])
    expect(told(codex, { riskySettings: [{ ...guard, turnsOff: ['some-approvals'] }] })).toEqual([])
    expect(told(codex)).toEqual([])
  })
})

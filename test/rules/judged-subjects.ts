// One artifact, one runtime and the judge, for the tests of policy and approval.
import type { Artifact } from '../../contract/artifact.ts'
import type { Approval, Finding } from '../../contract/finding.ts'
import type { Structure } from '../../contract/fingerprint.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { type JudgeInput, judge } from '../../rules/judge.ts'
import { digest, realPack } from './real-pack.ts'

export const AT = '2026-11-22T10:00:00.000Z'
export const SHA = 'ab'.repeat(32)
export const STRUCTURE: Structure = {
  kind: 'text',
  architecture: 'llama',
  tensorCount: 291,
  parameterCount: 8_030_261_248,
  quantization: 'Q4_K',
}

/** A text model of 8 billion parameters whose content was hashed. */
export function artifact(some: Partial<Artifact> = {}): Artifact {
  return {
    artifactId: 'art1:0123456789abcdef',
    kind: 'file',
    path: '/home/ann/notes',
    parts: [{ path: '/home/ann/notes', sizeBytes: 4_661_211_808, role: 'weights', sha256: SHA }],
    sizeBytes: 4_661_211_808,
    format: 'gguf',
    formatVersion: '3',
    verdict: 'unchecked',
    fingerprint: { structure: STRUCTURE, content: { sha256: SHA }, claims: { license: 'llama3' } },
    identifications: [
      {
        entryId: 'e',
        model: 'Llama 3 8B',
        family: 'llama',
        rung: 2,
        confidence: 'possible',
        candidates: [],
        because: ['its shape'],
      },
    ],
    threats: [],
    gaps: [],
    simulated: false,
    ...some,
  }
}

/** A renamed engine that maps it. */
export function runtime(some: Partial<Runtime> = {}): Runtime {
  return {
    runtimeKey: 'run1:0123456789abcdef',
    pid: 812,
    startedAt: AT,
    name: 'notes',
    parent: null,
    user: { uid: 1000, name: 'ann' },
    executable: { path: '/home/ann/bin/notes', isDeleted: false },
    commandLine: ['/home/ann/bin/notes'],
    weights: [
      {
        path: '/home/ann/notes',
        how: 'mapped',
        isDeleted: false,
        sizeBytes: 4_661_211_808,
        artifactId: 'art1:0123456789abcdef',
        format: 'gguf',
        model: 'Llama 3 8B',
      },
    ],
    memory: { residentBytes: 1, anonymousBytes: 1, fileBytes: 1, swapBytes: 0 },
    listeners: [{ protocol: 'tcp', address: '127.0.0.1', port: 9999, scope: 'loopback' }],
    activity: 'inference',
    identification: {
      entryId: 'ggml-engine',
      product: 'llama.cpp-family engine',
      category: 'engine',
      confidence: 'likely',
      evidence: [{ kind: 'library-mapped', detail: 'libllama.so', weight: 40 }],
      because: ['libraries and weights'],
    },
    gaps: [],
    simulated: false,
    ...some,
  }
}

/** What the default policies say. */
export function findings(some: Partial<JudgeInput>): readonly Finding[] {
  return judge(
    {
      hostId: 'host-1',
      observedAt: AT,
      artifacts: [],
      runtimes: [],
      coverage: [],
      gaps: [],
      approvals: [],
      digest,
      ...some,
    },
    realPack,
  )
}

/** The same in short: policy and severity. */
export function told(some: Partial<JudgeInput>): readonly string[] {
  return findings(some).map((finding) => `${finding.policyId} ${finding.severity}`)
}

/** An approval with a reason. */
export const approval = (kind: Approval['kind'], value: string): Approval => ({
  kind,
  value,
  reason: 'asked for by the lab',
})

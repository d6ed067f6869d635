// One full value of each wire noun: every optional field is there, so that a round trip shows what gets lost.
import type { Artifact } from '../../contract/artifact.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Host, Report, Scan } from '../../contract/report.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Gap } from '../../contract/wire.ts'

const AT = '2026-11-22T10:00:00.000Z'
const digest = (scheme: string): string => `${scheme}:${'0123456789abcdef'.repeat(4)}`
const sha256 = 'ab'.repeat(32)

const gap: Gap = { code: 'GNO_READ_SKIPPED', place: '/home/ann/notes', count: 1, detail: '--deep was not given' }

const artifact: Artifact = {
  artifactId: digest('art1'),
  kind: 'file',
  path: '/home/ann/notes',
  parts: [{ path: '/home/ann/notes', sizeBytes: 4_661_211_808, role: 'weights' }],
  sizeBytes: 4_661_211_808,
  modifiedAt: AT,
  format: 'gguf',
  formatVersion: '3',
  verdict: 'unchecked',
  fingerprint: {
    claims: {
      name: 'Notes',
      license: 'llama3',
      baseModels: [{ name: 'Llama', organization: 'Meta', repoUrl: 'https://example.org/x' }],
      tags: ['chat'],
      chatTemplateDigest: digest('tpl1'),
      placeDigest: { sha256, from: 'ollama-blob' },
    },
    structure: {
      architecture: 'llama',
      kind: 'text',
      layers: 32,
      ropeBase: 500_000,
      normKind: 'rms',
      tensorCount: 291,
      parameterCount: 8_030_261_248,
      bitsPerWeight: 4.64,
      tensorTypes: { Q4_K: 193 },
      structureKey: 'L32-d4096-h32/8-ff14336-v128256',
      architectureDigest: digest('arch1'),
    },
    tokenizer: { kind: 'gpt2', preTokenizer: 'llama-bpe', size: 128_256, baseVocabDigest: digest('tok1') },
    barcode: { digest: digest('bar1'), bytesSampled: 4_767_744, isComplete: true },
    content: { sha256 },
  },
  identifications: [
    {
      entryId: 'llama-3-8b',
      model: 'Llama 3 8B',
      family: 'llama',
      vendor: 'Meta',
      license: 'llama3',
      rung: 2,
      confidence: 'possible',
      candidates: ['Llama 3.1 8B'],
      because: ['layers 32, width 4096'],
    },
  ],
  threats: [{ id: 'claims-contradict-structure', severity: 'high', because: ['claims 70B, has 8.03B'] }],
  gaps: [gap],
  simulated: false,
}

const runtime: Runtime = {
  runtimeKey: digest('run1'),
  pid: 812,
  startedAt: AT,
  name: 'notes',
  parent: { pid: 1, name: 'systemd' },
  user: { uid: 1000, name: 'ann' },
  executable: { path: '/home/ann/bin/notes', isDeleted: true },
  commandLine: ['notes', '--port', '(4 chars)'],
  weights: [
    {
      path: '/home/ann/notes',
      how: 'mapped',
      isDeleted: false,
      sizeBytes: 42,
      artifactId: null,
      format: null,
      model: null,
    },
  ],
  memory: { residentBytes: 1, anonymousBytes: 2, fileBytes: 3, swapBytes: 4 },
  listeners: [{ protocol: 'tcp', address: '127.0.0.1', port: 9999, scope: 'loopback' }],
  activity: 'inference',
  identification: {
    entryId: 'llama-cpp',
    product: 'llama.cpp',
    vendor: 'ggml.ai',
    category: 'engine',
    confidence: 'likely',
    runsModel: true,
    evidence: [{ kind: 'library-mapped', detail: 'libllama.so', weight: 60 }],
    because: ['maps libllama.so and weights'],
  },
  gaps: [gap],
  simulated: false,
}

const finding: Finding = {
  findingId: digest('fnd1'),
  policyId: 'unapproved-model',
  title: 'Unapproved local model',
  severity: 'medium',
  confidence: 'possible',
  subject: { kind: 'artifact', key: '/home/ann/notes' },
  observedAt: AT,
  because: ['GGUF by content'],
  evidence: [{ kind: 'rung-0', place: '/home/ann/notes', detail: 'magic GGUF at byte 0' }],
  advice: 'Ask the owner.',
  falsePositives: 'Test files of developers.',
  artifactIds: [digest('art1')],
  loweredBy: null,
  simulated: false,
}

const host: Host = {
  hostId: digest('hst1'),
  hostName: 'desk-7',
  platform: 'linux',
  operatingSystem: 'Debian 12',
  kernel: '6.1.0',
  architecture: 'x64',
  processor: 'a processor',
  cores: 8,
  memoryBytes: 34_359_738_368,
  swapBytes: 0,
  graphics: [{ vendor: 'x', model: 'y', memoryBytes: null }],
  agentVersion: '0.1.0',
  packVersion: '0.1.0',
}

const coverage = [{ sensor: 'files', state: 'partial', places: ['/home'], looked: 12, detail: '' }] as const

export const scan: Scan = {
  schema: 'gnomon-scan/1',
  host,
  startedAt: AT,
  finishedAt: AT,
  coverage,
  artifacts: [artifact],
  runtimes: [runtime],
  findings: [finding],
  gaps: [gap],
}

export const report: Report = {
  schema: 'gnomon-report/1',
  sequence: 1,
  reportId: '6f2b8f5e-6a53-4f0e-9c39-0d7c9c3f5b11',
  host,
  startedAt: AT,
  finishedAt: AT,
  coverage,
  gaps: [gap],
  artifacts: [artifact],
  runtimes: [runtime],
  findings: [finding],
  gone: { artifactPaths: ['/gone'], runtimeKeys: ['run1:x'], findingIds: ['fnd1:x'] },
  lostReports: 0,
}

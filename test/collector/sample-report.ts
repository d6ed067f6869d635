// Reports as an agent sends them, with every field overridable: a test shows only what it is about.
import type { Artifact } from '../../contract/artifact.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Report } from '../../contract/report.ts'
import type { Installation } from '../../contract/installation.ts'
import type { Runtime } from '../../contract/runtime.ts'

export const SAMPLE_SHA256 = '9c4870eae91e9017e9249a0ea7b733d0c45e2e52db7cab3203666b5b3acce247'

export function sampleArtifact(change: Partial<Artifact> = {}): Artifact {
  return {
    artifactId: 'art1:00112233445566778899aabbccddeeff',
    kind: 'file',
    path: '/home/ada/Documents/notes.dat',
    parts: [{ path: '/home/ada/Documents/notes.dat', sizeBytes: 4_920_734_176, role: 'weights' }],
    sizeBytes: 4_920_734_176,
    modifiedAt: '2026-11-20T09:00:00.000Z',
    format: 'gguf',
    formatVersion: '3',
    verdict: 'unchecked',
    fingerprint: {
      claims: { name: 'Assistant 8B', license: 'llama3.1', quantizedBy: 'somebody' },
      structure: {
        architecture: 'llama',
        kind: 'text',
        layers: 32,
        embeddingWidth: 4096,
        attentionHeads: 32,
        kvHeads: 8,
        contextLength: 131072,
        vocabularyRows: 128256,
        tensorCount: 292,
        parameterCount: 8_030_261_248,
        bitsPerWeight: 4.89,
        quantization: 'Q4_K',
        structureKey: 'L32-d4096-h32/8-ff14336-v128256',
        architectureDigest: 'arch1:0123456789abcdef0123456789abcdef',
        layoutDigest: 'lay1:0123456789abcdef0123456789abcdef',
      },
      tokenizer: {
        kind: 'bpe',
        preTokenizer: 'llama-bpe',
        size: 128256,
        baseVocabDigest: 'tok1:0123456789abcdef0123456789abcdef',
      },
      barcode: { digest: 'bar1:0123456789abcdef0123456789abcdef', bytesSampled: 4_784_128, isComplete: true },
      content: { sha256: SAMPLE_SHA256 },
    },
    identifications: [
      {
        entryId: 'llama-3-1-8b',
        model: 'Llama 3.1 8B',
        family: 'Llama 3.1',
        vendor: 'Meta',
        license: 'Llama 3.1 Community License',
        rung: 3,
        confidence: 'likely',
        candidates: ['Llama 3 8B'],
        because: ['tokenizer tok1:0123… and structure L32-d4096 occur together in one release only'],
      },
    ],
    threats: [],
    gaps: [],
    simulated: false,
    ...change,
  }
}

export function sampleRuntime(change: Partial<Runtime> = {}): Runtime {
  return {
    runtimeKey: 'run1:0123456789abcdef',
    pid: 812,
    startedAt: '2026-11-23T07:00:00.000Z',
    name: 'notes',
    parent: { pid: 1, name: 'systemd' },
    user: { uid: 1000, name: 'ada' },
    executable: { path: '/home/ada/bin/notes', isDeleted: false },
    commandLine: ['notes', '--port', '9999', '-p', '<17 characters>'],
    weights: [
      {
        path: '/home/ada/Documents/notes.dat',
        how: 'mapped',
        isDeleted: false,
        sizeBytes: 4_920_734_176,
        artifactId: 'art1:00112233445566778899aabbccddeeff',
        format: 'gguf',
        model: 'Llama 3.1 8B',
      },
    ],
    memory: { residentBytes: 5_100_000_000, anonymousBytes: 200_000_000, fileBytes: 4_900_000_000, swapBytes: 0 },
    listeners: [{ protocol: 'tcp', address: '0.0.0.0', port: 9999, scope: 'any' }],
    activity: 'inference',
    identification: {
      entryId: 'llama-cpp',
      product: 'llama.cpp',
      vendor: 'ggml-org',
      category: 'engine',
      confidence: 'likely',
      evidence: [{ kind: 'weights-mapped', detail: 'maps 4.9 GB of a GGUF', weight: 40 }],
      because: ['maps weights and carries llama.cpp strings'],
    },
    gaps: [],
    simulated: false,
    ...change,
  }
}

export function sampleInstallation(change: Partial<Installation> = {}): Installation {
  return {
    installationKey: 'ollama@system',
    entryId: 'ollama',
    product: 'Ollama',
    vendor: 'Ollama',
    category: 'runtime',
    scope: 'system',
    confidence: 'likely',
    version: '0.16.2',
    parts: [
      { source: 'snap', name: 'ollama', version: '0.16.2', place: '/snap/ollama/12/meta/snap.yaml', isNameOnly: false },
    ],
    vulnerabilities: [
      {
        id: 'CVE-2026-7482',
        severity: 'high',
        version: '0.16.2',
        below: '0.17.1',
        says: 'memory contents leak',
        reference: 'an advisory',
      },
    ],
    riskySettings: [],
    mcpServers: [],
    pointsAtLocalModel: null,
    because: ['snap ollama 0.16.2 at /snap/ollama/12/meta/snap.yaml'],
    ...change,
  }
}

export function sampleFinding(change: Partial<Finding> = {}): Finding {
  return {
    findingId: 'fnd1:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    policyId: 'unapproved-model',
    title: 'Unapproved local model: Llama 3.1 8B',
    severity: 'medium',
    confidence: 'likely',
    subject: { kind: 'artifact', key: '/home/ada/Documents/notes.dat' },
    observedAt: '2026-11-23T08:00:00.000Z',
    because: ['the file is GGUF version 3 by its first bytes', 'its structure and tokenizer are those of Llama 3.1 8B'],
    evidence: [
      { kind: 'rung-3', place: '/home/ada/Documents/notes.dat', detail: 'tokenizer digest tok1:0123456789abcdef' },
      { kind: 'process', place: 'pid 812', detail: 'started as `notes`, maps 4.9 GB of it' },
    ],
    advice: 'Ask the owner what it is for; approve it by its SHA-256 or remove it.',
    falsePositives: 'Test files of developers of inference software.',
    artifactIds: ['art1:00112233445566778899aabbccddeeff'],
    loweredBy: null,
    simulated: false,
    ...change,
  }
}

export function sampleReport(change: Partial<Report> = {}): Report {
  return {
    schema: 'gnomon-report/1',
    sequence: 1,
    reportId: '6f9619ff-8b86-4011-b42d-00c04fc964ff',
    host: {
      hostId: 'host-1',
      hostName: 'lt-0042',
      platform: 'linux',
      operatingSystem: 'Debian GNU/Linux 12',
      kernel: '6.1.0',
      architecture: 'x64',
      processor: 'Example CPU',
      cores: 8,
      memoryBytes: 34_359_738_368,
      swapBytes: 0,
      graphics: [{ vendor: 'NVIDIA', model: 'Example GPU', memoryBytes: null }],
      agentVersion: '0.1.0',
      packVersion: '1.0.0',
    },
    startedAt: '2026-11-23T08:00:00.000Z',
    finishedAt: '2026-11-23T08:00:05.000Z',
    coverage: [
      { sensor: 'files', state: 'partial', places: ['/home'], looked: 51_234, detail: '1 folder refused' },
      { sensor: 'linux-processes', state: 'complete', places: ['/proc'], looked: 312, detail: '' },
    ],
    gaps: [{ code: 'GNO_SENSE_DENIED', place: '/home/bob', count: 3, detail: 'permission denied' }],
    artifacts: [sampleArtifact()],
    runtimes: [sampleRuntime()],
    findings: [sampleFinding()],
    gone: { artifactPaths: [], runtimeKeys: [], findingIds: [] },
    lostReports: 0,
    ...change,
  }
}

/** A report that changes nothing, to be filled by the test. */
export function emptyReport(sequence: number, change: Partial<Report> = {}): Report {
  return sampleReport({ sequence, coverage: [], gaps: [], artifacts: [], runtimes: [], findings: [], ...change })
}

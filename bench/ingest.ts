// Ingest: 64 agents, reports of 5 KB with 13 new findings each (27 rows), SQLite with synchronous=FULL, everything acknowledged durable.
// Server and load are threads of one process; "per busy second" counts only the time in which the server's thread worked.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { startServer } from '../collector/server.ts'
import { resolveServeSettings } from '../collector/settings/settings.ts'
import { openStateFolder } from '../collector/settings/state-folder.ts'
import { openSqliteStore } from '../collector/store/sqlite-store.ts'
import { digestToken } from '../collector/tokens.ts'
import type { Finding } from '../contract/finding.ts'
import type { Report } from '../contract/report.ts'
import type { LoadPlan, LoadResult } from './ingest-load.ts'
import type { Measurement } from './measurement.ts'

const AGENTS = 64
const REPORTS_EACH = 150
const FINDINGS = 13
const AT = '2026-11-23T08:00:00.000Z'

/** Measures reports taken per second, and how long one waits for its acknowledgement. */
export async function measure(): Promise<readonly Measurement[]> {
  const path = mkdtempSync(join(tmpdir(), 'gnomon-ingest-'))
  try {
    return await measureIn(path)
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

async function measureIn(path: string): Promise<readonly Measurement[]> {
  const folder = openStateFolder(path)
  if (!folder.ok) throw new Error(folder.failure.detail)
  const limits = { agentPerMinute: 1e9, adminPerMinute: 1e9, anonymousPerMinute: 1e9 }
  const settings = resolveServeSettings({ limits }, { listen: '127.0.0.1:0', allowRemote: false, feeds: [] })
  if (!settings.ok) throw new Error(settings.failure.detail)
  const started = await startServer({
    folder: folder.value,
    settings: settings.value,
    now: () => new Date(),
    log: () => undefined,
  })
  if (!started.ok) throw new Error(started.failure.detail)
  const tokens = await enrolAll(folder.value.databaseFile)
  const template = JSON.stringify(templateReport())
  const before = performance.eventLoopUtilization()
  const cpuBefore = process.cpuUsage()
  const result = await runLoad({
    port: Number(new URL(started.value.url).port),
    tokens,
    reportsEach: REPORTS_EACH,
    template,
  })
  const { active } = performance.eventLoopUtilization(before)
  const cpu = process.cpuUsage(cpuBefore)
  await started.value.stop()
  const sorted = [...result.latenciesMs].sort((a, b) => a - b)
  const percentile = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
  return [
    { name: 'body of one report', value: Buffer.byteLength(template), unit: 'bytes' },
    { name: 'reports refused', value: result.refused, unit: 'of ' + String(result.sent) },
    { name: 'reports taken', value: (result.sent / result.wallMs) * 1000, unit: 'reports/s' },
    {
      name: 'reports taken per busy second',
      value: (result.sent / active) * 1000,
      unit: 'reports/s',
      budget: 'at least 3,000',
    },
    {
      name: 'CPU of server and load together',
      value: (cpu.user + cpu.system) / 1000 / result.sent,
      unit: 'ms a report',
    },
    { name: 'acknowledged after, median', value: percentile(0.5), unit: 'ms' },
    { name: 'acknowledged after, p99', value: percentile(0.99), unit: 'ms', budget: 'at most 100' },
  ]
}

async function enrolAll(databaseFile: string): Promise<readonly string[]> {
  const store = openSqliteStore(databaseFile)
  if (!store.ok) throw new Error(store.failure.detail)
  await store.value.addEnrolmentToken({
    digest: 'bench',
    uses: AGENTS,
    createdAt: AT,
    expiresAt: '2999-01-01T00:00:00.000Z',
    replaces: null,
  })
  const tokens: string[] = []
  for (let agent = 0; agent < AGENTS; agent += 1) {
    const token = `gno_agent_bench${agent}`
    const hostId = `host-${agent}`
    const agentTokenDigest = digestToken(token)
    await store.value.enrol({
      tokenDigest: 'bench',
      hostId,
      hostName: hostId,
      agentId: `agt-${agent}`,
      agentTokenDigest,
      currentTokenDigest: null,
      at: AT,
    })
    tokens.push(token)
  }
  await store.value.close()
  return tokens
}

function runLoad(plan: LoadPlan): Promise<LoadResult> {
  const file = import.meta.filename.endsWith('.ts') ? './ingest-load.ts' : './ingest-load.js'
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(file, import.meta.url), { workerData: plan })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function templateReport(): Report {
  return {
    schema: 'gnomon-report/1',
    sequence: 1,
    reportId: '6f9619ff-8b86-4011-b42d-00c04fc964ff',
    host: {
      hostId: 'host-0',
      hostName: 'host-0',
      platform: 'linux',
      operatingSystem: 'Debian GNU/Linux 12',
      kernel: '6.1.0',
      architecture: 'x64',
      processor: 'Example CPU',
      cores: 8,
      memoryBytes: 34_359_738_368,
      swapBytes: 0,
      graphics: [],
      agentVersion: '0.1.0',
      packVersion: '1.0.0',
    },
    startedAt: AT,
    finishedAt: AT,
    coverage: [{ sensor: 'linux-processes', state: 'complete', places: ['/proc'], looked: 312, detail: '' }],
    gaps: [],
    artifacts: [],
    runtimes: [],
    findings: Array.from({ length: FINDINGS }, (_, index) => templateFinding(index)),
    gone: { artifactPaths: [], runtimeKeys: [], findingIds: [] },
    lostReports: 0,
  }
}

function templateFinding(index: number): Finding {
  return {
    findingId: `fnd1:@N@.${index}`,
    policyId: 'unapproved-model',
    title: 'Unapproved model',
    severity: 'medium',
    confidence: 'likely',
    subject: { kind: 'artifact', key: `/home/u/${index}` },
    observedAt: AT,
    because: ['GGUF'],
    evidence: [],
    advice: 'Ask.',
    falsePositives: 'None.',
    artifactIds: [],
    loweredBy: null,
    simulated: false,
  }
}

// The daemon as it is shipped beside a collector on loopback, and what the kernel says of its two processes (proc(5)).
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { enroll } from '../agent/report/enroll.ts'
import { openState } from '../agent/report/state-store.ts'
import { startServer } from '../collector/server.ts'
import { resolveServeSettings } from '../collector/settings/settings.ts'
import { openStateFolder } from '../collector/settings/state-folder.ts'
import { openSqliteStore } from '../collector/store/sqlite-store.ts'
import { digestToken } from '../collector/tokens.ts'
import { type FindingRow, findingRowSchema, hostRowSchema, pageSchema } from '../contract/collector-api.ts'

/** USER_HZ is 100 on every architecture that is shipped. */
const MS_PER_TICK = 10
const PAGE = 100

export interface BenchCollector {
  readonly url: string
  /** When the collector first took a report of the host; null before. */
  readonly firstReportMs: () => Promise<number | null>
  /** Findings whose title or subject holds that text. */
  readonly findings: (text: string) => Promise<readonly FindingRow[]>
  readonly stop: () => Promise<void>
}

/** A collector in this process, and a state folder below `root` that is enrolled there. */
export async function startBenchCollector(root: string): Promise<BenchCollector> {
  const folder = openStateFolder(join(root, 'collector'))
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
  const { url, adminToken, stop } = started.value
  await enrolState(folder.value.databaseFile, join(root, 'state'), url)
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(new URL(path, url), { headers: { authorization: `Bearer ${adminToken}` } })
    return answer.json()
  }
  return {
    url,
    firstReportMs: async () => {
      const [host] = pageSchema(hostRowSchema).parse(await ask('/api/v1/hosts')).items
      return host?.lastReportAt === null || host === undefined ? null : Date.parse(host.lastReportAt)
    },
    findings: async (text) => {
      const rows: FindingRow[] = []
      const findings = pageSchema(findingRowSchema)
      for (let next: string | null = ''; next !== null; ) {
        const after: string = next === '' ? '' : `&cursor=${next}`
        const page = findings.parse(await ask(`/api/v1/findings?limit=${PAGE}&q=${encodeURIComponent(text)}${after}`))
        rows.push(...page.items)
        next = page.next
      }
      return rows
    },
    stop,
  }
}

async function enrolState(databaseFile: string, folder: string, collectorUrl: string): Promise<void> {
  const token = 'bench-token'
  const store = openSqliteStore(databaseFile)
  if (!store.ok) throw new Error(store.failure.detail)
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const createdAt = new Date().toISOString()
  const digest = digestToken(token)
  await store.value.addEnrolmentToken({ digest, uses: 1, createdAt, expiresAt, replaces: null })
  await store.value.close()
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const state = openState({ folder, now: () => new Date(), maxSpoolBytes: 2 ** 30 })
  if (!state.ok) throw new Error(state.failure.detail)
  const who = { hostId: 'bench-host', hostName: 'bench' }
  const { signal } = new AbortController()
  const enrolled = await enroll(state.value, { collectorUrl, token, ...who, fetch: globalThis.fetch, signal })
  state.value.close()
  if (!enrolled.ok) throw new Error(enrolled.failure.detail)
}

export interface BenchDaemon {
  /** On the clock of the calendar. */
  readonly startedMs: number
  /** Supervisor and worker, or what of them runs. */
  readonly pids: () => readonly number[]
  /** What it said on its log so far. */
  readonly told: () => string
  readonly stop: () => Promise<void>
}

/** Starts `gnomon run` over `root/tree`, with its state in `root/state`. */
export function startBenchDaemon(root: string, settings: Readonly<Record<string, unknown>>): BenchDaemon {
  const file = join(root, 'settings.json')
  writeFileSync(file, JSON.stringify(settings))
  const program = fileURLToPath(new URL('../agent/gnomon.js', import.meta.url))
  const args = [program, 'run', '--json', '--settings', file, '--state', join(root, 'state'), join(root, 'tree')]
  const startedMs = Date.now()
  const daemon = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<void>((resolve) => daemon.on('close', () => resolve()))
  let told = ''
  daemon.stderr.setEncoding('utf8').on('data', (piece: string) => (told += piece))
  const supervisor = daemon.pid ?? 0
  return {
    startedMs,
    pids: () => [supervisor, ...childrenOf(supervisor)],
    told: () => told,
    stop: async () => {
      daemon.kill('SIGTERM')
      await ended
    },
  }
}

/** Waits for what is looked for; gives up with what the daemon said. */
export async function waitFor<T>(
  { told }: Pick<BenchDaemon, 'told'>,
  withinMs: number,
  look: () => T | null | Promise<T | null>,
): Promise<T> {
  const giveUpMs = performance.now() + withinMs
  for (;;) {
    const seen = await look()
    if (seen !== null) return seen
    if (performance.now() > giveUpMs) throw new Error(`waited ${withinMs} ms in vain: ${told().slice(-4000)}`)
    await pause(20)
  }
}

/** Folders of two small files each. */
export function plantFolders(tree: string, folders: number): void {
  for (let folder = 0; folder < folders; folder += 1) {
    const place = join(tree, `a${Math.floor(folder / 500)}`, `folder-${folder}`)
    mkdirSync(place, { recursive: true })
    for (let file = 0; file < 2; file += 1) writeFileSync(join(place, `file-${file}.txt`), 'x')
  }
}

/** Processor time of processes, with that of children that they waited for. */
export function processorMs(pids: readonly number[]): number {
  return sum(pids, (pid) => {
    const fields = fieldsOf(pid)
    return [11, 12, 13, 14].reduce((ticks, field) => ticks + Number(fields[field]), 0) * MS_PER_TICK
  })
}

/** Proportional set size of processes together. */
export function proportionalMb(pids: readonly number[]): number {
  return sum(pids, (pid) => {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1]
    return (Number(kilobytes) * 1024) / 1e6
  })
}

function sum(pids: readonly number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0)
}

/** From the state on: what stands before it may hold any character (proc(5)). */
function fieldsOf(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function childrenOf(parent: number): readonly number[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.filter((pid) => {
    try {
      return Number(fieldsOf(pid)[1]) === parent
    } catch {
      // It ended meanwhile.
      return false
    }
  })
}

// Collector, delivery and whoever fills the spool, all real processes, killed at random moments: nothing is lost, nothing is doubled,
// no database is damaged and the chain of reports holds. GNOMON_SPOOL_KILLS sets how often, GNOMON_SPOOL_SEED repeats a run.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { enroll } from '../../agent/report/enroll.ts'
import { openStateFolder } from '../../collector/settings/state-folder.ts'
import { openSqliteStore } from '../../collector/store/sqlite-store.ts'
import { digestToken, makeToken } from '../../collector/tokens.ts'
import { makeFolder, openTestState, removeFolder, valueOf } from '../agent/report/sample-sweep.ts'

/** With the 16 of the supervisor's test, 200 in CI. */
const KILLS = Number(process.env['GNOMON_SPOOL_KILLS'] ?? 184)
const SEED = Number(process.env['GNOMON_SPOOL_SEED'] ?? randomInt(2 ** 31))
/** Starting a program takes a second on a busy machine. */
const PATIENCE_MS = 60_000

interface Program {
  readonly child: ChildProcess
  readonly lines: string[]
  readonly ended: Promise<void>
}

let agentFolder = ''
let centreFolder = ''
let running: Program[] = []
beforeEach(() => {
  agentFolder = makeFolder()
  centreFolder = makeFolder()
  running = []
})
afterEach(async () => {
  for (const program of running) program.child.kill('SIGKILL')
  await Promise.all(running.map(({ ended }) => ended))
  removeFolder(agentFolder)
  removeFolder(centreFolder)
})

function start(program: string, ...words: readonly string[]): Program {
  const file = join(import.meta.dirname, program)
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let rest = ''
  child.stdout.on('data', (piece: Buffer) => {
    const parts = `${rest}${piece.toString('utf8')}`.split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
  })
  const started = { child, lines, ended: new Promise<void>((resolve) => child.on('close', () => resolve())) }
  running.push(started)
  return started
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('waited a minute in vain')
    await pause(2)
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

async function isUp(program: Program): Promise<Program> {
  await until(() => program.lines.length > 0)
  return program
}

async function enrol(collectorUrl: string): Promise<void> {
  const folder = valueOf(openStateFolder(centreFolder))
  const store = valueOf(openSqliteStore(folder.databaseFile))
  const token = makeToken('enrol', randomBytes)
  const createdAt = '2020-01-01T00:00:00.000Z'
  const expiresAt = '2999-01-01T00:00:00.000Z'
  await store.addEnrolmentToken({ digest: digestToken(token), uses: 1, createdAt, expiresAt, replaces: null })
  await store.close()
  const state = openTestState(agentFolder)
  const { signal } = new AbortController()
  const options = { collectorUrl, token, hostId: 'host-1', hostName: 'lt-0042', fetch: globalThis.fetch, signal }
  valueOf(await enroll(state, options))
  state.close()
}

/** mulberry32: small, seeded, the same everywhere. */
function createRandom(seed: number): () => number {
  let at = seed
  return () => {
    at = (at + 0x6d2b79f5) | 0
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const VICTIMS = ['collector', 'delivery', 'filler'] as const

describe(`${KILLS} kills (GNOMON_SPOOL_SEED=${SEED})`, () => {
  it(
    'lose nothing, double nothing and damage nothing',
    async () => {
      console.info(`spool-kills: GNOMON_SPOOL_SEED=${SEED} GNOMON_SPOOL_KILLS=${KILLS}`)
      const random = createRandom(SEED)
      const fillers: Program[] = []
      const fill = (): Program => {
        const filler = start('spool-program.ts', agentFolder, 'enqueue', `r${fillers.length}`, '100000')
        fillers.push(filler)
        return filler
      }
      const first = await isUp(start('collector-program.ts', centreFolder, '0'))
      const url = first.lines[0] ?? ''
      await enrol(url)
      const starts = {
        collector: () => start('collector-program.ts', centreFolder, new URL(url).port),
        delivery: () => start('spool-program.ts', agentFolder, 'deliver-on'),
        filler: fill,
      }
      const alive = { collector: first, delivery: await isUp(starts.delivery()), filler: await isUp(starts.filler()) }
      for (let kill = 0; kill < KILLS; kill += 1) {
        const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? 'collector'
        await pause(random() * 120)
        alive[victim].child.kill('SIGKILL')
        await alive[victim].ended
        alive[victim] = await isUp(starts[victim]())
      }
      for (const victim of [alive.filler, alive.delivery]) {
        victim.child.kill('SIGKILL')
        await victim.ended
      }
      await start('spool-program.ts', agentFolder, 'deliver').ended
      alive.collector.child.kill('SIGKILL')
      await alive.collector.ended

      const said = fillers.flatMap(({ lines }) => lines)
      expect(said.filter((line) => !line.startsWith('/home/'))).toEqual([])
      expect(said.length).toBeGreaterThan(KILLS)
      const rows = readCentre()
      expect(said.filter((path) => !rows.paths.has(path))).toEqual([])
      expect([...rows.paths].filter(([, versions]) => versions !== 1)).toEqual([])
      // What was stored before its line was printed may be more than what was said, by one for each kill at most.
      expect(rows.paths.size - said.length).toBeLessThanOrEqual(KILLS + 1)
      expect(rows.sequences).toEqual(rows.sequences.map((_unused, index) => index + 1))
      expect(rows.host).toEqual({ chain_breaks: 0, lost_reports: 0, last_sequence: rows.sequences.length })
      expect(rows.integrity).toBe('ok')
      expect(readAgent()).toEqual({ integrity: 'ok', waiting: 0 })
    },
    PATIENCE_MS * (4 + KILLS),
  )
})

function readCentre() {
  const database = new Database(valueOf(openStateFolder(centreFolder)).databaseFile)
  const versions = database
    .prepare<[], { path: string; count: number }>('SELECT path, COUNT(*) AS count FROM artifacts GROUP BY path')
    .all()
  const result = {
    paths: new Map(versions.map(({ path, count }) => [path, count])),
    sequences: database.prepare<[], number>('SELECT sequence FROM reports ORDER BY sequence').pluck().all(),
    host: database.prepare('SELECT chain_breaks, lost_reports, last_sequence FROM hosts').get(),
    integrity: database.pragma('integrity_check', { simple: true }),
  }
  database.close()
  return result
}

function readAgent() {
  const database = new Database(join(agentFolder, 'state.db'))
  const waiting = database.prepare('SELECT COUNT(*) FROM outbox').pluck().get()
  const integrity = database.pragma('integrity_check', { simple: true })
  database.close()
  return { integrity, waiting }
}

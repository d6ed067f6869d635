// The daemon as two real processes: one at a time for a state, ended as asked, started again as often as it is killed, and a job that
// takes too much is ended once. Signals and figures are real; nothing of ours is replaced.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { artifactRecordSchema, findingRowSchema, pageSchema } from '../../contract/collector-api.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { readAll } from './collector-pages.ts'
import { gnomon, type RunningCollector, startCollector, until } from './programs.ts'
import { type Places, placesIn, processesNaming, runs, startSupervised } from './supervised-daemon.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: who runs is read from /proc, which is Linux only')

/** Kills of one run: more with GNOMON_KILLS=200. */
const KILLS = Number(process.env['GNOMON_KILLS'] ?? 16)
const SEED = Number(process.env['GNOMON_SEED'] ?? Date.now() % 1_000_000)

const respawnAtOnce = {
  memoryBytes: 1024 * 1024 * 1024,
  processorPercent: 100,
  forSeconds: 600,
  graceSeconds: 600,
  respawnSeconds: 1,
}
const quiet = { watch: false, processIntervalSeconds: 1 }

let folder = ''
let places: Places

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-supervisor-'))
  places = placesIn(folder)
})
afterEach(async () => {
  for (const pid of processesNaming(folder)) process.kill(pid, 'SIGKILL')
  await until(() => (processesNaming(folder).length === 0 ? true : undefined))
  rmSync(folder, { recursive: true, force: true })
})

function plant(name: string): void {
  const bytes = buildGguf({
    kv: [
      ['general.architecture', text('llama')],
      ['general.name', text(name)],
    ],
    tensors: [{ name: 'token_embd.weight', dims: [32, 4 + (name.length % 7)] }],
  })
  writeFileSync(join(places.models, `${name}.gguf`), bytes)
}

const waiting = z.object({ spool: z.object({ reports: z.number() }) })
/** Null while there is no state yet. */
const status = async (): Promise<unknown> => {
  const { stdout } = await gnomon('status', '--json', '--state', places.state)
  return stdout === '' ? null : JSON.parse(stdout)
}

describe('the daemon', () => {
  onLinux('is one at a time for a state, says who it is, and ends both its processes when it is asked', async () => {
    const daemon = startSupervised(places, quiet)
    await daemon.told('swept')
    const worker = await daemon.worker()

    const second = await gnomon('run', '--state', places.state, places.models)
    const inUse = expect.stringContaining(`GNO_STATE_IN_USE: the daemon with pid ${worker} `)
    expect(second).toMatchObject({ code: 3, stderr: inUse })
    const once = await gnomon('run', '--once', '--state', places.state, places.models)
    expect(once).toMatchObject({ code: 3, stderr: inUse })
    expect(await status()).toMatchObject({ daemon: { pid: worker, supervisorPid: daemon.pid } })

    // Node.js would open its debugger on loopback, for every program of this machine.
    for (const pid of [daemon.pid, worker]) process.kill(pid, 'SIGUSR1')
    expect((await gnomon('status', '--state', places.state)).code).toBe(0)

    const askedAt = performance.now()
    daemon.kill('SIGTERM')
    const ended = await daemon.ended
    expect(ended.code).toBe(0)
    expect(ended.stderr).not.toContain('Debugger')
    process.stdout.write(`daemon: both processes gone ${Math.round(performance.now() - askedAt)} ms after SIGTERM\n`)
    expect(runs(worker)).toBe(false)
    expect(daemon.log().map(({ message }) => message)).not.toContain('worker ended')
    expect(await status()).toMatchObject({ daemon: null })
  })

  onLinux('speaks with the exit code of a worker that cannot start', async () => {
    const file = join(folder, 'settings.json')
    writeFileSync(file, JSON.stringify({ limits: 'tight' }))
    expect((await gnomon('run', '--settings', file, '--state', places.state, places.models)).code).toBe(2)
    expect((await gnomon('run', '--state', '/proc/1/nowhere', places.models)).code).toBe(3)
    expect((await gnomon('run', '--nonsense')).code).toBe(2)
    expect((await gnomon('run', '--help')).code).toBe(0)
  })

  onLinux('tells who was killed, and with what', async () => {
    const daemon = startSupervised(places, { ...quiet, limits: respawnAtOnce })
    await daemon.told('swept')
    process.kill(await daemon.worker(), 'SIGKILL')
    const [ended] = await daemon.told('worker ended')
    expect(ended?.fields.get('cause')).toBe('killed')

    await until(async () => (JSON.stringify(await status()).includes('GNO_AGENT_KILLED') ? true : undefined))
    const kept = await until(() => daemon.log().find(({ fields }) => fields.get('policyId') === 'own-agent-killed'))
    expect(kept.fields.get('severity')).toBe('medium')
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })
})

/** Park and Miller's minimal standard: the same kills for the same seed. */
function seeded(seed: number): () => number {
  let state = (seed % 2147483646) + 1
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

describe('a busy daemon whose processes are killed again and again', () => {
  let collector: RunningCollector | undefined
  afterEach(async () => {
    await collector?.kill('SIGKILL')
  })

  onLinux(
    'loses nothing, tells nothing twice, and leaves no orphan',
    async () => {
      process.stdout.write(`daemon: ${KILLS} kills with GNOMON_SEED=${SEED}\n`)
      const random = seeded(SEED)
      collector = await startCollector(join(folder, 'collector'))
      const token = await collector.enrolmentToken()
      await gnomon('enroll', '--collector', collector.url, '--token', token, '--state', places.state)
      // A guest takes its time for a first sweep on a busy machine; this is about kills.
      const settings = { processIntervalSeconds: 1, limits: respawnAtOnce, pace: 'full' }
      let planted = 0
      let daemon = startSupervised(places, settings)
      for (let kill = 0; kill < KILLS; kill += 1) {
        const worker = await daemon.worker()
        for (let more = 0; more < 5; more += 1, planted += 1) plant(`tiny-${planted}`)
        await new Promise((resolve) => setTimeout(resolve, random() * 4_000))
        if (random() < 0.6) {
          process.kill(worker, 'SIGKILL')
          await until(() => (runs(worker) ? undefined : true))
        } else {
          const last = await daemon.worker()
          daemon.kill('SIGKILL')
          await daemon.ended
          await until(() => (runs(last) ? undefined : true))
          daemon = startSupervised(places, settings)
        }
      }
      const collecting = collector
      await until(async () => {
        const all = await readAll(collecting, '/api/v1/findings', pageSchema(findingRowSchema))
        const ours = all.filter(({ subject }) => subject.key.startsWith(places.models))
        return ours.length >= planted ? true : undefined
      })
      await until(async () => (waiting.parse(await status()).spool.reports === 0 ? true : undefined))
      const last = await daemon.worker()
      daemon.kill('SIGTERM')
      expect((await daemon.ended).code).toBe(0)
      expect(runs(last)).toBe(false)
      expect(processesNaming(places.models)).toEqual([])

      const isOurs = (path: string): boolean => path.startsWith(places.models)
      const found = (await readAll(collector, '/api/v1/artifacts', pageSchema(artifactRecordSchema)))
        .map(({ artifact }) => artifact.path)
        .filter(isOurs)
      expect(new Set(found).size).toBe(planted)
      expect(found).toHaveLength(planted)
      const rows = (await readAll(collector, '/api/v1/findings', pageSchema(findingRowSchema))).filter((row) =>
        isOurs(row.subject.key),
      )
      expect(new Set(rows.map(({ findingId }) => findingId)).size).toBe(rows.length)
      expect(new Set(rows.map((row) => `${row.status} ${row.revision}`))).toEqual(new Set(['open 1']))
      expect(rows).toHaveLength(planted)
      expect(await status()).toMatchObject({ lostReports: 0, damagedFile: null, daemon: null })
      const state = new Database(join(places.state, 'state.db'), { readonly: true })
      expect(state.pragma('integrity_check', { simple: true })).toBe('ok')
      state.close()
    },
    60_000 + KILLS * 15_000,
  )
})

describe('a job that takes too much', () => {
  /** Hashing zeros that lie on no disk keeps a core busy for minutes: a real file, really read. */
  const HUGE_BYTES = 256 * 1024 * 1024 * 1024
  /** Processes are looked at once: other tests of this machine hold weights open, and those would be read beside the huge file. */
  const greedy = { ...quiet, processIntervalSeconds: 3600, deep: true, hashBytesPerSecond: 10_000_000_000 }
  /** Of two cores a quarter of one: less than hashing takes, more than a daemon that only looks. */
  const limits = { ...respawnAtOnce, processorPercent: 12, forSeconds: 12, graceSeconds: 0 }

  onLinux(
    'is ended once, its file is set aside and told, and the next worker goes on without it',
    async () => {
      plant('small')
      plant('huge')
      const huge = join(places.models, 'huge.gguf')
      truncateSync(huge, HUGE_BYTES)
      const daemon = startSupervised(places, { ...greedy, limits })

      const [ended] = await daemon.told('worker ended')
      expect(Object.fromEntries(ended?.fields ?? [])).toMatchObject({ cause: 'processor', job: huge, isBlamed: true })
      expect(ended?.fields.get('detail')).toMatch(/ % of \d+ cores for \d+ s, limit 12 % for 12 s/)

      const finding = await until(() =>
        daemon.log().find(({ fields }) => fields.get('policyId') === 'own-file-set-aside'),
      )
      expect(finding.fields.get('severity')).toBe('high')
      // The next worker says so when its sweep comes by the file.
      const seen = await until(async () => {
        const text = JSON.stringify(await status())
        return text.includes('set aside until') ? text : undefined
      })
      expect(seen).toContain('GNO_AGENT_BENCHED')
      const worker = await daemon.worker()
      // Longer than the first one lived under the same limit.
      await new Promise((resolve) => setTimeout(resolve, 2 * limits.forSeconds * 1000))
      expect(await daemon.worker()).toBe(worker)
      expect(daemon.log().filter(({ message }) => message === 'worker ended')).toHaveLength(1)
      daemon.kill('SIGTERM')
      expect((await daemon.ended).code).toBe(0)
    },
    240_000,
  )

  onLinux('is a crash, too: the file that was open is set aside after the first', async () => {
    plant('huge')
    const huge = join(places.models, 'huge.gguf')
    truncateSync(huge, HUGE_BYTES)
    const daemon = startSupervised(places, { ...greedy, limits: respawnAtOnce })
    await daemon.told('swept')
    const record = join(places.state, 'job')
    // Its name is only in it while its digest is being made.
    await until(() => (readFileSync(record, 'latin1').includes(huge) ? true : undefined))
    process.kill(await daemon.worker(), 'SIGSEGV')

    const [ended] = await daemon.told('worker ended')
    expect(Object.fromEntries(ended?.fields ?? [])).toMatchObject({ cause: 'crash', job: huge, isBlamed: true })
    await until(() => daemon.log().find(({ fields }) => fields.get('policyId') === 'own-file-set-aside'))
    daemon.kill('SIGTERM')
    expect((await daemon.ended).code).toBe(0)
  })

  onLinux('is told with what it used when memory runs over and no file is open', async () => {
    // What is known of folders takes memory, and no file is opened for it.
    for (let folders = 0; folders < 20_000; folders += 1)
      mkdirSync(join(places.models, `a${folders % 100}`, `b${folders}`), { recursive: true })
    const limits = { ...respawnAtOnce, memoryBytes: 1024 * 1024 }
    const daemon = startSupervised(places, { ...quiet, pace: 'full', limits })
    const [ended] = await daemon.told('worker ended')
    expect(ended?.fields.get('cause')).toBe('memory')
    expect(ended?.fields.get('detail')).toMatch(/^\d+ MiB of memory over the \d+ MiB at its start, limit 1 MiB$/)
    daemon.kill('SIGTERM')
    await daemon.ended
  })
})

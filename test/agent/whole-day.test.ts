// A day of a laptop, told in seconds: the daemon's turns, its rescans, its look at itself and its delivery over real HTTP live by one
// virtual clock. What a sweep looks at is a real folder; what it makes of a file there is a sample.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type DaemonParts, runDaemon, type WatchTellers } from '../../agent/daemon.ts'
import { type OpenKeptSweeps, openKeptSweeps } from '../../agent/kept-sweeps.ts'
import { askCollector } from '../../agent/report/ask-collector.ts'
import { writeEnrolment } from '../../agent/report/identity.ts'
import { openConditions } from '../../agent/report/own-conditions.ts'
import type { StateStore } from '../../agent/report/state-store.ts'
import { readStatus } from '../../agent/report/status.ts'
import { createRescan } from '../../agent/rescan.ts'
import { startSelfWatch } from '../../agent/self/self-watch.ts'
import { createRemoteMounts } from '../../agent/sense/remote-mounts.ts'
import { MINIMUM_BYTES, walkFiles } from '../../agent/sense/walk.ts'
import { type Settings, SETTINGS } from '../../agent/settings/settings.ts'
import type { Report } from '../../contract/report.ts'
import { sampleArtifact } from '../collector/sample-report.ts'
import { type ListeningCollector, sendJson, startListening } from './report/listening-collector.ts'
import { makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './report/sample-sweep.ts'
import { VirtualDay } from './virtual-day.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const LOOK = 30_000
/** Turns, delivery, rescans, and the look at itself. */
const WAITERS = 4

let day: VirtualDay
let folder = ''
let tree = ''
let state: StateStore
let kept: OpenKeptSweeps
let collector: ListeningCollector
let stop: AbortController
let done: { whole: number; looks: number; rescans: number }

beforeEach(async () => {
  day = new VirtualDay()
  folder = realpathSync(makeFolder())
  tree = join(folder, 'tree')
  mkdirSync(join(tree, 'kept'), { recursive: true })
  mkdirSync(join(folder, 'program/agent'), { recursive: true })
  state = openTestState(join(folder, 'state'), { now: day.now })
  kept = openKeptSweeps({
    stateFolder: state.folder,
    excludes: [],
    fullSweepIntervalMs: 24 * HOUR,
    now: day.now,
    random: () => 0,
  })
  collector = await startListening()
  const enrolment = { agentId: 'agt_1', agentToken: 'token', collectorUrl: collector.url }
  valueOf(state.write((database) => writeEnrolment(database, enrolment)))
  stop = new AbortController()
  done = { whole: 0, looks: 0, rescans: 0 }
})
afterEach(async () => {
  kept.close()
  state.close()
  await collector.close()
  removeFolder(folder)
})

function walk(roots: readonly string[]): ReturnType<typeof walkFiles> {
  const { signal } = stop
  return walkFiles({ roots, excludes: [], isSmallCandidate: () => false, folders: kept.folders, signal })
}

/** Every large file of the tree, or those of the changed ones that are there. */
const sweep: DaemonParts['sweep'] = ({ roots, changed, known }) => {
  const found: string[] = []
  if (roots.length === 0) done.looks += 1
  else done.whole += 1
  const steps = walk(roots)
  for (let step = steps.next(); step.done !== true; step = steps.next())
    found.push(...step.value.candidates.map(({ path }) => path))
  kept.flush()
  found.push(...changed.filter((path) => existsSync(path)))
  const artifacts = found.map((path) => sampleArtifact({ path, artifactId: `art1:${basename(path)}` }))
  const { coverage, gaps } = openConditions(state).tell()
  const covered = sampleSweep().coverage
  return Promise.resolve({
    result: sampleSweep({ artifacts, coverage: [...covered, coverage], gaps, coveredPaths: [...roots, ...changed] }),
    byIdentity: new Map([...known, ...artifacts.map((artifact) => [artifact.path, artifact] as const)]),
    walked: { coverage: [], gaps: [] },
  })
}

async function rescan({ onSettled, onGone, onGap }: WatchTellers): Promise<void> {
  await createRescan({
    index: kept.folders,
    walk,
    isWatched: () => false,
    isSweeping: () => false,
    remote: createRemoteMounts(),
    tell: { onTouched: onSettled, onGone, onGap },
    intervalMs: LOOK,
    cpuMs: () => 0,
    nowMs: day.time.nowMs,
    sleep: day.time.sleep,
    onRound: () => (done.rescans += 1),
    signal: stop.signal,
  }).run()
}

async function watchSelf(): Promise<void> {
  const place = { environment: {}, platform: 'linux', homeFolder: folder, isRoot: false } as const
  const settings = Object.fromEntries(Object.entries(SETTINGS).map(([name, spec]) => [name, spec.defaultValue(place)]))
  const self = startSelfWatch({
    state,
    settings: settings as unknown as Settings,
    clocks: day.moment,
    program: { folder: join(folder, 'program'), build: '1' },
    rulesDate: null,
    wasEndSeen: false,
    isAbsent: () => false,
    use: () => null,
    work: () => ({
      watches: null,
      rescan: null,
      slowedBy: [],
      rights: { uid: 1000, capabilities: [] },
      reading: null,
      lookedAtMs: null,
      processes: [],
    }),
  })
  while (!stop.signal.aborted) {
    await day.time.sleep(10_000, stop.signal)
    self.tick()
  }
  self.close()
}

function start(): Promise<void> {
  const own = watchSelf()
  const running = runDaemon({
    state,
    sweep,
    roots: [tree],
    watch: rescan,
    isWholeDue: () => false,
    onWaiting: () => undefined,
    sweepIntervalMs: HOUR,
    startSpreadMs: 0,
    processIntervalMs: LOOK,
    now: day.now,
    random: () => 0.5,
    fetch: askCollector,
    signal: stop.signal,
    readerMs: () => 0,
    time: day.time,
    tell: { swept: () => undefined, delivered: () => undefined, gap: () => undefined },
  })
  return Promise.all([own, running]).then(() => undefined)
}

const received = (): readonly Report[] => collector.model.applied
const told = (name: string): number =>
  received().filter(({ artifacts }) => artifacts.some(({ path }) => path === join(tree, name))).length

function plant(name: string): void {
  writeFileSync(join(tree, name), Buffer.alloc(MINIMUM_BYTES, 1))
}

describe('a day of the daemon', () => {
  it('does what its intervals say, over a suspend, a collector that is away and a clock that jumps', async () => {
    plant('kept/first.gguf')
    const ended = start()
    await day.pass(3 * HOUR, WAITERS)
    expect(done).toMatchObject({ whole: 4, rescans: 360 })
    expect(done.looks).toBe(357)
    // A heartbeat every five minutes at least.
    expect(received().length).toBeGreaterThanOrEqual(36)
    expect(received().length).toBeLessThanOrEqual(40)

    plant('kept/second.gguf')
    await day.pass(2 * MINUTE, WAITERS)
    expect(told('kept/second.gguf')).toBe(1)

    const before = { ...done }
    day.suspend(8 * HOUR)
    await day.pass(MINUTE, WAITERS)
    expect(done.whole - before.whole).toBe(1)
    expect(done.looks - before.looks).toBeLessThanOrEqual(2)
    expect(done.rescans - before.rescans).toBeLessThanOrEqual(2)

    collector.misbehave((_request, response) => sendJson(response, 503, { code: 'GNO_INTERNAL', detail: 'away' }))
    const reports = received().length
    plant('kept/third.gguf')
    await day.pass(2 * HOUR, WAITERS)
    expect(received()).toHaveLength(reports)
    expect(valueOf(readStatus(state)).spool.reports).toBeLessThanOrEqual(8)
    collector.misbehave(null)
    await day.pass(HOUR, WAITERS)
    expect(told('kept/third.gguf')).toBe(1)

    const calm = done.whole
    day.stepWall(24 * HOUR)
    await day.pass(MINUTE, WAITERS)
    day.stepWall(-24 * HOUR)
    await day.pass(10 * HOUR - 4 * MINUTE, WAITERS)
    // The jump ahead brings one sweep early, the way back none; the others come with their hours.
    expect(done.whole - calm).toBeGreaterThanOrEqual(10)
    expect(done.whole - calm).toBeLessThanOrEqual(12)
    const clock = openConditions(state).list()
    expect(clock.map(({ code, count }) => [code, count])).toEqual([['GNO_AGENT_CLOCK', 2]])

    stop.abort()
    await ended
    const sixteenHours = 16 * 120
    expect(done.looks + done.whole).toBeGreaterThanOrEqual(sixteenHours - 10)
    expect(done.looks + done.whole).toBeLessThanOrEqual(sixteenHours + 10)
    expect(done.rescans).toBeGreaterThanOrEqual(sixteenHours - 20)
    expect([told('kept/first.gguf'), told('kept/second.gguf'), told('kept/third.gguf')]).toEqual([1, 1, 1])
    expect(received().map(({ sequence }) => sequence)).toEqual(received().map((_report, index) => index + 1))
    expect(valueOf(readStatus(state)).spool.reports).toBe(0)
    expect(collector.model.state.lostReports).toBe(0)
  }, 300_000)
})

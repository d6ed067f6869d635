// For any history of sweeps, faults and restarts, a collector that applies the reports ends with exactly what the sweeps saw.
import { afterEach, describe, expect, it } from '@jest/globals'
import type { ServerResponse } from 'node:http'
import { deliverOnce } from '../../../agent/report/deliver.ts'
import { writeEnrolment } from '../../../agent/report/identity.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import type { Artifact } from '../../../contract/artifact.ts'
import type { Finding } from '../../../contract/finding.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { sampleArtifact, sampleFinding, sampleRuntime } from '../../collector/sample-report.ts'
import { type Received, sendJson, startListening } from './listening-collector.ts'
import type { ModelCollector, ModelState } from './model-collector.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const HISTORIES = 12
const STEPS = 30
const FOLDERS = ['/home/a', '/home/b', '/opt/c']

/** mulberry32: small, seeded, the same everywhere. */
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

interface World {
  readonly artifacts: Map<string, Artifact>
  readonly runtimes: Map<string, Runtime>
  readonly findings: Map<string, Finding>
}

let folder = ''
afterEach(() => removeFolder(folder))

function changeWorld(world: World, random: () => number): void {
  const pick = (limit: number): number => Math.floor(random() * limit)
  for (let change = pick(4); change > 0; change -= 1) {
    const path = `${FOLDERS[pick(3)] ?? ''}/m${pick(4)}`
    if (random() < 0.4) world.artifacts.delete(path)
    else world.artifacts.set(path, sampleArtifact({ path, sizeBytes: 1 + pick(3) }))
    const findingId = `fnd1:${path}`
    const severity = random() < 0.5 ? 'medium' : 'high'
    if (!world.artifacts.has(path)) world.findings.delete(findingId)
    else world.findings.set(findingId, sampleFinding({ findingId, severity, subject: { kind: 'artifact', key: path } }))
    const runtimeKey = `run1:${pick(4)}`
    if (random() < 0.5) world.runtimes.delete(runtimeKey)
    else world.runtimes.set(runtimeKey, sampleRuntime({ runtimeKey, name: `n${pick(2)}`, pid: pick(30_000) }))
  }
}

/** A sweep of some folders; what lies elsewhere is neither seen nor called gone. */
function lookAt(world: World, folders: readonly string[], processes: boolean) {
  const isSeen = (path: string): boolean => folders.some((one) => path.startsWith(`${one}/`))
  return sampleSweep({
    artifacts: [...world.artifacts.values()].filter(({ path }) => isSeen(path)),
    findings: [...world.findings.values()].filter(({ subject }) => isSeen(subject.key)),
    runtimes: processes ? [...world.runtimes.values()] : [],
    coveredPaths: folders,
    coveredProcesses: processes,
    coveredHost: false,
  })
}

describe('any history of sweeps', () => {
  for (let seed = 1; seed <= HISTORIES; seed += 1) {
    it(`leaves the collector with what was seen (seed ${seed})`, async () => {
      const random = createRandom(seed)
      const collector = await startListening()
      folder = makeFolder()
      let state = openTestState(folder)
      const world: World = { artifacts: new Map(), runtimes: new Map(), findings: new Map() }
      let backup: ModelState = collector.model.state
      valueOf(state.write((database) => writeEnrolment(database, { ...ENROLMENT, collectorUrl: collector.url })))

      for (let step = 0; step < STEPS; step += 1) {
        changeWorld(world, random)
        const folders = FOLDERS.filter(() => random() < 0.6)
        valueOf(enqueueSweep(state, lookAt(world, folders, random() < 0.6)))
        collector.misbehave(random() < 0.4 ? faultOf(collector.model, random()) : null)
        if (random() < 0.6) await deliver(state, random)
        if (random() < 0.1) backup = collector.model.state
        // A backup is put back at most where numbers below it are still remembered by the agent.
        if (random() < 0.05) collector.model.state = backup
        if (random() < 0.1) {
          state.close()
          state = openTestState(folder)
        }
      }
      collector.misbehave(null)
      valueOf(enqueueSweep(state, lookAt(world, FOLDERS, true)))
      for (let round = 0; round < 4; round += 1) await deliver(state, random)
      state.close()
      await collector.close()

      expect(keysAndDigests(collector.model.state)).toEqual(keysAndDigests(world))
      expect(collector.model.state.lostReports).toBe(0)
    })
  }
})

const ENROLMENT = { agentId: 'agt_1', agentToken: 'token' }

async function deliver(state: StateStore, random: () => number): Promise<void> {
  const { now } = createClock()
  await deliverOnce(state, { fetch: globalThis.fetch, signal: new AbortController().signal, now, random })
}

/** Not delivered, delivered without an answer, an error, or an answer of somebody else. */
function faultOf(model: ModelCollector, which: number): (request: Received, response: ServerResponse) => void {
  return (request, response) => {
    if (which < 0.5) model.take(request.text)
    if (which < 0.7) response.destroy()
    else if (which < 0.9) response.writeHead(500).end('oops')
    else sendJson(response, 200, { acknowledged: 10_000 })
  }
}

/** Everything but what may be old by design: pids, moments, memory. */
function keysAndDigests(state: Pick<ModelState, 'artifacts' | 'runtimes' | 'findings'>) {
  const byKey = <Item>(map: ReadonlyMap<string, Item>) => [...map].sort(([left], [right]) => (left < right ? -1 : 1))
  const runtimes = byKey(state.runtimes).map(([key, runtime]) => [key, { ...runtime, pid: 0 }])
  return { artifacts: byKey(state.artifacts), runtimes, findings: byKey(state.findings) }
}

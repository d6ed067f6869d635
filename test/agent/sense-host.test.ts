// What the rare sensors see joins a look: a hidden process becomes a blind spot that a policy tells, and never makes a look wait.
import { describe, expect, it } from '@jest/globals'
import { type RareMemory, senseHost } from '../../agent/sense-host.ts'
import type { SensorOutcome } from '../../agent/sense/sensors.ts'
import type { GraphicsUseObservation, ViewDifferenceObservation } from '../../contract/observation.ts'
import { judge } from '../../rules/judge.ts'
import { digest, realPack } from '../rules/real-pack.ts'

const hidden: ViewDifferenceObservation = {
  kind: 'view-difference',
  pid: 4711,
  startTicks: '99',
  name: 'notes',
  seenBy: 'proc',
  missingIn: 'ps-list',
  since: '2026-11-23T08:00:00.000Z',
}

const use = (source: GraphicsUseObservation['source'], dedicatedBytes: number | null): GraphicsUseObservation => ({
  kind: 'gpu-use',
  pid: 4711,
  startTicks: '99',
  device: null,
  driver: 'nvidia',
  source,
  dedicatedBytes,
  sharedBytes: null,
  unifiedBytes: null,
  busyNs: null,
  busyPercent: null,
})

const outcome = (observations: SensorOutcome['observations']): SensorOutcome => ({
  observations,
  gaps: [],
  coverage: { sensor: 'process-views', state: 'complete', places: [], looked: 1, detail: '1 seen' },
})

/** A platform on which no other sensor of ours looks, so that what is seen is what the rare ones saw. */
const look = async (rare: RareMemory) =>
  senseHost({
    platform: 'darwin',
    memory: { host: outcome([]), rare },
    isWhole: false,
    signal: new AbortController().signal,
    now: () => new Date(0),
  })

describe('senseHost', () => {
  it('tells a process that one view lacks as a finding', async () => {
    const rare = { rounds: { look: () => Promise.resolve([outcome([hidden])]) }, last: null, isAsking: false }
    const { gaps, coverage } = await look(rare)
    const seen = { artifacts: [], runtimes: [], gaps, coverage }
    const findings = judge({ hostId: 'h', observedAt: hidden.since, ...seen, approvals: [], digest }, realPack)

    expect(gaps).toContainEqual({
      code: 'GNO_SENSE_HIDDEN',
      place: 'pid 4711',
      count: 1,
      detail: 'notes is seen by proc and missing in ps-list, twice in a row since 2026-11-23T08:00:00.000Z',
      sensor: 'process-views',
    })
    expect(findings.find(({ policyId }) => policyId === 'process-hidden')).toMatchObject({ severity: 'high' })
  })

  it('believes what the driver tells before a held descriptor', async () => {
    const seen = [use('descriptor', null), use('nvidia-smi', 5_000)]
    const rare = { rounds: { look: () => Promise.resolve([outcome(seen)]) }, last: null, isAsking: false }

    expect((await look(rare)).graphicsUse).toEqual([use('nvidia-smi', 5_000)])
  })

  it('waits for the first round only', async () => {
    let rounds = 0
    let end: () => void = () => undefined
    const slow = new Promise<readonly SensorOutcome[]>((resolve) => {
      end = () => resolve([outcome([])])
    })
    const asked = (): Promise<readonly SensorOutcome[]> => {
      rounds += 1
      return rounds === 1 ? Promise.resolve([outcome([hidden])]) : slow
    }
    const rare = { rounds: { look: asked }, last: null, isAsking: false }
    await look(rare)
    const second = await look(rare)
    const third = await look(rare)

    expect(rounds).toBe(2)
    expect(second.gaps).toEqual(third.gaps)
    expect(third.gaps.map(({ code }) => code)).toContain('GNO_SENSE_HIDDEN')
    end()
    await slow
    await Promise.resolve()
    expect((await look(rare)).gaps.map(({ code }) => code)).not.toContain('GNO_SENSE_HIDDEN')
  })
})

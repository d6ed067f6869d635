// A process that breathes is no news: measures in the evidence of its findings change nothing that is reported.
import { describe, expect, it } from '@jest/globals'
import { digestThing } from '../../../agent/report/digest.ts'
import type { Runtime } from '../../../contract/runtime.ts'
import { runtimeSubject } from '../../../rules/judge-subjects.ts'
import { realPack } from '../../rules/real-pack.ts'
import { sampleFinding, sampleRuntime } from '../../collector/sample-report.ts'

/** A runtime with everything that a close look tells. */
const breathing = (bytes: number): Partial<Runtime> => ({
  memory: {
    residentBytes: bytes,
    anonymousBytes: bytes + 1,
    fileBytes: bytes + 2,
    swapBytes: bytes + 3,
    proportionalBytes: bytes + 4,
    lockedBytes: bytes + 5,
    hugePageBytes: bytes + 6,
    largeAnonymousBytes: bytes + 7,
  },
  memoryFit: { heldBytes: bytes, neededBytes: 4_000_000, fits: true },
  graphics: [
    {
      device: '0000:03:00.0',
      driver: 'amdgpu',
      dedicatedBytes: bytes,
      sharedBytes: bytes,
      unifiedBytes: null,
      busyPercent: bytes % 100,
    },
  ],
  told: { version: '0.17.1', model: 'llama3', contextTokens: 4096, loadedBytes: bytes, gpuBytes: bytes },
  processorPercent: bytes % 400,
  labelledFolders: [{ label: 'patients', openFiles: (bytes % 10) + 1 }],
})

const findingOf = (runtime: Runtime) => {
  const { because, evidence } = runtimeSubject(runtime, new Map(), realPack)
  return digestThing({ kind: 'finding', item: sampleFinding({ because, evidence }) })
}

describe('digestThing', () => {
  it('is the same for a process whose measures moved', () => {
    const [before, after] = [sampleRuntime(breathing(5_000_000_000)), sampleRuntime(breathing(6_123_456_789))]

    expect(digestThing({ kind: 'runtime', item: after }).stable).toBe(
      digestThing({ kind: 'runtime', item: before }).stable,
    )
    expect(digestThing({ kind: 'runtime', item: after }).full).not.toBe(
      digestThing({ kind: 'runtime', item: before }).full,
    )
    expect(findingOf(after).stable).toBe(findingOf(before).stable)
    expect(findingOf(after).full).not.toBe(findingOf(before).full)
  })

  it.each<[string, Partial<Runtime>]>([
    ['another version', { told: { version: '0.17.2' } }],
    ['another model', { told: { version: '0.17.1', model: 'mistral' } }],
    ['another card', { graphics: [] }],
    ['memory that no longer fits', { memoryFit: { heldBytes: 1, neededBytes: 4_000_000, fits: false } }],
    ['another labelled folder', { labelledFolders: [{ label: 'payroll', openFiles: 1 }] }],
    ['a container', { container: { engine: 'docker', id: 'abc' } }],
  ])('differs for %s', (_name, change) => {
    const before = sampleRuntime(breathing(5_000_000_000))

    expect(digestThing({ kind: 'runtime', item: { ...before, ...change } }).stable).not.toBe(
      digestThing({ kind: 'runtime', item: before }).stable,
    )
  })

  it('tells use step by step: not every answer, but when a stretch of work begins or ends, and what it adds up to', () => {
    const stableOf = (busySince: string | null, busySeconds: number, seenSeconds: number, isBusy = false) =>
      digestThing({
        kind: 'runtime',
        item: sampleRuntime({
          use: {
            isBusy,
            busySince,
            watchedSince: '2026-11-23T08:00:00.000Z',
            clients: Number(isBusy),
            days: [{ day: '2026-11-23', seenSeconds, busySeconds }],
          },
        }),
      }).stable
    const since = '2026-11-23T09:00:00.000Z'

    expect(stableOf(since, 299, 3_000, true)).toBe(stableOf(since, 10, 3_599))
    expect(stableOf(since, 300, 3_000)).not.toBe(stableOf(since, 299, 3_000))
    expect(stableOf(null, 10, 3_600)).not.toBe(stableOf(null, 10, 3_599))
    expect(stableOf(null, 10, 3_000)).not.toBe(stableOf(since, 10, 3_000))
  })
})

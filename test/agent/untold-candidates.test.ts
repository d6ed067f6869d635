// Candidates that wait for their close look and have no story yet are told by the look itself.
import { describe, expect, it } from '@jest/globals'
import { createCloserMemory, lookCloser } from '../../agent/look-closer.ts'
import { MAX_CANDIDATES } from '../../agent/take-turns.ts'
import { untoldGaps } from '../../agent/untold-candidates.ts'
import type { ProcessObservation } from '../../contract/observation.ts'
import { realPack } from '../rules/real-pack.ts'

const processOf = (pid: number): ProcessObservation => ({
  kind: 'process',
  pid,
  startTicks: '1',
  startedAt: new Date(0).toISOString(),
  parentPid: 1,
  name: 'notes',
  executable: null,
  user: { uid: 0, name: null },
  commandLine: [],
  cgroup: null,
  memory: null,
  mapped: null,
  open: null,
})

/** On Windows nothing of a process is opened: these pids may be anybody's here. */
async function lookAt(count: number) {
  const candidates = Array.from({ length: count }, (_, at) => ({
    process: processOf(1_000_000 + at),
    listeners: [],
    graphics: [],
    entryId: null,
    holdsWeights: false,
  }))
  return await lookCloser(candidates, {
    platform: 'win32',
    pack: realPack,
    memory: createCloserMemory(),
    signal: new AbortController().signal,
    now: () => new Date(0),
  })
}

describe('untoldGaps', () => {
  it('counts who waits for a turn and has no story, in one gap', async () => {
    const closer = await lookAt(MAX_CANDIDATES + 5)
    const waiting = [...closer].filter(([, { gaps }]) => gaps.some(({ code }) => code === 'GNO_SENSE_LIMIT'))

    expect(waiting).toHaveLength(5)
    expect(untoldGaps(closer, [], 'linux-processes')).toMatchObject([
      { code: 'GNO_SENSE_LIMIT', count: 5, sensor: 'linux-processes' },
    ])
    expect(untoldGaps(closer, [{ pid: waiting[0]?.[0] ?? -1 }])).toMatchObject([{ count: 4 }])
  })

  it('says nothing when everybody had a turn', async () => {
    expect(untoldGaps(await lookAt(MAX_CANDIDATES), [])).toEqual([])
  })
})

// Whose turn it is for a close look when somebody starts more programs than one look takes.
import { describe, expect, it } from '@jest/globals'
import { MAX_CANDIDATES, orderTurns, type Turns, waitingSince } from '../../agent/take-turns.ts'
import type { ProcessObservation } from '../../contract/observation.ts'

const processOf = (pid: number): ProcessObservation => ({
  kind: 'process',
  pid,
  startTicks: '1',
  startedAt: new Date(0).toISOString(),
  parentPid: 1,
  name: 'sleep',
  executable: null,
  user: { uid: 0, name: null },
  commandLine: [],
  cgroup: null,
  memory: null,
  mapped: null,
  open: null,
})

const turn = (lookedAt: number, waitsSince: number | null = null) => ({ lookedAt, waitsSince })
const decoy = (pid: number) => ({ process: processOf(pid), entryId: null, holdsWeights: true })
const hidden = { process: processOf(9), entryId: null, holdsWeights: false }
const pidsOf = (ordered: readonly { readonly process: ProcessObservation }[]) =>
  ordered.map(({ process }) => process.pid)

describe('orderTurns', () => {
  it('takes whoever holds weights under no name first', () => {
    const named = { process: processOf(8), entryId: 'ollama', holdsWeights: true }

    expect(pidsOf(orderTurns([named, hidden, decoy(100)], new Map()))).toEqual([100, 9, 8])
  })

  it('lets nobody wait twice behind a crowd', () => {
    const crowd = [hidden, ...Array.from({ length: MAX_CANDIDATES }, (_, index) => decoy(100 + index))]
    const first = pidsOf(orderTurns(crowd, new Map())).slice(0, MAX_CANDIDATES)
    const turns: Turns = new Map(first.map((pid) => [`${pid} 1`, turn(0)]))

    expect(first).not.toContain(9)
    expect(pidsOf(orderTurns(crowd, turns))[0]).toBe(9)
  })

  it('gives the bytes of a look to whoever waits longest for them', () => {
    const turns: Turns = new Map([
      ['9 1', turn(4, 2)],
      ['100 1', turn(4, 4)],
    ])

    expect(pidsOf(orderTurns([decoy(100), decoy(101), hidden], turns))).toEqual([9, 100, 101])
  })
})

describe('waitingSince', () => {
  it.each([
    ['nothing waits', { waits: false, isServed: true }, null],
    ['it had a part, and queues up again', { waits: true, isServed: true }, 7],
    ['it had none, and keeps its place', { waits: true, isServed: false }, 3],
  ])('%s', (_what, served, expected) => {
    expect(waitingSince({ waitsSince: 3 }, { ...served, look: 7 })).toBe(expected)
  })
})

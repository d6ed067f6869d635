import { describe, expect, it } from '@jest/globals'
import type { HeldWeights } from '../../agent/held-weights.ts'
import { noteOpened, type OpenedMemory, testMemory } from '../../agent/memory-test.ts'
import type { ProcessObservation } from '../../contract/observation.ts'

const MIB = 1024 ** 2
const NONE = { count: 0, bytes: 0 }

function running(anonymousBytes: number, startTicks = '5000'): ProcessObservation {
  const anonymous = anonymousBytes === 0 ? NONE : { count: 1, bytes: anonymousBytes }
  return {
    kind: 'process',
    pid: 812,
    startTicks,
    startedAt: '2026-11-23T01:00:00.000Z',
    parentPid: 1,
    name: 'notes',
    executable: null,
    user: { uid: 1000, name: 'ada' },
    commandLine: [],
    cgroup: null,
    memory: { residentBytes: anonymousBytes, anonymousBytes, fileBytes: 0, swapBytes: 0 },
    mapped: [],
    open: [],
    largeMemory: { anonymous, hugePages: NONE, memfd: NONE, shared: NONE },
  }
}

const held = (how: HeldWeights['how'], sizeBytes: number): HeldWeights => ({
  how,
  path: '/m/x',
  isDeleted: false,
  sizeBytes,
  format: 'gguf',
  artifact: null,
})

function copiesOf(
  process: ProcessObservation,
  weights: readonly HeldWeights[],
  opened: OpenedMemory,
  known: number[] = [],
) {
  return testMemory({ process, weights, graphics: [], closer: undefined }, { opened, known }).copies
}

describe('testMemory', () => {
  it('knows a copy by the file that the process had open at a look before', () => {
    const opened: OpenedMemory = new Map()
    noteOpened([running(0)], () => [held('open', 300 * MIB)], opened)
    noteOpened([running(290 * MIB)], () => [], opened)

    expect(copiesOf(running(290 * MIB), [], opened)).toEqual(['opened-before'])
    expect(copiesOf(running(200 * MIB), [], opened)).toEqual([])
  })

  it('lets another process of the same number inherit nothing', () => {
    const opened: OpenedMemory = new Map()
    noteOpened([running(0)], () => [held('open', 300 * MIB)], opened)
    noteOpened([running(290 * MIB, '9000')], () => [], opened)

    expect(copiesOf(running(290 * MIB, '9000'), [], opened)).toEqual([])
    expect(opened.size).toBe(0)
  })

  it('takes memory of a process that maps its weights for no copy of them', () => {
    expect(copiesOf(running(300 * MIB), [held('mapped', 300 * MIB)], new Map(), [300 * MIB])).toEqual([])
    expect(copiesOf(running(300 * MIB), [], new Map(), [300 * MIB])).toEqual(['known-size'])
  })

  it('remembers a bounded number of files of one process', () => {
    const opened: OpenedMemory = new Map()
    const many = Array.from({ length: 500 }, (_, at) => held('open', (64 + at) * MIB))
    noteOpened([running(0)], () => many, opened)

    expect(opened.get('812 5000')?.size).toBe(64)
  })
})

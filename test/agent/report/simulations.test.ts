import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { endSimulation, isSimulated, registeredSizes, registerSimulation } from '../../../agent/report/simulations.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { makeFolder, openTestState, removeFolder, valueOf } from './sample-sweep.ts'

const START = new Date('2026-11-23T08:00:00.000Z')
const SHA = 'a'.repeat(64)
let folder = ''
let state: StateStore

beforeEach(() => {
  folder = makeFolder()
  state = openTestState(folder)
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

function after(minutes: number): Date {
  return new Date(START.getTime() + minutes * 60_000)
}

describe('a fire drill', () => {
  it('is believed for its own digest and for ten minutes', () => {
    const until = valueOf(registerSimulation(state, { nonce: 'n', sha256: SHA, sizeBytes: 42, now: START }))

    const believed = [after(0), after(9.99), after(10), after(11)].map((now) => isSimulated(state, SHA, now))

    expect(until).toEqual(after(10))
    expect(believed).toEqual([true, true, false, false])
    expect(isSimulated(state, 'b'.repeat(64), START)).toBe(false)
    expect([...registeredSizes(state, after(5))]).toEqual([42])
    expect([...registeredSizes(state, after(10))]).toEqual([])
  })

  it('is not believed before it began, so that a clock set back opens nothing', () => {
    valueOf(registerSimulation(state, { nonce: 'n', sha256: SHA, sizeBytes: 42, now: START }))

    expect(isSimulated(state, SHA, after(-60))).toBe(false)
  })

  it('is forgotten as soon as it ends, and the others are not', () => {
    valueOf(registerSimulation(state, { nonce: 'one', sha256: SHA, sizeBytes: 42, now: START }))
    valueOf(registerSimulation(state, { nonce: 'two', sha256: 'b'.repeat(64), sizeBytes: 43, now: START }))

    valueOf(endSimulation(state, 'one'))

    expect(isSimulated(state, SHA, START)).toBe(false)
    expect(isSimulated(state, 'b'.repeat(64), START)).toBe(true)
  })

  it('is one of sixty-four at most', () => {
    for (let round = 0; round < 80; round += 1) {
      const now = new Date(START.getTime() + round)
      valueOf(registerSimulation(state, { nonce: `n${round}`, sha256: SHA, sizeBytes: round, now }))
    }

    expect(registeredSizes(state, after(1)).size).toBe(64)
  })

  it('is never believed when the state cannot be read', () => {
    valueOf(registerSimulation(state, { nonce: 'n', sha256: SHA, sizeBytes: 42, now: START }))
    state.close()

    expect(isSimulated(state, SHA, START)).toBe(false)
    expect(registeredSizes(state, START).size).toBe(0)
  })
})

// A timer that runs only while something waits: nobody is woken for nothing, and nobody waits longer than before.
import { describe, expect, it } from '@jest/globals'
import { awaitRest } from '../../../agent/sense/rest-awaited.ts'
import { type Timers, whileWaiting } from '../../../agent/sense/while-waiting.ts'

/** Timers that fire when the test says so. */
function createTimers(): Timers & {
  readonly waits: number[]
  readonly pending: () => number
  readonly fire: () => void
} {
  const waits: number[] = []
  const armed: (() => void)[] = []
  return {
    waits,
    pending: () => armed.length,
    fire: () => armed.shift()?.(),
    after: (milliseconds, work) => {
      waits.push(milliseconds)
      armed.push(work)
      return () => void armed.splice(armed.indexOf(work), 1)
    },
  }
}

describe('whileWaiting', () => {
  it('sets no timer before something waits, and none after', () => {
    const timers = createTimers()
    let left = 2
    const waiting = whileWaiting(() => (left -= 1) > 0, 100, timers)
    expect(timers.pending()).toBe(0)

    waiting.wake()
    waiting.wake()
    expect(timers.waits).toEqual([50])
    timers.fire()
    expect(timers.waits).toEqual([50, 100])
    timers.fire()
    expect(left).toBe(0)
    expect(timers.pending()).toBe(0)
  })

  it('works again for what comes later, and sets one timer for what comes meanwhile', () => {
    const timers = createTimers()
    let calls = 0
    const waiting = whileWaiting(
      () => {
        calls += 1
        if (calls === 1) waiting.wake()
        return true
      },
      100,
      timers,
    )
    waiting.wake()
    timers.fire()
    expect(timers.pending()).toBe(1)
    timers.fire()
    expect(calls).toBe(2)
  })

  it('ends when it is stopped', () => {
    const timers = createTimers()
    const waiting = whileWaiting(() => true, 100, timers)
    waiting.wake()
    waiting.stop()
    expect(timers.pending()).toBe(0)
    waiting.wake()
    expect(timers.pending()).toBe(0)
  })
})

describe('awaitRest', () => {
  it('looks at files only while some are waited for', () => {
    const timers = createTimers()
    const nothing = { minimumBytes: 1, onSettled: () => undefined, onOverflow: () => undefined }
    const resting = awaitRest({ restMs: 1_500, nowMs: () => 0, ...nothing }, timers)
    expect(timers.pending()).toBe(0)

    resting.touch('/no/such/file')
    expect(timers.pending()).toBe(1)
    timers.fire()
    expect(timers.pending()).toBe(0)
  })
})

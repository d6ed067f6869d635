// What the daemon tells stays short: troubles once, gaps of one kind in one line.
import { describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import { tellLog } from '../../agent/daemon-events.ts'
import { foldGaps } from '../../agent/fold-news.ts'
import { createLog } from '../../agent/report/log.ts'
import type { Enqueued } from '../../agent/report/outbox.ts'
import { failed, type Result, success } from '../../contract/failure.ts'
import type { Gap } from '../../contract/wire.ts'
import { sampleSweep } from './report/sample-sweep.ts'

const gap = (code: Gap['code'], place: string, count = 1): Gap => ({ code, place, count, detail: 'EMFILE' })

const LINE = z.object({ message: z.string(), detail: z.string().optional() })

/** Time that the test lets pass. */
function createTime() {
  const waiting: { readonly atMs: number; readonly work: () => void }[] = []
  let nowMs = 0
  return {
    later: (work: () => void, milliseconds: number) => void waiting.push({ atMs: nowMs + milliseconds, work }),
    pass: (milliseconds: number) => {
      nowMs += milliseconds
      for (let at = waiting.findIndex(({ atMs }) => atMs <= nowMs); at >= 0; ) {
        waiting.splice(at, 1).forEach(({ work }) => work())
        at = waiting.findIndex(({ atMs }) => atMs <= nowMs)
      }
    },
    get waiting() {
      return waiting.length
    },
  }
}

describe('gaps of sensors', () => {
  it('are one line a kind, with all of them counted, at most once a minute', () => {
    const time = createTime()
    const told: Gap[] = []
    const tell = foldGaps((one) => told.push(one), time.later)

    for (let at = 0; at < 5_000; at += 1) tell(gap('GNO_SENSE_WATCH', `/home/a${at}`, 2))
    tell(gap('GNO_SENSE_DENIED', '/root'))
    expect(told).toEqual([])
    time.pass(1_000)
    expect(told).toEqual([
      { ...gap('GNO_SENSE_WATCH', '/home/a0', 10_000), detail: 'EMFILE; and at 4999 other place(s)' },
      gap('GNO_SENSE_DENIED', '/root'),
    ])

    for (let second = 0; second < 30; second += 1) {
      tell(gap('GNO_SENSE_WATCH', '/home/b'))
      time.pass(1_000)
    }
    expect(told.length).toBe(2)
    time.pass(30_000)
    expect(told.slice(2)).toEqual([gap('GNO_SENSE_WATCH', '/home/b', 30)])
    time.pass(60_000)
    expect([told.length, time.waiting]).toEqual([3, 0])
  })

  it('do not hold back what is no gap of a sensor', () => {
    const told: Gap[] = []
    const tell = foldGaps((one) => told.push(one), createTime().later)
    tell(gap('GNO_SETTINGS_INVALID', 'pace'))
    tell(gap('GNO_SETTINGS_INVALID', 'limits'))

    expect(told.map(({ place }) => place)).toEqual(['pace', 'limits'])
  })
})

describe('a state that takes nothing', () => {
  it('is told when it begins, when it is otherwise, and when it is over', () => {
    const lines: string[] = []
    const write = (line: string): void => {
      const { message, detail } = LINE.parse(JSON.parse(line))
      lines.push(detail === undefined ? message : `${message}: ${detail}`)
    }
    const events = tellLog(createLog({ level: 'info', write, now: () => new Date(0) }), {
      known: () => null,
      reader: () => 'in-process',
    })
    const look = (stored: Result<Enqueued>): void => events.swept({ ...sampleSweep(), coveredHost: false }, stored)
    const fine = success<Enqueued>({ enqueued: 0, sequences: [], changed: 0, gone: 0, dropped: 0 })
    const full = failed('GNO_STATE_FULL', 'full')

    for (const stored of [fine, full, full, full, failed('GNO_STATE_UNUSABLE', 'read-only'), fine, fine]) look(stored)

    expect(lines).toEqual(['sweep was not stored: full', 'sweep was not stored: read-only', 'sweeps are stored again'])
  })
})

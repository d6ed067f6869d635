import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { chownSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { readEnrolment, writeEnrolment, hostIdOf } from '../../../agent/report/identity.ts'
import { enqueueSweep } from '../../../agent/report/outbox.ts'
import { openState, type StateStore } from '../../../agent/report/state-store.ts'
import { readFindings, readStatus } from '../../../agent/report/status.ts'
import { sampleFinding } from '../../collector/sample-report.ts'
import { createClock, makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './sample-sweep.ts'

const clock = createClock()
let folder = ''
let opened: StateStore[] = []

beforeEach(() => {
  folder = makeFolder()
  opened = []
})
afterEach(() => {
  for (const state of opened) state.close()
  removeFolder(folder)
})

function open(place = folder): StateStore {
  const state = openTestState(place)
  opened.push(state)
  return state
}

/** Writes nonsense over every page but the ones that would keep the file from being recognised at all. */
function scramble(file: string, from: number): void {
  const bytes = readFileSync(file)
  writeFileSync(
    file,
    bytes.map((byte, index) => (index < from ? byte : (byte * 7 + index) & 0xff)),
  )
}

describe('the state folder', () => {
  it('is readable by its owner alone', () => {
    const place = join(folder, 'a', 'b')

    open(place)

    expect(statSync(place).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(place)) expect(statSync(join(place, name)).mode & 0o077).toBe(0)
  })

  it('is refused when it is a link or belongs to somebody else', () => {
    const link = join(folder, 'link')
    mkdirSync(join(folder, 'real'))
    symlinkSync(join(folder, 'real'), link)
    const foreign = join(folder, 'foreign')
    mkdirSync(foreign)
    const canGiveAway = process.getuid?.() === 0
    if (canGiveAway) chownSync(foreign, 12345, 12345)

    const throughLink = openState({ folder: link, now: clock.now })
    const ofOther = openState({ folder: canGiveAway ? foreign : link, now: clock.now })

    expect(throughLink).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
    expect(ofOther).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
  })

  it('is refused, not thrown about, when a file stands in its place', () => {
    const place = join(folder, 'file')
    writeFileSync(place, 'x')

    const result = openState({ folder: place, now: clock.now })

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
  })

  it('of a newer agent is left alone', () => {
    const state = open()
    state.write((database) => database.pragma('user_version = 99'))

    const result = openState({ folder, now: clock.now })

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
    expect(readdirSync(folder).filter((name) => name.includes('damaged'))).toEqual([])
  })
})

describe('a damaged database', () => {
  for (const { what, from } of [
    { what: 'that is not a database any more', from: 0 },
    { what: 'with nonsense in its pages', from: 4096 },
  ]) {
    it(`${what} is set aside, the enrolment survives, and the next report says so`, () => {
      const before = openTestState(folder)
      valueOf(hostIdOf(before, () => 'host-1'))
      const enrolment = { agentId: 'agt_1', agentToken: 'secret', collectorUrl: 'https://c.example' }
      valueOf(before.write((database) => writeEnrolment(database, enrolment)))
      valueOf(before.saveIdentity())
      valueOf(enqueueSweep(before, sampleSweep({ findings: [sampleFinding()] })))
      before.close()
      scramble(before.file, from)

      const state = open()

      const aside = readdirSync(folder).filter((name) => /^state\.db\.damaged-[0-9TZ]+$/.test(name))
      expect(aside).toHaveLength(1)
      expect(valueOf(readEnrolment(state))).toEqual(enrolment)
      expect(valueOf(readStatus(state)).hostId).toBe('host-1')
      valueOf(enqueueSweep(state, sampleSweep()))
      const body = valueOf(state.read((database) => database.prepare('SELECT body FROM outbox').pluck().get()))
      expect(body).toContain('GNO_SPOOL_DAMAGED')
      expect(body).toContain(aside[0])
    })
  }

  it('met in the middle of work fails that work and is replaced for the next', () => {
    const state = open()
    const findings = Array.from({ length: 400 }, (_unused, index) =>
      sampleFinding({ findingId: `fnd1:${index}`, subject: { kind: 'host', key: 'host-1' } }),
    )
    valueOf(enqueueSweep(state, sampleSweep({ findings })))
    const other = new Database(state.file)
    other.pragma('wal_checkpoint(TRUNCATE)')
    other.close()
    scramble(state.file, 8192)
    valueOf(state.read((database) => database.pragma('shrink_memory')))

    const results = [readFindings(state), readFindings(state), enqueueSweep(state, sampleSweep({ findings }))]
    const after = enqueueSweep(state, sampleSweep({ findings }))

    expect(results.some((result) => !result.ok && result.failure.code === 'GNO_SPOOL_DAMAGED')).toBe(true)
    expect(after.ok).toBe(true)
    expect(valueOf(readFindings(state))).toHaveLength(400)
  })

  it('keeps the three newest remains, however often it happens', () => {
    const times = createClock()
    for (let round = 0; round < 6; round += 1) {
      times.advance(1000)
      writeFileSync(join(folder, 'state.db'), 'nonsense '.repeat(1000))
      openTestState(folder, { now: times.now }).close()
    }

    const aside = readdirSync(folder).filter((name) => name.includes('damaged'))

    expect(aside).toHaveLength(3)
  })
})

describe('the host id', () => {
  it('is proposed once and kept', () => {
    const state = open()

    const first = hostIdOf(state, () => 'one')
    const second = hostIdOf(state, () => 'two')

    expect([valueOf(first), valueOf(second)]).toEqual(['one', 'one'])
  })
})

// The screen of `gnomon status` fits 24 rows of 100 columns, whatever the state holds, and says what matters.
import { describe, expect, it } from '@jest/globals'
import type { AgentStatus } from '../../../agent/report/status.ts'
import { renderStatus, type StatusScreen } from '../../../agent/show/status.ts'

const terminal = { isInteractive: false, hasColours: false, columns: 80, write: () => true } as unknown as Parameters<
  typeof renderStatus
>[2]

function statusOf(many: number): AgentStatus {
  const long = 'x'.repeat(500)
  const each = Array.from({ length: many }, (_, at) => at)
  return {
    hostId: 'host',
    enrolment: { agentId: 'agent', collectorUrl: 'https://collector.example' },
    lastSweep: {
      isWhole: true,
      startedAt: '2026-11-23T10:00:00.000Z',
      finishedAt: '2026-11-23T10:01:00.000Z',
      coverage: [
        { sensor: 'files', state: 'complete', places: [], looked: 1, detail: '10 files in 2 folders' },
        ...each.map((at) => ({ sensor: `s${at}`, state: 'partial' as const, places: [], looked: 1, detail: long })),
      ],
      gaps: each.map((at) => ({ code: 'GNO_SENSE_DENIED', place: `/p${at}`, count: 1, detail: long })),
    },
    known: { artifacts: 1, runtimes: 2, findings: 3 },
    spool: { reports: 4, bytes: 5_000, oldestAt: null, nextSequence: 6 },
    delivery: {
      lastAttemptAt: '2026-11-23T10:01:00.000Z',
      lastSuccessAt: null,
      lastFailure: { code: 'GNO_DELIVERY_DOWN', detail: long, at: '' },
      consecutiveFailures: 3,
      nextAttemptAt: null,
      refused: each.map((at) => ({ what: `r${at}`, detail: long, at: '' })),
    },
    lostReports: many,
    damagedFile: many === 0 ? null : long,
  }
}

function screenOf(many: number): StatusScreen {
  return {
    stateFolder: '/var/lib/gnomon',
    daemon: { pid: 7, supervisorPid: 6, since: '2026-11-23T09:00:00.000Z' },
    life: {
      pid: 7,
      alive: { wallMs: 0, uptimeMs: 0, awakeMs: 0, bootId: null },
      endedCleanly: false,
      settings: {},
      use: {
        seconds: 3_600,
        measures: [
          { name: 'processorPercent', now: 0.5, mean: 1.25, peak: 4 },
          { name: 'filesPerSecond', now: 12, mean: 40, peak: 900 },
        ],
      },
      work: {
        watches: { placed: 1204, budget: 60_000, isWhole: many === 0 },
        rescan: { atMs: Date.parse('2026-11-23T10:00:48.000Z'), folders: 96, changed: 0, restMs: 30_000 },
        slowedBy: many === 0 ? [] : ['battery', 'a camera in use'],
        rights: { uid: 0, capabilities: [] },
        reading: 'own-user',
        lookedAtMs: Date.parse('2026-11-23T10:00:57.000Z'),
        processes: [
          { role: 'supervisor', memoryBytes: 16 * 1024 ** 2 },
          { role: 'worker', memoryBytes: 61 * 1024 ** 2 },
          { role: 'reader', memoryBytes: 29 * 1024 ** 2 },
        ],
      },
    },
    restarts: {
      inDay: many,
      last: many === 0 ? null : { atMs: 0, cause: 'processor', detail: '12 % of all cores for 12 s' },
    },
    nowMs: Date.parse('2026-11-23T10:01:00.000Z'),
    conditions: Array.from({ length: many }, (_, at) => ({
      code: 'GNO_AGENT_BENCHED',
      place: `/m${at}\u001b[31m`,
      count: 1,
      detail: 'set aside',
    })),
  }
}

/** What a reader makes of it: lines that go on are one. */
const told = (status: AgentStatus, screen: StatusScreen): string =>
  renderStatus(status, screen, terminal).replace(/\n {13}/g, ' ')

describe('the status screen', () => {
  it.each([
    [80, 80],
    [240, 100],
  ])('fits 24 rows of a terminal of %i columns when everything is wrong', (columns, most) => {
    const rows = renderStatus(statusOf(200), screenOf(200), { ...terminal, columns }).split('\n')

    expect(rows.length).toBeLessThanOrEqual(24)
    expect(rows.filter((row) => row.length > most)).toEqual([])
    expect(rows.join('\n')).toContain('and 198 more; --json lists them')
    expect(rows.join('\n')).not.toContain('\u001b')
    expect(rows.join('\n')).toMatch(/restarts +200 in 24 h, last 1970-01-01T00:00Z: processor/)
    expect(rows.join('\n')).toMatch(
      /work +12 files\/s swept \(peak 900\); slowed by battery, a camera\s+in use|slowed by battery, a camera in use/,
    )
  })

  it('says what is covered, what it costs, and that nothing is wrong', () => {
    const text = told(statusOf(0), screenOf(0))

    expect(text).toContain('runs since 2026-11-23T09:00:00.000Z, pid 7, watched by pid 6')
    expect(text).toContain('1 of 1 sensors complete; 10 files in 2 folders')
    expect(text).toContain('processor 0.5 % (mean 1.3, peak 4.0), of 60 min')
    expect(text).toMatch(/watching +1204 of 60000 watches placed; 96 other folders compared every 30s, last 12s ago/)
    expect(text).toMatch(/trouble +none/)
    expect(text).toMatch(/^processes +supervisor 16.0 MiB, worker 61.0 MiB, reader 29.0 MiB$/m)
    expect(text).not.toMatch(/^restarts|slowed by/m)
  })

  it('tells a whole sweep and the last look apart', () => {
    const status = statusOf(0)
    const last = status.lastSweep === null ? null : { ...status.lastSweep, isWhole: false }

    expect(told(status, screenOf(0))).toMatch(/^last sweep +2026-11-23T10:01:00.000Z; 1 of 1/m)
    expect(told(status, screenOf(0))).toMatch(/^last look +2026-11-23T10:00:57.000Z, 3s ago/m)
    expect(told({ ...status, lastSweep: last }, screenOf(0))).toContain('a part; no whole one yet')
  })

  it('counts no sensor that is the agent itself, and leads to its gaps', () => {
    const status = statusOf(1)
    const own = { sensor: 'agent', state: 'partial' as const, places: [], looked: 1, detail: '' }
    const { lastSweep } = status
    const coverage = [...(lastSweep?.coverage ?? []), own]
    const text = told({ ...status, lastSweep: lastSweep && { ...lastSweep, coverage } }, screenOf(0))

    expect(text).toContain('1 of 2 sensors complete')
    expect(text).toContain('1 SENSE_DENIED; gnomon status --gaps lists each')
  })

  it('says how a daemon that does not run ended', () => {
    const text = told(statusOf(0), { ...screenOf(0), daemon: null })

    expect(text).toContain('does not run; last alive 1970-01-01T00:00:00.000Z, ended without being asked')
  })
})

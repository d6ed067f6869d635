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

describe('the status screen', () => {
  it('fits 24 rows of 100 columns when everything is wrong', () => {
    const rows = renderStatus(statusOf(200), screenOf(200), terminal).split('\n')

    expect(rows.length).toBeLessThanOrEqual(24)
    expect(rows.filter((row) => row.length > 100)).toEqual([])
    expect(rows.join('\n')).toContain('and 197 more; --json lists them')
    expect(rows.join('\n')).not.toContain('\u001b')
    expect(rows.join('\n')).toMatch(/restarts +200 in 24 h, last 1970-01-01T00:00Z: processor/)
    expect(rows.join('\n')).toMatch(/work +12 files\/s swept \(peak 900\); slowed by battery, a camera in use/)
  })

  it('says what is covered, what it costs, and that nothing is wrong', () => {
    const text = renderStatus(statusOf(0), screenOf(0), terminal)

    expect(text).toContain('runs since 2026-11-23T09:00:00.000Z, pid 7, watched by pid 6')
    expect(text).toContain('1 of 1 sensors complete; 10 files in 2 folders')
    expect(text).toContain('processor 0.5 % (mean 1.3, peak 4.0), of 60 min')
    expect(text).toMatch(/watching +1204 of 60000 watches placed; 96 other folders compared every 30s, last 12s ago/)
    expect(text).toMatch(/trouble +none/)
    expect(text).not.toMatch(/^restarts|slowed by/m)
  })

  it('says how a daemon that does not run ended', () => {
    const text = renderStatus(statusOf(0), { ...screenOf(0), daemon: null }, terminal)

    expect(text).toContain('does not run; last alive 1970-01-01T00:00:00.000Z, ended without being asked')
  })
})

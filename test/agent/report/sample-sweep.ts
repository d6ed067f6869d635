// Sweeps as agent/sweep.ts makes them, with every field overridable, and a state in a folder of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SweepResult } from '../../../agent/report/outbox.ts'
import { openState, type OpenStateOptions, type StateStore } from '../../../agent/report/state-store.ts'
import { sampleReport } from '../../collector/sample-report.ts'

export function sampleSweep(change: Partial<SweepResult> = {}): SweepResult {
  return {
    schema: 'gnomon-scan/1',
    host: sampleReport().host,
    startedAt: '2026-11-23T08:00:00.000Z',
    finishedAt: '2026-11-23T08:01:00.000Z',
    coverage: [{ sensor: 'files', state: 'complete', places: ['/home'], looked: 10, detail: '' }],
    artifacts: [],
    runtimes: [],
    findings: [],
    gaps: [],
    coveredPaths: ['/home'],
    uncoveredPaths: [],
    coveredProcesses: true,
    coveredHost: true,
    ...change,
  }
}

/** A clock that stands still until it is moved. */
export interface TestClock {
  readonly now: () => Date
  readonly advance: (milliseconds: number) => void
}

export function createClock(): TestClock {
  let at = Date.parse('2026-11-23T08:00:00.000Z')
  return {
    now: () => new Date(at),
    advance: (milliseconds) => {
      at += milliseconds
    },
  }
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'gnomon-state-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** Opens a state that must open. */
export function openTestState(folder: string, change: Partial<OpenStateOptions> = {}): StateStore {
  const opened = openState({ folder, now: createClock().now, ...change })
  if (!opened.ok) throw new Error(opened.failure.detail)
  return opened.value
}

/** The value of a result that must be a success. */
export function valueOf<T>(
  result:
    | { readonly ok: true; readonly value: T }
    | { readonly ok: false; readonly failure: { readonly code: string; readonly detail: string } },
): T {
  if (!result.ok) throw new Error(`${result.failure.code}: ${result.failure.detail}`)
  return result.value
}

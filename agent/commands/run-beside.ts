// The service on a machine whose state folder takes no writes (mounted read-only after an error of the disk, no room left): detection
// goes on in a copy of the state, in a private folder for temporary files, and tells the log. Nothing is numbered or delivered from there:
// two states of one agent would give the same numbers to different reports (chain.ts). When the folder takes writes again the real state
// goes on where it stopped, and tells what is still there.
import { copyFileSync, lstatSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExitCode, Invocation } from '../../contract/command-line.ts'
import type { Failure, Result } from '../../contract/failure.ts'
import { createGrowingPauses } from '../growing-pauses.ts'
import { findDaemon } from '../report/daemon-lock.ts'
import { COPY_PREFIX, isCopy } from '../report/copy-name.ts'
import { removeLeftCopies } from '../report/left-copies.ts'
import { createLog } from '../report/log.ts'
import { logEvent } from '../report/log-events.ts'
import { writeMeta } from '../report/meta.ts'
import { openConditions } from '../report/own-conditions.ts'
import { openState } from '../report/state-store.ts'
import { settingsPlaces } from '../session.ts'
import { loadAnyway } from '../settings/load-settings.ts'
import { type CommandContext, report } from './command.ts'

/** Where a copy may lie: on disks or in memory, private to this user. */
const PLACES = [tmpdir(), '/dev/shm', '/run']
const STATE_FILES = ['state.db', 'state.db-wal']
/** A larger state is not copied: what was known, and the policy of the collector, are missing meanwhile (CWE-400). */
const MAX_COPIED_BYTES = 256 * 1024 * 1024
/** How often the real state is tried. */
const TRY_EVERY_MS = 10_000
/** How often that it lasts is told. */
const TELL_AGAIN = { firstMs: 60_000, mostMs: 60 * 60 * 1000 }
/** How long it is told afterwards. */
const TOLD_FOR_MS = 24 * 60 * 60 * 1000
const STATE_TROUBLE: ReadonlySet<string> = new Set(['GNO_STATE_UNUSABLE', 'GNO_STATE_FULL'])

type Run = (invocation: Invocation, context: CommandContext) => Promise<Result<ExitCode>>

/** Runs, beside the state as long as there is no other way; gives the exit code. */
export async function runAnyway(invocation: Invocation, context: CommandContext, run: Run): Promise<ExitCode> {
  for (;;) {
    const ended = await run(invocation, context)
    if (ended.ok) return ended.value
    const folder = loadAnyway(settingsPlaces(invocation, context)).settings.stateFolder
    const copy = STATE_TROUBLE.has(ended.failure.code) ? copyOf(folder, context.now) : null
    if (copy === null) return report(context, ended.failure)
    const code = await runBeside({ invocation, context, run, folder, copy, failure: ended.failure })
    if (code !== null) return code
  }
}

interface Beside {
  readonly invocation: Invocation
  readonly context: CommandContext
  readonly run: Run
  readonly folder: string
  readonly copy: string
  readonly failure: Failure
}

/** Null once the real state can be used. */
async function runBeside({ invocation, context, run, folder, copy, failure }: Beside): Promise<ExitCode | null> {
  const log = createLog({ level: 'info', write: context.stderr.write, now: context.now })
  const since = context.now()
  const isDue = createGrowingPauses(() => performance.now(), TELL_AGAIN)
  const tell = (): void => {
    const fields = { code: failure.code, detail: failure.detail, goesOnIn: copy }
    if (isDue()) logEvent(log, 'error', 'state-read-only', fields)
  }
  tell()
  const usable = new AbortController()
  const timer = setInterval(() => {
    if (isUsable(folder, since, context.now)) usable.abort()
    else tell()
  }, TRY_EVERY_MS)
  try {
    const values = { ...invocation.values, state: copy }
    const signal = AbortSignal.any([context.signal, usable.signal])
    const ended = await run({ ...invocation, values }, { ...context, signal })
    if (usable.signal.aborted && !context.signal.aborted) {
      logEvent(log, 'info', 'state-writable')
      return null
    }
    return ended.ok ? ended.value : report(context, ended.failure)
  } finally {
    clearInterval(timer)
    rmSync(copy, { recursive: true, force: true })
  }
}

/** Tries the state, and notes in it that it could not be written to meanwhile. */
function isUsable(folder: string, since: Date, now: () => Date): boolean {
  const state = openState({ folder, now })
  if (!state.ok) return false
  const conditions = openConditions(state.value)
  const until = new Date(now().getTime() + TOLD_FOR_MS)
  const detail = `nothing could be stored or delivered since ${since.toISOString()}; what was found meanwhile and is gone is in the log only`
  conditions.note({ code: 'GNO_STATE_UNUSABLE', place: folder, detail, until })
  const isNoted = conditions.list().some((gap) => gap.code === 'GNO_STATE_UNUSABLE' && gap.detail === detail)
  state.value.close()
  return isNoted
}

/** A copy of a state that was there and that nobody uses; null where there is none to go on from. */
function copyOf(folder: string, now: () => Date): string | null {
  const files = STATE_FILES.flatMap((name) => {
    const bytes = sizeOf(join(folder, name))
    return bytes === null ? [] : [{ name, bytes }]
  })
  if (files.length === 0 || isCopy(folder)) return null
  const daemon = findDaemon(folder)
  if (daemon.ok && daemon.value !== null) return null
  const isSmall = files.reduce((sum, { bytes }) => sum + bytes, 0) <= MAX_COPIED_BYTES
  for (const place of PLACES) removeLeftCopies(place)
  for (const place of PLACES) {
    const copy = copyTo(place, folder, isSmall ? files.map(({ name }) => name) : [])
    if (copy !== null && withoutEnrolment(copy, now)) return copy
    if (copy !== null) rmSync(copy, { recursive: true, force: true })
  }
  return null
}

function copyTo(place: string, folder: string, names: readonly string[]): string | null {
  let copy: string | null = null
  try {
    copy = mkdtempSync(join(place, COPY_PREFIX))
    for (const name of names) copyFileSync(join(folder, name), join(copy, name))
    return copy
  } catch {
    // No room or no right there: the next place is tried.
    if (copy !== null) rmSync(copy, { recursive: true, force: true })
    return null
  }
}

/** So that nothing is delivered from there. */
function withoutEnrolment(folder: string, now: () => Date): boolean {
  const state = openState({ folder, now })
  if (!state.ok) return false
  const done = state.value.write((database) => writeMeta(database, 'enrolment', null))
  state.value.close()
  return done.ok
}

function sizeOf(file: string): number | null {
  try {
    const stat = lstatSync(file)
    return stat.isFile() ? stat.size : null
  } catch {
    // Absent or refused: there is no state to go on from.
    return null
  }
}

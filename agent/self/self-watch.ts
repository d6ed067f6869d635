// The daemon watches itself: writes down that it lives, and notes as conditions what somebody may have done to it (stopped, clock set,
// program or settings changed, a root taken away). What they mean is for policies to say.
import { createHash } from 'node:crypto'
import { openConditions } from '../report/own-conditions.ts'
import type { SweepResult } from '../report/outbox.ts'
import { keepOfSelf, recallOfSelf } from '../report/self-memory.ts'
import { readPolicy } from '../report/settings-memory.ts'
import type { StateStore } from '../report/state-store.ts'
import type { Settings } from '../settings/settings.ts'
import { judgeClock, judgePast, judgeSettings } from './judge-life.ts'
import { type Life, openLifeRecord, readLife } from './life-record.ts'
import type { Moment } from './machine-clocks.ts'
import { judgeRoots, readRoots } from './own-roots.ts'
import type { OwnUse } from './own-use.ts'
import type { OwnWork } from './own-work.ts'
import { compareProgram, readProgramFiles } from './program-files.ts'
import { judgeRulesAge } from './rules-age.ts'

/** Some 800 calls of lstat. */
const PROGRAM_EVERY_MS = 60 * 60 * 1000
/** Names of changed files in one sentence. */
const MAX_NAMES = 8

export interface SelfWatchOptions {
  readonly state: StateStore
  /** Always the present ones. */
  readonly settings: Settings
  readonly clocks: () => Moment
  /** Where the program lies, and which one it is. */
  readonly program: { readonly folder: string; readonly build: string }
  /** The day of the rules; null where they do not say. */
  readonly rulesDate: string | null
  /** A supervisor saw the last daemon end, and that is told already. */
  readonly wasEndSeen: boolean
  readonly isAbsent: (path: string) => boolean
  /** What the daemon used so far. */
  readonly use: () => OwnUse | null
  /** What it covers now. */
  readonly work: () => OwnWork
}

export interface SelfWatch {
  /** To be called every few seconds. */
  readonly tick: () => void
  readonly swept: (result: SweepResult) => void
  /** It was asked to end, and does. */
  readonly close: () => void
}

/** Begins a life. The lock of the state is held. */
export function startSelfWatch(options: SelfWatchOptions): SelfWatch {
  const { state, clocks, isAbsent } = options
  const conditions = openConditions(state)
  const noteAll = (found: Parameters<typeof conditions.note>[0][]): void => found.forEach(conditions.note)
  const last = readLife(state.folder)
  const record = openLifeRecord(state.folder)
  let before = clocks()
  let settings = digestSettings(options)
  let nextProgramMs = before.awakeMs
  let isOld: boolean | null = null
  if (last !== null) {
    noteAll([...judgePast(last, before, options.wasEndSeen)])
    noteAll([...judgeSettings(last.settings, settings, before)])
  }
  const write = (alive: Moment, endedCleanly: boolean): void =>
    record.write({ pid: process.pid, alive, endedCleanly, settings, use: options.use(), work: options.work() })
  const tick = (): void => {
    const now = clocks()
    noteAll([...judgeClock(before, now)])
    before = now
    const present = digestSettings(options)
    noteAll([...judgeSettings(settings, present, now)])
    settings = present
    isOld = tellRulesAge(options, now, isOld)
    if (now.awakeMs >= nextProgramMs) {
      nextProgramMs = now.awakeMs + PROGRAM_EVERY_MS
      checkProgram(options)
    }
    write(now, false)
  }
  tick()
  return {
    tick,
    swept: (result) => {
      if (!result.coveredHost) return
      const seen = judgeRoots(readRoots(recallOfSelf(state, 'readableRoots')), result, isAbsent)
      keepOfSelf(state, 'readableRoots', JSON.stringify(seen.readable))
      for (const place of seen.present) conditions.end('GNO_AGENT_ROOT_LOST', place)
      noteAll([...seen.lost])
    },
    close: () => {
      write(clocks(), true)
      record.close()
    },
  }
}

/** Written down when it changes, and once a life. */
function tellRulesAge(options: SelfWatchOptions, { wallMs }: Moment, wasOld: boolean | null): boolean {
  const { state, settings, rulesDate } = options
  const condition = judgeRulesAge(rulesDate, settings.maxRulesAgeDays, wallMs)
  const isOld = condition !== null
  if (isOld === wasOld) return isOld
  const conditions = openConditions(state)
  if (isOld) conditions.note(condition)
  else conditions.end('GNO_AGENT_RULES_OLD')
  return isOld
}

function checkProgram({ state, program }: SelfWatchOptions): void {
  const { folder, build } = program
  const conditions = openConditions(state)
  const { kept, changes } = compareProgram(folder, build, readProgramFiles(recallOfSelf(state, 'programFiles')))
  keepOfSelf(state, 'programFiles', JSON.stringify(kept))
  if (changes.length === 0) conditions.end('GNO_AGENT_CHANGED')
  else conditions.note({ code: 'GNO_AGENT_CHANGED', place: folder, detail: describeChanges(changes), until: null })
}

function describeChanges(changes: readonly string[]): string {
  const more = changes.length > MAX_NAMES ? ` and ${changes.length - MAX_NAMES} more` : ''
  return `${changes.slice(0, MAX_NAMES).join(', ')}${more}`
}

/** Without what the collector says: that it changes is no news to whoever changed it. Short digests, since values may be private. */
function digestSettings({ settings, state }: SelfWatchOptions): Life['settings'] {
  const ordered = readPolicy(state)?.values ?? new Map<string, unknown>()
  const own = Object.entries(settings).filter(([name]) => !ordered.has(name))
  return Object.fromEntries(own.map(([name, value]) => [name, digest(JSON.stringify(value))]))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

// What `gnomon run` tells of itself: to a person at a terminal, or to the log of a service.
import { type DaemonNews, type NewsParts, tellLog, tellTerminal } from '../daemon-events.ts'
import { readKnownKeys } from '../report/known-here.ts'
import { isCopy } from '../report/copy-name.ts'
import { createLog } from '../report/log.ts'
import { logEvent } from '../report/log-events.ts'
import type { Session } from '../session.ts'
import { describeSources } from '../settings/source-words.ts'
import type { ProgressLine } from '../show/progress.ts'
import { AGENT_VERSION } from '../version.ts'
import type { CommandContext } from './command.ts'

export interface RunEvents {
  readonly events: DaemonNews
  /** Tells the start; from now on `way` is asked where weights are read. */
  readonly begin: (way: () => string, roots: readonly string[]) => void
}

/** `progress`: null for a service. */
export function eventsOf(
  { state, loaded }: Session,
  context: CommandContext,
  progress: ProgressLine | null,
): RunEvents {
  let reader = (): string => 'not-yet'
  const parts: NewsParts = { known: () => readKnownKeys(state), reader: () => reader() }
  const events =
    progress === null
      ? tellLog(createLog({ level: 'info', write: context.stderr.write, now: context.now }), parts)
      : tellTerminal(context, progress, parts)
  return {
    events,
    begin: (way, roots) => {
      reader = way
      const supervisorPid = context.supervisor?.supervisorPid ?? null
      const settings = describeSources(loaded)
      const who = { version: AGENT_VERSION, pid: process.pid, supervisorPid }
      events.started({ ...who, stateFolder: state.folder, settings, roots })
    },
  }
}

/** A copy of the state has no enrolment, whatever the state has: its log tells why it works there. */
export function tellNotEnrolled(isService: boolean, { stderr, now }: CommandContext, { state }: Session): void {
  if (isCopy(state.folder)) return
  if (isService) logEvent(createLog({ level: 'info', write: stderr.write, now }), 'info', 'not-enrolled')
  else stderr.write('Not enrolled: findings stay in the spool until `gnomon enroll` names a collector.\n')
}

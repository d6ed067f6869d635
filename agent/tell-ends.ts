// What became of workers before this one: taken from the supervisor's notes into the state, as conditions that are told and as files
// that are set aside.
import { type BenchedFiles, openBenchedFiles } from './report/benched-files.ts'
import { openConditions, type OwnCondition } from './report/own-conditions.ts'
import type { Isolation } from './reader/start-reader.ts'
import type { StateStore } from './report/state-store.ts'
import { forgetEnds, readEnds } from './supervisor/end-record.ts'
import type { WorkerEnd } from './supervisor/worker-end.ts'

/** How long an end is told: a day, as a file is set aside. */
const TOLD_FOR_MS = 24 * 60 * 60 * 1000
/** Which process ended, where no file and no sensor is to be named. */
const PLACES = { worker: '(worker)', reader: '(reader)' } as const
type Who = keyof typeof PLACES
const RIGHTS_SAID: Readonly<Record<Isolation, string>> = {
  'own-user': 'weights are read by a process of another user',
  'no-capabilities': 'weights are read by a process of the user of the daemon, without capabilities',
  'no-new-rights': 'weights are read by a process of the user of the daemon that can gain no rights',
  'permission-model': 'weights are read by a process of the user of the daemon, held by Node.js alone',
}
const WORDS: Readonly<Record<Who, string>> = { worker: 'the agent', reader: 'the process that reads files' }

/** Tells what the supervisor wrote down, and gives the files that are set aside now. */
export function tellEnds(state: StateStore): BenchedFiles {
  const benched = openBenchedFiles(state)
  const conditions = openConditions(state)
  for (const end of readEnds(state.folder)) conditions.note(conditionOf(end, benched, 'worker'))
  forgetEnds(state.folder)
  return benched
}

/** The same of a reader, which ended while the worker lives on. */
export function tellReaderEnd(end: WorkerEnd, benched: BenchedFiles, state: StateStore): void {
  openConditions(state).note(conditionOf(end, benched, 'reader'))
}

/** Noted where the reader has more rights than its first way to start leaves; over as soon as one has not. */
export function tellReaderRights(isolation: Isolation, isFallback: boolean, state: StateStore): void {
  const code = 'GNO_AGENT_READER_RIGHTS'
  const own = openConditions(state)
  if (!isFallback) own.end(code)
  else if (!own.list().some((gap) => gap.code === code && gap.detail === RIGHTS_SAID[isolation]))
    own.note({ code, place: PLACES.reader, detail: RIGHTS_SAID[isolation], until: null })
}

function conditionOf(end: WorkerEnd, benched: BenchedFiles, who: Who): OwnCondition {
  const { atMs, cause, detail, job } = end
  if (job?.kind === 'file' && isAccused(end, benched)) {
    const file = { path: job.place, dev: job.dev, inode: job.inode }
    const until = benched.bench(file, atMs)
    const said = `${WORDS[who]} ended while it read this file (${detail}); it is not read until ${until.toISOString()}`
    return { code: 'GNO_AGENT_BENCHED', place: job.place, detail: said, until }
  }
  const during = job === null ? '' : `, during ${job.kind === 'file' ? 'a file' : job.place}`
  const code = cause === 'crash' ? 'GNO_AGENT_CRASHED' : 'GNO_AGENT_KILLED'
  const place = job?.kind === 'sensor' && cause !== 'killed' ? job.place : PLACES[who]
  return { code, place, detail: `${detail}${during}`, until: new Date(atMs + TOLD_FOR_MS) }
}

/** What cannot be sure at the first end is sure enough at the second one with the same file: no file may end the agent for ever. */
function isAccused({ atMs, cause, job, isBlamed }: WorkerEnd, benched: BenchedFiles): boolean {
  if (isBlamed || job === null) return isBlamed
  return cause !== 'killed' && benched.suspect({ path: job.place, dev: job.dev, inode: job.inode }, atMs)
}

// Whether a process is the same in all that is told of it. Processor time and switch counts move all the time and are not told:
// the record of before then stands, and nothing that follows from it is worked out anew.
import type { RawProcess } from './proc-record.ts'
import { parseMemory, parseStat, parseUid } from './proc-text.ts'

/** Compares two looks at one process. */
export function isSameRecord(before: RawProcess, now: RawProcess): boolean {
  return (
    before.commandLine === now.commandLine &&
    before.maps === now.maps &&
    before.controlGroup === now.controlGroup &&
    partsOf(before) === partsOf(now) &&
    toldOf(before) === toldOf(now)
  )
}

function partsOf(raw: RawProcess): string {
  const { executable, identities, openFiles, sockets, devices, namespaces, denied, limits, unproven } = raw
  return JSON.stringify([executable, identities, openFiles, sockets, devices, namespaces, denied, limits, unproven])
}

/** What is told of the texts stat and status. */
function toldOf({ stat, status }: RawProcess): string {
  const fields = parseStat(stat)
  const told = [
    fields?.pid,
    fields?.name,
    fields?.parentPid,
    fields?.startTicks,
    fields?.sessionPid,
    fields?.hasTerminal,
  ]
  return JSON.stringify([told, parseUid(status), parseMemory(status)])
}

// The way into the root folder of a mount namespace: through one of its processes, and through the next one when that has ended.
// Each process is held by its folder in /proc, and asked again after each step whether it is still the same and still there.
import { closeSync, constants, openSync } from 'node:fs'
import { type Result, failed, success } from '../../../contract/failure.ts'
import { type HeldFolder, holdRootOf, O_PATH } from './held-folder.ts'
import { isInNamespace } from './other-namespaces.ts'
import { readText } from './proc-read.ts'
import { parseStat } from './proc-text.ts'

/** A way that is held open. */
export interface NamespaceDoor {
  /** Text of /proc/PID/mountinfo, and of cgroup where it is told. */
  readonly table: string
  readonly group: string | null
  /** The root folder; paths in it begin with `bytes`. */
  readonly holdRoot: (bytes: string) => Result<HeldFolder>
  /** Whether no process was left when the root folder was asked for. */
  readonly hasEnded: () => boolean
  readonly close: () => void
}

interface HeldProcess {
  readonly folder: string
  readonly isUnchanged: () => boolean
  readonly close: () => void
}

const ENDED = failed('GNO_SENSE_VANISHED', 'all its processes that were asked had ended')

/** Opens a namespace through the first of these processes that has not ended. */
export function openDoor(pids: readonly number[], namespace: string): Result<NamespaceDoor> {
  const waiting = [...pids]
  let held = nextOf(waiting, namespace)
  if (held === null) return ENDED
  const table = readText(`${held.folder}/mountinfo`)
  const group = readText(`${held.folder}/cgroup`)
  if (table.kind !== 'seen' || !held.isUnchanged()) {
    held.close()
    return table.kind === 'denied'
      ? failed('GNO_SENSE_DENIED', 'the mounts of its processes are not told')
      : openDoor(waiting, namespace)
  }
  const holdRoot = (bytes: string): Result<HeldFolder> => {
    for (; held !== null; held = nextOf(waiting, namespace)) {
      const root = holdRootOf(held.folder, bytes)
      // What it asked for belongs to it only while it is the same process in the same namespace (pid reuse, setns).
      if (held.isUnchanged()) return root
      if (root.ok) root.value.close()
      held.close()
    }
    return ENDED
  }
  return success({
    table: table.value,
    group: group.kind === 'seen' ? group.value : null,
    holdRoot,
    hasEnded: () => held === null,
    close: () => {
      held?.close()
    },
  })
}

/** The next one that is still in that namespace; what was tried is taken from the list. */
function nextOf(waiting: number[], namespace: string): HeldProcess | null {
  for (let pid = waiting.shift(); pid !== undefined; pid = waiting.shift()) {
    const held = holdProcess(pid, namespace)
    if (held !== null) return held
  }
  return null
}

function holdProcess(pid: number, namespace: string): HeldProcess | null {
  let fd: number
  try {
    fd = openSync(`/proc/${pid}`, O_PATH | constants.O_DIRECTORY)
  } catch {
    // It has ended: the next one is asked.
    return null
  }
  const folder = `/proc/self/fd/${fd}`
  const startTicks = startOf(folder)
  const isUnchanged = (): boolean => startOf(folder) === startTicks && isInNamespace(folder, namespace)
  if (startTicks !== null && isUnchanged()) return { folder, isUnchanged, close: () => closeSync(fd) }
  closeSync(fd)
  return null
}

/** Null for one that ended, also while it waits for its parent: it has no places any more. */
function startOf(folder: string): string | null {
  const stat = readText(`${folder}/stat`)
  const fields = stat.kind === 'seen' ? parseStat(stat.value) : null
  return fields === null || fields.state === 'Z' || fields.state === 'X' ? null : fields.startTicks
}

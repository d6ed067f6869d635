// The mount namespaces of other processes, and some processes of each. By the links of the kernel in /proc/PID/ns (namespaces(7)).
import { readdirSync, readlinkSync } from 'node:fs'
import { takeRound } from '../turns.ts'
import { errorCode } from './system-failure.ts'

/** Processes tried of one namespace: the first may have ended before its turn, on purpose or not. */
const MAX_TRIED = 16

/** What the kernel never answers for a namespace. */
const DENIED = 'denied'

export interface OtherNamespaces {
  /** The first processes of each: they live longest as a rule. */
  readonly pids: ReadonlyMap<string, readonly number[]>
  /** Namespaces in which no process of our user namespace runs. */
  readonly madeByUsers: ReadonlySet<string>
  /** Processes whose namespace is not told to this agent. */
  readonly denied: number
  /** Processes beyond the limit, and the last one that was asked. */
  readonly others: number
  readonly last: number
}

/** The mount namespaces that are not ours. Of more processes than the limit those behind `after` are asked. */
export function otherNamespaces(maxProcesses: number, after: number): OtherNamespaces {
  const pids = new Map<string, number[]>()
  const madeByUsers = new Set<string>()
  const own = namespaceOf('/proc/self')
  const ownUser = namespaceOf('/proc/self', 'user')
  let denied = 0
  const all = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))
  // Listed as text: 1, 10, 100.
  const inOrder = all.map(Number).sort((one, other) => one - other)
  const asked = takeRound(inOrder, maxProcesses, after)
  for (const pid of asked) {
    const folder = `/proc/${pid}`
    const namespace = namespaceOf(folder)
    if (namespace === DENIED) denied += 1
    if (namespace === null || namespace === DENIED || namespace === own) continue
    const known = pids.get(namespace)
    if ((known?.length ?? 0) >= MAX_TRIED) continue
    if (namespaceOf(folder, 'user') === ownUser) pids.set(namespace, [...(known ?? []), pid])
    else madeByUsers.add(namespace)
  }
  for (const namespace of pids.keys()) madeByUsers.delete(namespace)
  return { pids, madeByUsers, denied, others: all.length - asked.length, last: asked.at(-1) ?? 0 }
}

/** `mnt:[4026532567]`; `denied`, or null when the process has ended. */
export function namespaceOf(folder: string, kind: 'mnt' | 'user' = 'mnt'): string | null {
  try {
    return readlinkSync(`${folder}/ns/${kind}`)
  } catch (error) {
    return ['EACCES', 'EPERM'].includes(errorCode(error)) ? DENIED : null
  }
}

/** Whether a held /proc folder belongs to a process that is in this mount namespace and in our user namespace. */
export function isInNamespace(folder: string, namespace: string): boolean {
  return namespaceOf(folder) === namespace && namespaceOf(folder, 'user') === namespaceOf('/proc/self', 'user')
}

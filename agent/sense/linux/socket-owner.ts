// Whose listener is it? Asked right before and right after a loopback question: a port may have passed to another program, and an
// address of a container's network is not ours (DESIGN.md section 6).
import { closeSync, constants, openSync, readFileSync, readlinkSync } from 'node:fs'
import { firstNames } from './first-names.ts'
import { O_PATH } from './held-folder.ts'
import { readTable } from './net-read.ts'
import { isTcpListener, parseTcpLine } from './net-text.ts'
import { parseStat } from './proc-text.ts'

/** Descriptors looked at; a server with more holds connections, and its listener is among the first (CWE-400). */
const MAX_DESCRIPTORS = 4_096

export interface ListeningSocketOf {
  readonly pid: number
  readonly startTicks: string
  readonly inode: string
  readonly port: number
}

/**
 * True while that very process holds that very socket, it listens at that port of our own network namespace, and nobody else does:
 * with SO_REUSEPORT (socket(7)) other processes of the same user listen at the same place, and any of them may answer.
 */
export function ownsListener({ pid, startTicks, inode, port }: ListeningSocketOf): boolean {
  const inodes = socketsBeside(inode, port)
  return inodes.has(inode) && holdsSockets(pid, startTicks, inodes)
}

/** All sockets that may take a connection to that port in place of this one, with itself; nothing when it does not listen. */
function socketsBeside(inode: string, port: number): ReadonlySet<string> {
  for (const protocol of ['tcp', 'tcp6'] as const) {
    const { lines } = readTable(`/proc/self/net/${protocol}`, isTcpListener)
    const there = (lines ?? []).flatMap((line) => {
      const socket = parseTcpLine(line, protocol)
      return socket?.port === port ? [socket] : []
    })
    const own = there.find((socket) => socket.inode === inode)
    if (own === undefined) continue
    const beside = there.filter(({ scope, address }) => scope !== 'specific' || address === own.address)
    return new Set([inode, ...beside.map((socket) => socket.inode)])
  }
  return new Set()
}

function holdsSockets(pid: number, startTicks: string, inodes: ReadonlySet<string>): boolean {
  let held: number | undefined
  try {
    held = openSync(`/proc/${Math.trunc(pid)}`, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    if (parseStat(readFileSync(`${folder}/stat`, 'latin1'))?.startTicks !== startTicks) return false
    return holdsLinks(`${folder}/fd`, new Set([...inodes].map((inode) => `socket:[${inode}]`)))
  } catch {
    // Refused or gone: it is not known to be the owner, so it is not asked.
    return false
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

function holdsLinks(descriptors: string, targets: ReadonlySet<string>): boolean {
  const missing = new Set<string | null>(targets)
  for (const name of firstNames(descriptors, MAX_DESCRIPTORS)) {
    missing.delete(linkOf(`${descriptors}/${name}`))
    if (missing.size === 0) return true
  }
  return false
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    // Closed meanwhile.
    return null
  }
}

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

/** True while that very process holds that very socket, and it listens at that port of our own network namespace. */
export function ownsListener({ pid, startTicks, inode, port }: ListeningSocketOf): boolean {
  return listensHere(inode, port) && holdsSocket(pid, startTicks, inode)
}

function listensHere(inode: string, port: number): boolean {
  return (['tcp', 'tcp6'] as const).some((protocol) => {
    const { lines } = readTable(`/proc/self/net/${protocol}`, isTcpListener)
    return (lines ?? []).some((line) => {
      const socket = parseTcpLine(line, protocol)
      return socket?.inode === inode && socket.port === port
    })
  })
}

function holdsSocket(pid: number, startTicks: string, inode: string): boolean {
  let held: number | undefined
  try {
    held = openSync(`/proc/${Math.trunc(pid)}`, O_PATH | constants.O_DIRECTORY)
    const folder = `/proc/self/fd/${held}`
    if (parseStat(readFileSync(`${folder}/stat`, 'latin1'))?.startTicks !== startTicks) return false
    return holdsLink(`${folder}/fd`, `socket:[${inode}]`)
  } catch {
    // Refused or gone: it is not known to be the owner, so it is not asked.
    return false
  } finally {
    if (held !== undefined) closeSync(held)
  }
}

function holdsLink(descriptors: string, target: string): boolean {
  for (const name of firstNames(descriptors, MAX_DESCRIPTORS)) {
    if (linkOf(`${descriptors}/${name}`) === target) return true
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

// Counts the connections that listening sockets have, from the same pass over /proc/net/tcp or tcp6 that lists the listeners: how
// many, and never with whom. A connection that a listener accepted has that listener's port as its own local port.
import { type ListeningSocket, parseLocalAddress } from './net-text.ts'

const ESTABLISHED = '01'
const LISTEN = '0A'
/** Local addresses with connections that are told apart; 127.0.0.0/8 alone has 16 million (CWE-400). */
const MAX_LOCAL_ADDRESSES = 4_096

/** Connections by local address as the table prints it (`0100007F:2CAA`); null when there were too many addresses. */
export type ConnectionCounts = readonly (readonly [local: string, count: number])[] | null

export interface ConnectionCounter {
  readonly note: (line: string) => void
  readonly counts: () => ConnectionCounts
}

/** Counts for one table. The kernel lists listeners before connections, so their ports are known in time. */
export function createConnectionCounter(): ConnectionCounter {
  const ports = new Set<string>()
  const counts = new Map<string, number>()
  let isFull = false
  const count = (local: string): void => {
    const before = counts.get(local)
    if (before === undefined && counts.size >= MAX_LOCAL_ADDRESSES) isFull = true
    else counts.set(local, (before ?? 0) + 1)
  }
  return {
    note: (line) => {
      const { local, state } = columnsOf(line)
      const port = local.slice(-4)
      if (state === LISTEN) ports.add(port)
      else if (state === ESTABLISHED && ports.has(port)) count(local)
    },
    counts: () => (isFull ? null : [...counts]),
  }
}

/** `   0: 0100007F:2CAA 00000000:0000 0A …`: cut by hand, since a busy server has a hundred thousand such lines. */
function columnsOf(line: string): { readonly local: string; readonly state: string } {
  const start = line.indexOf(': ') + 2
  const end = line.indexOf(' ', start)
  const remoteEnd = line.indexOf(' ', end + 1)
  if (start < 2 || end < 0 || remoteEnd < 0) return { local: '', state: '' }
  return { local: line.slice(start, end), state: line.slice(remoteEnd + 1, remoteEnd + 3) }
}

/** Connections that a listener has now; null where they were not counted. */
export function clientsOf(socket: ListeningSocket, counts: ConnectionCounts | undefined): number | null {
  if (counts === null || counts === undefined || socket.protocol === 'unix') return null
  let clients = 0
  for (const [local, count] of counts) {
    const at = parseLocalAddress(local)
    const isOwn = at?.port === socket.port && (socket.scope === 'any' || at.address === socket.address)
    if (isOwn) clients += count
  }
  return clients
}

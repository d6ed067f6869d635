// Keeps the TCP tables of a network namespace while its own counts and the sockets of all processes stand still. The kernel walks its
// whole table of connections for each reading of /proc/net/tcp and tcp6, however few there are: 5 to 12 ms each on a machine with much
// memory, where everything else of a look at rest takes as long together.
import { type ConnectionCounts, createConnectionCounter } from './net-connections.ts'
import { readTable, type TableLines } from './net-read.ts'
import { isTcpListener } from './net-text.ts'
import { readPiece } from './proc-read.ts'

/**
 * Read anew at least this often: whoever closes one listener and opens another between two looks, with sockets that were open all
 * the while, leaves every count as it was.
 */
const REREAD_EVERY_MS = 60_000

/** Listeners, and how many connections they have; a capture from before these were counted lacks them. */
export interface TcpTable extends TableLines {
  readonly connections?: ConnectionCounts
}

/** Both tables of one namespace. */
interface TcpTables {
  readonly tcp: TcpTable
  readonly tcp6: TcpTable
}

/** Which sockets the processes hold; arrays stay the same objects while a process stands still. */
type HeldSockets = readonly (readonly string[])[]

interface KeptTables {
  /** A look begins, with what processes hold now. */
  readonly begin: (sockets: HeldSockets) => void
  /** The tables of a namespace, from the folder `net` of one of its processes. */
  readonly tablesOf: (namespace: string, folder: string) => TcpTables
}

interface KeptTablesParts {
  readonly read: (path: string) => TcpTable
  /** Null where the counts cannot be read: then nothing is kept. */
  readonly counts: (folder: string) => string | null
  /** Milliseconds of a clock that never steps back. */
  readonly nowMs: () => number
}

interface Kept extends TcpTables {
  readonly counts: string
  readonly readAtMs: number
}

/** Starts with nothing kept. A namespace that is not asked for in a look is dropped with it. */
export function createKeptTables({ read, counts, nowMs }: KeptTablesParts = OF_SYSTEM): KeptTables {
  let held: HeldSockets = []
  let before = new Map<string, Kept>()
  let current = new Map<string, Kept>()
  return {
    begin(sockets) {
      before = areSame(held, sockets) ? current : new Map<string, Kept>()
      current = new Map<string, Kept>()
      held = sockets
    },
    tablesOf(namespace, folder) {
      // Before the tables: what changes in between is another count the next time.
      const now = counts(folder)
      const known = before.get(namespace)
      if (known !== undefined && known.counts === now && nowMs() - known.readAtMs < REREAD_EVERY_MS) {
        current.set(namespace, known)
        return known
      }
      const readAtMs = nowMs()
      const tables = { tcp: read(`${folder}/tcp`), tcp6: read(`${folder}/tcp6`) }
      const isCut = tables.tcp.isCut || tables.tcp6.isCut
      if (now !== null && !isCut) current.set(namespace, { ...tables, counts: now, readAtMs })
      return tables
    },
  }
}

function areSame(one: HeldSockets, other: HeldSockets): boolean {
  return one.length === other.length && one.every((sockets, index) => isSame(sockets, other[index] ?? []))
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((socket, index) => socket === other[index]))
}

/** Sockets that the kernel has in its tables (listeners and connections), and connections that were opened, accepted and ended so far. */
const SOCKETS = /^TCP6?: inuse (\d+)/m
const OPENED = /^Tcp: -?\d+ -?\d+ -?\d+ -?\d+ (\d+ \d+ \d+ \d+ \d+) /m

/** What of a namespace moves when a listener or a connection comes or goes (proc_net(5)); null where it cannot be told. */
function countsOf(folder: string): string | null {
  const sockets = found(`${folder}/sockstat`, SOCKETS)
  const opened = found(`${folder}/snmp`, OPENED)
  // Absent where IPv6 is off, as tcp6 is.
  return sockets === null || opened === null
    ? null
    : `${sockets} ${found(`${folder}/sockstat6`, SOCKETS) ?? ''} ${opened}`
}

function found(path: string, pattern: RegExp): string | null {
  const text = readPiece(path)
  return text.kind === 'seen' ? (pattern.exec(text.value.toString('latin1'))?.[1] ?? null) : null
}

function readTcp(path: string): TcpTable {
  const counter = createConnectionCounter()
  const table = readTable(path, isTcpListener, counter.note)
  // A table that was cut has connections that nobody counted.
  return { ...table, connections: table.isCut ? null : counter.counts() }
}

const OF_SYSTEM: KeptTablesParts = { read: readTcp, counts: countsOf, nowMs: () => performance.now() }

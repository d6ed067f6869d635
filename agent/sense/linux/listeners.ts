// Sensor: who listens on this machine. Socket tables of our own network namespace and of every other one that a process
// lives in (containers), joined with processes through the inodes of their socket descriptors.
import type { Interpretation, ListenerObservation, SenseContext, Sensor } from '../../../contract/observation.ts'
import { createGapList } from '../gap-list.ts'
import { clientsOf, type ConnectionCounts } from './net-connections.ts'
import { type TableLines, readTable } from './net-read.ts'
import { type ListeningSocket, isUnixListener, parseTcpLine, parseUnixLine } from './net-text.ts'
import type { ProcCapture } from './proc-record.ts'
import { procTable } from './proc-table.ts'
import { parseStat } from './proc-text.ts'
import { createKeptTables, type TcpTable } from './tcp-tables.ts'

/** Network namespaces looked into: a container host with more says so by a gap. */
const MAX_NAMESPACES = 64
/** Owners named for one socket: a pre-forked server shares one among all its workers. */
const MAX_OWNERS = 64

interface NamespaceTables {
  /** `self`, or the process whose namespace it is. */
  readonly owner: string
  readonly tcp: TcpTable
  readonly tcp6: TcpTable
  readonly unix: TableLines
}

/** Raw tables, and which process holds which sockets. */
export interface ListenerCapture {
  readonly namespaces: readonly NamespaceTables[]
  readonly namespacesBeyondLimit: number
  readonly owners: readonly { readonly pid: number; readonly sockets: readonly string[] }[]
  /** Processes whose descriptors were denied: their sockets have no owner. */
  readonly deniedOwners: number
}

export const linuxListeners: Sensor<ListenerCapture> = {
  id: 'linux-listeners',
  platform: 'linux',
  touches: [
    '/proc/self/net/tcp, tcp6, unix, sockstat, sockstat6, snmp',
    '/proc/*/net/tcp, tcp6, unix, sockstat, sockstat6, snmp (one process of each other network namespace)',
    '/proc/*/fd/* (which process holds a listening socket)',
    '/proc/*/ns/net',
  ],
  collects: [
    'listening sockets: protocol, address, port, and the numbers of the processes that hold them',
    'how many connections each of them has, and not with whom',
  ],
  collect: collectListeners,
  interpret: interpretListeners,
}

async function collectListeners(context: SenseContext): Promise<ListenerCapture> {
  const capture = await procTable.look(context)
  const members = otherNamespaces(capture)
  const owners = ownersOf(capture)
  keptTables.begin(owners.map(({ sockets }) => sockets))
  return {
    namespaces: [OWN_NAMESPACE, ...members.slice(0, MAX_NAMESPACES)].map(readNamespace),
    namespacesBeyondLimit: Math.max(0, members.length - MAX_NAMESPACES),
    owners,
    deniedOwners: capture.processes.filter((raw) => raw.openFiles === null).length,
  }
}

interface Member {
  readonly namespace: string
  /** One process in it. */
  readonly owner: string
}

const OWN_NAMESPACE: Member = { namespace: 'self', owner: 'self' }

/** What this program has read of them; for its life. */
const keptTables = createKeptTables()

/** The network namespaces that are not our own. */
function otherNamespaces(capture: ProcCapture): readonly Member[] {
  const own = capture.ownNamespaces.net
  // Without network namespaces in the kernel there is one network: nothing else to read.
  if (own === null) return []
  const members = new Map<string, string>()
  for (const raw of capture.processes) {
    const namespace = raw.namespaces.net
    if (namespace === null || namespace === own || members.has(namespace)) continue
    const pid = parseStat(raw.stat)?.pid
    if (pid !== undefined) members.set(namespace, String(pid))
  }
  return [...members].map(([namespace, owner]) => ({ namespace, owner }))
}

function readNamespace({ namespace, owner }: Member): NamespaceTables {
  const folder = `/proc/${owner}/net`
  const { tcp, tcp6 } = keptTables.tablesOf(namespace, folder)
  return { owner, tcp, tcp6, unix: readTable(`${folder}/unix`, isUnixListener) }
}

function ownersOf(capture: ProcCapture): ListenerCapture['owners'] {
  const owners: { readonly pid: number; readonly sockets: readonly string[] }[] = []
  for (const raw of capture.processes) {
    const pid = raw.sockets.length === 0 ? undefined : parseStat(raw.stat)?.pid
    if (pid !== undefined) owners.push({ pid, sockets: raw.sockets })
  }
  return owners
}

function interpretListeners(capture: ListenerCapture): Interpretation {
  const gaps = createGapList()
  const sockets = new Map<string, CountedSocket>()
  for (const tables of capture.namespaces) {
    if (tables.tcp.lines === null)
      gaps.add('GNO_SENSE_FAILED', `/proc/${tables.owner}/net/tcp`, 'the table cannot be read')
    addSockets(sockets, tables)
    for (const name of (['tcp', 'tcp6', 'unix'] as const).filter((table) => tables[table].isCut)) {
      gaps.add('GNO_SENSE_LIMIT', `/proc/${tables.owner}/net/${name}`, 'the table is longer than the limit')
    }
  }
  if (capture.namespacesBeyondLimit > 0) {
    const detail = `network namespaces beyond the limit of ${MAX_NAMESPACES}`
    gaps.add('GNO_SENSE_LIMIT', '/proc/*/net', detail, capture.namespacesBeyondLimit)
  }
  if (capture.deniedOwners > 0) {
    gaps.add('GNO_SENSE_DENIED', '/proc/*/fd', 'sockets of these processes have no known owner', capture.deniedOwners)
  }
  return { observations: withOwners(sockets, capture.owners), gaps: gaps.list() }
}

function addSockets(sockets: Map<string, CountedSocket>, tables: NamespaceTables): void {
  for (const socket of socketsOf(tables)) {
    // TCP comes first and stays: a unix socket's path may contain a newline and forge a line with any inode.
    if (!sockets.has(socket.inode)) sockets.set(socket.inode, socket)
  }
}

interface CountedSocket extends ListeningSocket {
  readonly clients: number | null
}

function socketsOf({ tcp, tcp6, unix }: NamespaceTables): readonly CountedSocket[] {
  const found = [
    ...(tcp.lines ?? []).map((line) => counted(parseTcpLine(line, 'tcp'), tcp.connections)),
    ...(tcp6.lines ?? []).map((line) => counted(parseTcpLine(line, 'tcp6'), tcp6.connections)),
    ...(unix.lines ?? []).map((line) => counted(parseUnixLine(line), null)),
  ]
  return found.filter((socket) => socket !== null)
}

function counted(socket: ListeningSocket | null, counts: ConnectionCounts | undefined): CountedSocket | null {
  return socket && { ...socket, clients: clientsOf(socket, counts) }
}

function withOwners(
  sockets: ReadonlyMap<string, CountedSocket>,
  owners: ListenerCapture['owners'],
): readonly ListenerObservation[] {
  const pids = new Map<string, number[]>()
  for (const { pid, sockets: inodes } of owners) {
    const held = [...new Set(inodes)].filter((inode) => sockets.has(inode))
    for (const inode of held) addOwner(pids, inode, pid)
  }
  return [...sockets.values()].map((socket) => ({ kind: 'listener', ...socket, pids: pids.get(socket.inode) ?? [] }))
}

function addOwner(pids: Map<string, number[]>, inode: string, pid: number): void {
  const known = pids.get(inode)
  if (known === undefined) pids.set(inode, [pid])
  else if (known.length < MAX_OWNERS) known.push(pid)
}

// Sensor: who listens on a Mac, by lsof(8). TCP sockets in the state LISTEN are told as such; of unix sockets lsof tells no state,
// so every one that is bound to a path counts, its accepted connections with it.
import type { Interpretation, ListenerObservation, SenseContext, Sensor } from '../../../contract/observation.ts'
import { createGapList } from '../gap-list.ts'
import { readablePath } from '../path-text.ts'
import type { Printed } from '../run-program.ts'
import { textOf } from './answer-text.ts'
import { askSystem, shownQuestion } from './ask-system.ts'
import { type LsofFile, parseLsof } from './lsof-text.ts'

/** Owners named for one socket: a pre-forked server shares one among all its workers. */
const MAX_OWNERS = 64

export interface DarwinListenerCapture {
  readonly sockets: Printed
}

export const darwinListeners: Sensor<DarwinListenerCapture> = {
  id: 'darwin-listeners',
  platform: 'darwin',
  touches: [shownQuestion('sockets')],
  collects: ['listening sockets: protocol, address, port, and the numbers of the processes that hold them'],
  collect: async ({ signal }: SenseContext) => ({ sockets: await askSystem('sockets', signal) }),
  interpret: interpretListeners,
}

function interpretListeners({ sockets }: DarwinListenerCapture): Interpretation {
  const gaps = createGapList()
  const listing = parseLsof(textOf(sockets, 'lsof: sockets', gaps) ?? '')
  if (listing.isCut) gaps.add('GNO_SENSE_LIMIT', 'lsof: sockets', 'the answer was cut, or is longer than the limit')
  const found = new Map<string, Listener>()
  for (const { pid, files } of listing.processes) {
    for (const file of files) addSocket(found, socketOf(file, pid), pid)
  }
  return { observations: [...found.values()], gaps: gaps.list() }
}

type Listener = Omit<ListenerObservation, 'pids'> & { readonly pids: number[] }

function addSocket(found: Map<string, Listener>, socket: Omit<ListenerObservation, 'pids'> | null, pid: number): void {
  if (socket === null) return
  const { protocol, inode, address, port } = socket
  // One unix path is one listener; a TCP socket that was handed on to children has the same address in the kernel.
  const key = protocol === 'unix' ? `unix ${address}` : `${inode} ${address} ${port}`
  const known = found.get(key)
  if (known === undefined) found.set(key, { ...socket, pids: [pid] })
  else if (known.pids.length < MAX_OWNERS && !known.pids.includes(pid)) known.pids.push(pid)
}

function socketOf({ type, name, socket, fd }: LsofFile, pid: number): Omit<ListenerObservation, 'pids'> | null {
  if (name === null) return null
  const inode = socket ?? `${pid}:${fd ?? ''}`
  if (type === 'unix') {
    if (!name.startsWith('/')) return null
    return { kind: 'listener', protocol: 'unix', address: readablePath(name), port: 0, scope: 'loopback', inode }
  }
  if (type !== 'IPv4' && type !== 'IPv6') return null
  const place = placeOf(name, type)
  if (place === null) return null
  return { kind: 'listener', protocol: type === 'IPv4' ? 'tcp' : 'tcp6', ...place, inode }
}

/** `127.0.0.1:11434`, `*:8080`, `[::1]:1234`, `[fe80:4::1]:80`; a connection (`->`) is no listener. */
function placeOf(name: string, type: 'IPv4' | 'IPv6'): Pick<ListenerObservation, 'address' | 'port' | 'scope'> | null {
  const match = /^(?:\*|([0-9.]{7,15})|\[([0-9a-f:.]{2,45})(?:%[0-9a-z]{1,15})?\]):([0-9]{1,5})(?: \(LISTEN\))?$/.exec(
    name,
  )
  if (match === null) return null
  const port = Number(match[3])
  if (port > 65_535) return null
  const address = match[1] ?? match[2] ?? (type === 'IPv4' ? '0.0.0.0' : '::')
  return { address, port, scope: scopeOf(address) }
}

function scopeOf(address: string): ListenerObservation['scope'] {
  if (address === '0.0.0.0' || address === '::') return 'any'
  return address === '::1' || /^(?:::ffff:)?127\./.test(address) ? 'loopback' : 'specific'
}

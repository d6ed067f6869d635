// /proc/net/tcp, tcp6 and unix (proc(5); Documentation/networking/proc_net_tcp.rst): one line a socket.
//   tcp   sl local_address rem_address st … inode      address: 32-bit words in host byte order, hex; st 0A = LISTEN
//   unix  Num RefCount Protocol Flags Type St Inode Path   Flags 0x10000 = __SO_ACCEPTCON, i.e. it listens
import { readablePath } from '../path-text.ts'

/** A listening socket before its owners are known. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'tcp6' | 'unix'
  readonly address: string
  readonly port: number
  readonly scope: 'loopback' | 'any' | 'specific'
  readonly inode: string
}

const TCP_LISTEN = '0A'
const ACCEPTING = 0x10000

/** True for a line of tcp or tcp6 that is a listener. */
export function isTcpListener(line: string): boolean {
  return line.trimStart().split(/\s+/, 4)[3] === TCP_LISTEN
}

/** True for a line of unix that is a listener. */
export function isUnixListener(line: string): boolean {
  return (Number.parseInt(line.split(/\s+/, 4)[3] ?? '', 16) & ACCEPTING) !== 0
}

/** Reads one line of /proc/net/tcp or tcp6; null when it is no listener or was not understood. */
export function parseTcpLine(line: string, protocol: 'tcp' | 'tcp6'): ListeningSocket | null {
  const fields = line.trim().split(/\s+/)
  const inode = fields[9]
  const local = parseLocalAddress(fields[1] ?? '')
  if (fields[3] !== TCP_LISTEN || local === null || inode === undefined || !/^[0-9]{1,20}$/.test(inode)) return null
  return { protocol, ...local, inode }
}

/** Reads `0100007F:2CAA`; null when it is none. */
export function parseLocalAddress(text: string): Pick<ListeningSocket, 'address' | 'scope' | 'port'> | null {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text)
  if (match === null) return null
  const [, hex = '', port = ''] = match
  return { ...describeAddress(hostOrderBytes(hex)), port: Number.parseInt(port, 16) }
}

/** Reads one line of /proc/net/unix; null when it is no listener or has no name. An abstract name starts with `@`. */
export function parseUnixLine(line: string): ListeningSocket | null {
  const match =
    /^\s*[0-9a-fA-F]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) [0-9A-F]{4} [0-9A-F]{2} +([0-9]{1,20}) (.+)$/.exec(line)
  if (match === null) return null
  const [, flags = '', inode = '', path = ''] = match
  if ((Number.parseInt(flags, 16) & ACCEPTING) === 0) return null
  // A socket in the file system or in the abstract space is reached from this machine only.
  return { protocol: 'unix', address: readablePath(path), port: 0, scope: 'loopback', inode }
}

/** Each 32-bit word is printed in host byte order; x86-64 and arm64 Linux are little-endian. */
function hostOrderBytes(hex: string): readonly number[] {
  const bytes: number[] = []
  for (let word = 0; word < hex.length; word += 8) {
    for (let byte = 6; byte >= 0; byte -= 2) bytes.push(Number.parseInt(hex.slice(word + byte, word + byte + 2), 16))
  }
  return bytes
}

function describeAddress(bytes: readonly number[]): Pick<ListeningSocket, 'address' | 'scope'> {
  if (bytes.length === 4) return { address: bytes.join('.'), scope: scopeOfV4(bytes) }
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
  if (isMapped) return { address: `::ffff:${bytes.slice(12).join('.')}`, scope: scopeOfV4(bytes.slice(12)) }
  if (bytes.every((byte) => byte === 0)) return { address: '::', scope: 'any' }
  const isLoopback = bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1
  return { address: formatV6(bytes), scope: isLoopback ? 'loopback' : 'specific' }
}

function scopeOfV4(bytes: readonly number[]): ListeningSocket['scope'] {
  if (bytes.every((byte) => byte === 0)) return 'any'
  return bytes[0] === 127 ? 'loopback' : 'specific'
}

/** RFC 5952: lower case, no leading zeros, the longest run of at least two zero groups as `::`. */
function formatV6(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0))
  let best = { start: -1, length: 1 }
  for (let start = 0; start < 8; start += 1) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length += 1
    if (length > best.length) best = { start, length }
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  if (best.start < 0) return text(groups)
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`
}

// What `netstat -a -n -o -p TCP` prints (Microsoft Learn: netstat). Its headings and states are in the language of the system, so
// a listener is known by its foreign address: nobody is at the other end.
//   Proto  Local Address          Foreign Address        State           PID
//   TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       1144
//   TCP    [::1]:49670            [::]:0                 ABHÖREN         3072
import { isIPv4, isIPv6 } from 'node:net'
import type { ListenerObservation } from '../../../contract/observation.ts'

/** One line of a listener. */
export interface NetstatListener {
  readonly protocol: 'tcp' | 'tcp6'
  readonly address: string
  readonly port: number
  readonly scope: ListenerObservation['scope']
  /** Null where the number is none: 0 stands for "not known". */
  readonly pid: number | null
}

const LINE = /^TCP\s+(\S{1,80})\s+(?:0\.0\.0\.0|\[::\]):0\s.*?\s([0-9]{1,10})$/

/** Reads one line; null when it is no listener. */
export function parseNetstatLine(line: string): NetstatListener | null {
  const [, local = '', pid = ''] = LINE.exec(line.trim()) ?? []
  const colon = local.lastIndexOf(':')
  const port = Number(local.slice(colon + 1))
  if (colon < 0 || !/^[0-9]{1,5}$/.test(local.slice(colon + 1)) || port > 65_535) return null
  const named = addressOf(local.slice(0, colon))
  if (named === null) return null
  const { protocol, address } = named
  return { protocol, address, port, scope: scopeOf(address), pid: Number(pid) || null }
}

function addressOf(text: string): Pick<NetstatListener, 'protocol' | 'address'> | null {
  if (isIPv4(text)) return { protocol: 'tcp', address: text }
  const inner = /^\[(.+)\]$/.exec(text)?.[1] ?? ''
  // `fe80::1%12`: the number of the interface belongs to the address.
  return isIPv6(inner) ? { protocol: 'tcp6', address: inner.toLowerCase() } : null
}

function scopeOf(address: string): NetstatListener['scope'] {
  if (address === '0.0.0.0' || address === '::' || address === '::ffff:0.0.0.0') return 'any'
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.') ? 'loopback' : 'specific'
}

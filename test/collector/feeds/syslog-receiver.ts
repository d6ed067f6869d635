// A syslog receiver on loopback that parses RFC 6587 octet counting from bytes, and can be told to misbehave.
import { type Socket, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

export interface Receiver {
  readonly port: number
  /** How many connections it has accepted. */
  readonly connections: () => number
  readonly messages: () => readonly string[]
  readonly arrived: (count: number) => Promise<readonly string[]>
  readonly close: () => Promise<void>
}

/** Parses whole frames; throws on anything that is not `LEN SP MSG`. What is left over is half a frame. */
export function parseFrames(bytes: Buffer): { readonly messages: readonly string[]; readonly rest: Buffer } {
  const messages: string[] = []
  let at = 0
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at)
    if (space < 0) break
    const length = bytes.toString('latin1', at, space)
    if (!/^[1-9][0-9]{0,6}$/.test(length)) throw new Error(`"${length}" is no octet count`)
    const end = space + 1 + Number(length)
    if (end > bytes.length) break
    messages.push(bytes.toString('utf8', space + 1, end))
    at = end
  }
  return { messages, rest: bytes.subarray(at) }
}

/** `onData` sees each connection's bytes first; when it answers true the receiver takes nothing more of that connection. */
export async function startReceiver(
  onData: (socket: Socket, bytes: Buffer) => boolean = () => false,
  port = 0,
): Promise<Receiver> {
  const taken: string[] = []
  const open = new Set<Socket>()
  let connections = 0
  const waiting: (() => void)[] = []
  const server = createServer((socket) => {
    let held = Buffer.alloc(0)
    open.add(socket)
    connections += 1
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      if (onData(socket, bytes)) return
      const { messages, rest } = parseFrames(Buffer.concat([held, bytes]))
      held = Buffer.from(rest)
      taken.push(...messages)
      for (const wake of waiting.splice(0)) wake()
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  return {
    port: address.port,
    connections: () => connections,
    messages: () => taken,
    arrived: async (count) => {
      while (taken.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
      return taken
    },
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

// Metadata questions to listeners that lie, stall, flood and redirect. Every server here is on loopback and ends with its test.
import { createServer as createHttpServer } from 'node:http'
import { type Server, type Socket, createServer } from 'node:net'
import { afterEach, describe, expect, it } from '@jest/globals'
import { askLoopback } from '../../../agent/sense/loopback-request.ts'

const open: { readonly server: Server; readonly sockets: Set<Socket> }[] = []
afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
})

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  open.push({ server, sockets })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A server that writes these bytes to whoever connects, and counts the connections. */
async function raw(write: (socket: Socket) => void): Promise<number> {
  return listen(createServer((socket) => write(socket)))
}

/** `withinMs` is far more than a busy machine needs; a server that stalls is given little. */
const ask = (port: number, path = '/v1/models', withinMs = 60_000) =>
  askLoopback({ host: '127.0.0.1', port }, path, { signal: new AbortController().signal, withinMs })

describe('askLoopback', () => {
  it('gets status, server and body, and sends nothing but the path', async () => {
    const seen: unknown[] = []
    const server = createHttpServer((question, answer) => {
      seen.push([question.method, question.url, Object.keys(question.headers).sort()])
      answer.writeHead(200, { server: 'llama.cpp' }).end('{"status":"ok"}')
    })
    const port = await listen(server)

    const health = await ask(port, '/health')
    expect(health.ok && health.value.headers.get('server')).toBe('llama.cpp')
    expect(health).toMatchObject({
      ok: true,
      value: { status: 200, body: '{"status":"ok"}', isCut: false },
    })
    expect(seen).toEqual([['GET', '/health', ['accept', 'connection', 'host', 'user-agent']]])
  })

  it('follows no redirect', async () => {
    let asked = 0
    const target = await listen(createHttpServer((_question, answer) => answer.end(String((asked += 1)))))
    const port = await listen(
      createHttpServer((_question, answer) => answer.writeHead(302, { location: `http://127.0.0.1:${target}/` }).end()),
    )

    expect(await ask(port)).toMatchObject({ ok: true, value: { status: 302 } })
    expect(asked).toBe(0)
  })

  it('keeps 64 KiB of a flood', async () => {
    const port = await listen(
      createHttpServer((_question, answer) => {
        const more = (): void => {
          while (!answer.destroyed && answer.write('x'.repeat(65_000)));
        }
        answer.on('drain', more).on('error', () => undefined)
        more()
      }),
    )
    const answer = await ask(port)

    expect(answer).toMatchObject({ ok: true, value: { isCut: true } })
    expect(answer.ok && answer.value.body.length).toBe(65_536)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['silence', () => undefined],
    ['a byte now and then', (socket) => void setInterval(() => socket.write('H'), 50).unref()],
    ['endless information', (socket) => void setInterval(() => socket.write('HTTP/1.1 102 x\r\n\r\n'), 20).unref()],
    ['no HTTP', (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a closed door', (socket) => void socket.destroy()],
    ['half an answer', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')],
    ['headers of a megabyte', (socket) => void socket.end(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(1_000_000)}\r\n\r\n`)],
    ['another protocol', (socket) => void socket.write('HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')],
    ['two lengths', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab')],
  ])('gives up on %s', async (_name, write) => {
    expect(await ask(await raw(write), '/', 300)).toMatchObject({ ok: false, failure: { code: 'GNO_PROBE_FAILED' } })
  })

  it.each(['/a b', 'http://example.org/', '/x\r\nhost: y', '', '//example.org\\x', `/${'x'.repeat(300)}`])(
    'does not ask for %j',
    async (path) => {
      let connections = 0
      const port = await raw(() => (connections += 1))

      expect(await ask(port, path)).toMatchObject({ ok: false, failure: { code: 'GNO_PROBE_FAILED' } })
      expect(connections).toBe(0)
    },
  )

  it('ends with the sweep', async () => {
    const port = await raw(() => undefined)
    const sweep = new AbortController()
    const answer = askLoopback({ host: '127.0.0.1', port }, '/', { signal: sweep.signal, withinMs: 60_000 })
    sweep.abort()

    expect(await answer).toMatchObject({ ok: false })
  })
})

// Stands between an agent and its collector on loopback, passes everything on and keeps what the agent sent, unpacked: what really left.
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

export interface RecordingProxy {
  readonly url: string
  /** Address, headers and unpacked body of each request. */
  readonly sent: () => readonly string[]
  readonly close: () => Promise<void>
}

export async function startRecordingProxy(collectorUrl: string): Promise<RecordingProxy> {
  const sent: string[] = []
  const server = createServer((request, response) => {
    void passOn(request, collectorUrl, sent).then(async (answer) => {
      response.statusCode = answer.status
      for (const name of ['content-type', 'accept-encoding', 'retry-after']) {
        const value = answer.headers.get(name)
        if (value !== null) response.setHeader(name, value)
      }
      response.end(await answer.text())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    sent: () => sent,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function passOn(request: IncomingMessage, collectorUrl: string, sent: string[]): Promise<Response> {
  const { method = 'GET', url = '/', headers } = request
  const body = new Uint8Array(await buffer(request))
  sent.push([method, url, JSON.stringify(headers), unpack(body, headers['content-encoding'])].join('\n'))
  const kept = ['authorization', 'content-type', 'content-encoding', 'user-agent'] as const
  const passed = kept.flatMap((name) =>
    headers[name] === undefined ? [] : [[name, headers[name]] as [string, string]],
  )
  return fetch(new URL(url, collectorUrl), { method, headers: passed, ...(body.length === 0 ? {} : { body }) })
}

function unpack(body: Uint8Array, encoding: string | undefined): string {
  if (encoding === 'gzip') return gunzipSync(body).toString('utf8')
  if (encoding === 'zstd') return zstdDecompressSync(body).toString('utf8')
  return Buffer.from(body).toString('utf8')
}

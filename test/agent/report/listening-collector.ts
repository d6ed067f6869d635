// A real HTTP server on a free port of loopback that answers as a test says: truly, badly, or not at all.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { ModelCollector } from './model-collector.ts'

export interface Received {
  readonly url: string
  readonly text: string
  readonly headers: IncomingMessage['headers']
}

export interface ListeningCollector {
  readonly url: string
  readonly received: readonly Received[]
  readonly model: ModelCollector
  /** What the server does with the next requests; back to the truth with `null`. */
  misbehave: (answer: ((request: Received, response: ServerResponse) => void) | null) => void
  close: () => Promise<void>
}

export async function startListening(): Promise<ListeningCollector> {
  const model = new ModelCollector()
  const received: Received[] = []
  let bad: ((request: Received, response: ServerResponse) => void) | null = null
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const bytes = Buffer.concat(pieces)
      const text = unpack(bytes, request.headers['content-encoding']).toString('utf8')
      const one = { url: request.url ?? '', text, headers: request.headers }
      received.push(one)
      if (bad === null) answerTruly(model, one, response)
      else bad(one, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    model,
    misbehave: (answer) => {
      bad = answer
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

function unpack(bytes: Buffer, encoding: string | undefined): Buffer {
  if (encoding === 'zstd') return zstdDecompressSync(bytes)
  return encoding === 'gzip' ? gunzipSync(bytes) : bytes
}

/** The answer of the true collector. */
export function answerTruly(model: ModelCollector, request: Received, response: ServerResponse): void {
  const answer = model.take(request.text)
  if (answer.kind === 'acknowledged') sendJson(response, 200, { acknowledged: answer.acknowledged })
  else
    sendJson(response, 409, {
      code: 'GNO_REPORT_OUT_OF_ORDER',
      detail: 'a report skips a number',
      expectedSequence: answer.expectedSequence,
    })
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

// A small OpenAI-compatible endpoint (GET /health, GET /v1/models, POST /v1/completions) for what the runtime sensors have to find.
// It listens on 127.0.0.1 and nowhere else (there is no setting for the address), or on a Unix socket.
import { createHash, timingSafeEqual } from 'node:crypto'
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http'
import type { ListenOptions } from 'node:net'
import { type Result, failed, success } from '../../../contract/failure.ts'
import type { Generate } from './load-model.ts'

const ADDRESS = '127.0.0.1'
/** A prompt of a drill is a sentence; nothing larger is kept in memory (CWE-770). */
const MAX_BODY_BYTES = 65_536
/** Most tokens of one answer; a drill asks for a handful. */
const MAX_ANSWER_TOKENS = 256
/** A client that trickles its request is let go (CWE-400). */
const REQUEST_TIMEOUT_MS = 5_000

interface EndpointOptions {
  /** Id of the one model, as `/v1/models` names it. */
  readonly model: string
  readonly generate: Generate
  /** As servers of models do, everything below /v1 is refused without it; null: no key is wanted. */
  readonly apiKey?: string | null
}

interface PortOptions extends EndpointOptions {
  /** 0 lets the system choose. */
  readonly port: number
}

interface SocketOptions extends EndpointOptions {
  /** Must not exist yet. */
  readonly path: string
}

interface Endpoint {
  readonly address: '127.0.0.1'
  readonly port: number
  readonly close: () => void
}

/** Serves the model on a loopback port until closed. */
export async function serveLoopback(options: PortOptions): Promise<Result<Endpoint>> {
  const server = createEndpoint(options)
  const problem = await listen(server, { port: options.port, host: ADDRESS })
  const bound = server.address()
  if (problem !== null || bound === null || typeof bound === 'string') {
    return failed('GNO_LISTEN_FAILED', problem?.message ?? 'no port was bound', problem ?? undefined)
  }
  return success({ address: ADDRESS, port: bound.port, close: () => close(server) })
}

/** Serves the model on a Unix socket that only its user may open, until closed. */
export async function serveSocket(options: SocketOptions): Promise<Result<{ readonly close: () => void }>> {
  const server = createEndpoint(options)
  const problem = await listen(server, { path: options.path })
  if (problem !== null) return failed('GNO_LISTEN_FAILED', problem.message, problem)
  return success({ close: () => close(server) })
}

function createEndpoint(options: EndpointOptions): Server {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, createListener(options))
  server.maxConnections = 16
  return server
}

function close(server: Server): void {
  server.close()
  server.closeAllConnections()
}

function listen(server: Server, where: ListenOptions): Promise<Error | null> {
  return new Promise((resolve) => {
    server.once('error', resolve)
    server.listen(where, () => resolve(null))
  })
}

function createListener(options: EndpointOptions): (request: IncomingMessage, response: ServerResponse) => void {
  const created = Math.floor(Date.now() / 1000)
  let isBusy = false
  const complete = async (request: IncomingMessage, response: ServerResponse) => {
    const wish = readWish(await readBody(request))
    if (wish === null) {
      refuse(response, 400, 'send JSON with a prompt of text')
      return
    }
    // One sequence, one answer at a time: a second asker is told so and keeps no memory here.
    if (isBusy) {
      refuse(response, 503, 'another answer is being generated')
      return
    }
    isBusy = true
    try {
      answer(response, 200, completion(options.model, created, await options.generate(wish.prompt, wish.tokens)))
    } finally {
      isBusy = false
    }
  }
  return (request, response) => {
    const asked = `${request.method ?? ''} ${(request.url ?? '').split('?', 1)[0] ?? ''}`
    // A web page that points its own name at 127.0.0.1 sends that name as Host (DNS rebinding, CWE-350).
    if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) {
      refuse(response, 403, 'this endpoint answers to 127.0.0.1 only')
    } else if (!isAllowed(request, options.apiKey ?? null)) refuse(response, 401, 'send the key')
    else if (asked === 'GET /health') answer(response, 200, { status: 'ok' })
    else if (asked === 'GET /v1/models') {
      const only = { id: options.model, object: 'model', created, owned_by: 'gnomon-reference' }
      answer(response, 200, { object: 'list', data: [only] })
    } else if (asked === 'POST /v1/completions') {
      complete(request, response).catch(() => refuse(response, 500, 'the answer could not be generated'))
    } else refuse(response, 404, 'there is /health, /v1/models and /v1/completions')
  }
}

/** Digests are compared, so that the time it takes tells nothing of the key (CWE-208). */
function isAllowed({ url, headers }: IncomingMessage, apiKey: string | null): boolean {
  if (apiKey === null || url?.startsWith('/v1') !== true) return true
  const [sent, wanted] = [headers.authorization ?? '', `Bearer ${apiKey}`].map((text) =>
    createHash('sha256').update(text).digest(),
  )
  return sent !== undefined && wanted !== undefined && timingSafeEqual(sent, wanted)
}

async function readBody(request: IncomingMessage): Promise<string | null> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) return null
    size += piece.length
    if (size > MAX_BODY_BYTES) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function readWish(body: string | null): { readonly prompt: string; readonly tokens: number } | null {
  let value: unknown
  try {
    value = JSON.parse(body ?? '')
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || !('prompt' in value) || typeof value.prompt !== 'string')
    return null
  const asked = 'max_tokens' in value && typeof value.max_tokens === 'number' ? Math.floor(value.max_tokens) : 16
  return { prompt: value.prompt, tokens: Math.max(1, Math.min(asked, MAX_ANSWER_TOKENS)) }
}

function completion(model: string, created: number, made: Awaited<ReturnType<Generate>>) {
  const total = made.promptTokens + made.tokens
  const usage = { prompt_tokens: made.promptTokens, completion_tokens: made.tokens, total_tokens: total }
  const choices = [{ index: 0, text: made.text, logprobs: null, finish_reason: 'length' }]
  return { id: `cmpl-${created}`, object: 'text_completion', created, model, choices, usage }
}

function refuse(response: ServerResponse, status: number, message: string): void {
  answer(response, status, { error: { message, type: 'invalid_request_error' } })
}

function answer(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) return
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(body))
}

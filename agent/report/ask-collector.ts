// HTTP to the collector, as much of it as an agent needs, in the shape of fetch. Node's own fetch takes 16 MB of memory from its first
// call on, these modules 2. They are fetched by name while running: an import of `node:http` loads fetch's library with it, for the
// sake of names (WebSocket and others) that nobody asks for.
import type * as http from 'node:http'
import type * as https from 'node:https'

export interface CollectorRequest {
  readonly method?: 'GET' | 'POST'
  /** An answer that leads elsewhere is an error: the token is for this collector alone. */
  readonly redirect: 'error'
  readonly signal: AbortSignal
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Buffer<ArrayBuffer>
}

export interface CollectorAnswer {
  readonly status: number
  readonly ok: boolean
  readonly headers: { readonly get: (name: string) => string | null }
  /** To be read once; whoever stops early ends the connection. */
  readonly body: AsyncIterable<Uint8Array> | null
}

/** Asks once. Rejects when there is no whole answer, with the signal's reason when that was why. `fetch` is one. */
export type AskCollector = (url: string | URL, request: CollectorRequest) => Promise<CollectorAnswer>

/** What to follow it would mean (RFC 9110 section 15.4); 304 leads nowhere. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
/** A collector's answers have under 2 KB of headers (CWE-770). */
const MAX_HEADER_BYTES = 16_384

/** The agent's own way to ask. */
export const askCollector: AskCollector = async (url, request) => {
  try {
    return await ask(new URL(url), request)
  } catch (error) {
    request.signal.throwIfAborted()
    throw error
  }
}

function ask(url: URL, { method = 'GET', signal, headers, body }: CollectorRequest): Promise<CollectorAnswer> {
  const options: http.RequestOptions = { method, headers: { ...headers }, signal, maxHeaderSize: MAX_HEADER_BYTES }
  return new Promise((resolve, reject) => {
    const asked = moduleFor(url).request(url, options, (answer) => {
      const status = answer.statusCode ?? 0
      if (REDIRECTS.has(status)) {
        asked.destroy()
        reject(new Error(`the answer leads elsewhere (status ${status})`))
        return
      }
      resolve({
        status,
        ok: status >= 200 && status < 300,
        headers: { get: (name) => headerOf(answer, name) },
        body: bodyOf(answer, signal),
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

function moduleFor({ protocol }: URL): typeof https | typeof http {
  return protocol === 'https:' ? process.getBuiltinModule('node:https') : process.getBuiltinModule('node:http')
}

function headerOf({ headers }: http.IncomingMessage, name: string): string | null {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value : (value?.join(', ') ?? null)
}

async function* bodyOf(answer: http.IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}

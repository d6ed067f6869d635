// One request to the collector and its answer, bounded in time and size. The answer is as hostile as any other input: a proxy,
// a captive portal or a stranger may have given it.
import { printable } from '../../contract/printable.ts'
import { type Problem, problemSchema } from '../../contract/report.ts'
import type { AskCollector, CollectorAnswer } from './ask-collector.ts'
import { type Encoding, encodingAskedFor, pack } from './compress.ts'
import { errorCode, errorText } from './error-text.ts'
import { isRecord, parseJson } from './sweep-record.ts'

export const DEFAULT_TIMEOUT_MS = 10_000
/** An acknowledgement has 40 bytes, a problem a few thousand. */
const MAX_ANSWER_BYTES = 64 * 1024
/** Retry-After beyond this is not followed to the letter: a typing error must not silence a machine for a month. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000

export interface ExchangeRequest {
  readonly fetch: AskCollector
  readonly url: string
  readonly token: string | null
  readonly body: string
  /** How the body is packed when it is worth it. */
  readonly encoding: Encoding
  readonly signal: AbortSignal
  readonly timeoutMs: number
  readonly now: () => Date
}

export type Exchange =
  /** `json` is undefined when the body is no JSON or too long. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly json: unknown
      readonly problem: Problem | null
      readonly retryAfterMs: number | null
      /** What it wants to get from now on. */
      readonly asksFor: Encoding
    }
  | { readonly kind: 'down'; readonly detail: string }
  | { readonly kind: 'stopped' }

/** Posts JSON. Never rejects. */
export async function postJson(request: ExchangeRequest): Promise<Exchange> {
  const signal = AbortSignal.any([request.signal, AbortSignal.timeout(request.timeoutMs)])
  try {
    const { body, headers } = pack(request.body, request.encoding)
    const response = await request.fetch(request.url, {
      method: 'POST',
      redirect: 'error',
      signal,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...headers,
        ...(request.token === null ? {} : { authorization: `Bearer ${request.token}` }),
      },
      body,
    })
    const text = await readBounded(response)
    const json = text === null ? undefined : parseJson(text)
    const problem = problemSchema.safeParse(json)
    return {
      kind: 'answer',
      status: response.status,
      json,
      problem: problem.success ? problem.data : null,
      retryAfterMs: retryAfter(response.headers.get('retry-after'), request.now()),
      asksFor: encodingAskedFor(response.headers.get('accept-encoding')),
    }
  } catch (error) {
    if (request.signal.aborted) return { kind: 'stopped' }
    return { kind: 'down', detail: `${request.url}: ${reason(error, request.timeoutMs)}` }
  }
}

/** The body as text; null when it is longer than the limit. */
export async function readBounded(
  { body }: Pick<CollectorAnswer, 'body'>,
  maxBytes = MAX_ANSWER_BYTES,
): Promise<string | null> {
  if (body === null) return ''
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of body) {
    bytes += piece.byteLength
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) return null
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

/** Seconds or a date (RFC 9110 section 10.2.3); null when absent or neither. */
function retryAfter(value: string | null, now: Date): number | null {
  if (value === null) return null
  const waitMs = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now.getTime()
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS) : null
}

/** Fetch hides what happened in a cause; several addresses that were tried in vain leave a code alone. */
function reason(error: unknown, timeoutMs: number): string {
  if (isRecord(error) && error['name'] === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const cause = (isRecord(error) ? error['cause'] : undefined) ?? error
  const said = errorText(cause) || (errorCode(cause) ?? '')
  return printable(said === '' ? errorText(error) : said).slice(0, 512)
}

// One metadata question to a program that listens on this machine's own loopback: GET, no redirect, no proxy, nothing sent but the
// path (DESIGN.md section 6). Whatever answers is hostile: the answer is bounded in size and time, and is compared, never followed.
import type { IncomingMessage } from 'node:http'
import { errorCode } from './linux/system-failure.ts'
import type { TouchDeclaration } from './touch-declaration.ts'
import { type Result, failed, success } from '../../contract/failure.ts'

export const loopbackDeclaration: TouchDeclaration = {
  id: 'loopback-metadata',
  platform: 'linux',
  touches: [
    "TCP listeners on this machine's loopback of processes that look like a runtime: GET of metadata paths of the rule pack, at most 12 a listener and 64 KiB an answer, 3 s a look in all, no redirect, no proxy, once in 5 minutes",
    '/proc/self/net/tcp, tcp6, /proc/*/stat, /proc/*/fd/* (whose listener it is, before and after)',
    'never: a prompt, a completion, a POST, another machine',
  ],
  collects: [
    'which metadata requests were answered as a known product answers them; the version, loaded model, context size and memory that the answer tells',
  ],
}

/** All of one question: connecting, waiting, reading. A runtime that is busy generating answers later, and is asked again later. */
export const ANSWER_WITHIN_MS = 500
/** Lists of models and settings are under 64 KB; a metrics page is cut there (CWE-770). */
const MAX_BODY_BYTES = 65_536
/** Real answers have under 1 KB of headers (CWE-770). */
const MAX_HEADER_BYTES = 8_192
/** A path of the rule pack, and nothing that could end the request line (CWE-93). */
const PLAIN_PATH = /^\/[\w./?=&%-]{0,255}$/

/** Where to ask: an address of this machine only. A listener on every address is asked on loopback too. */
export interface LoopbackPlace {
  readonly host: '127.0.0.1' | '::1'
  readonly port: number
}

export interface LoopbackAnswer {
  readonly status: number
  /** By lower-case name; values that are lists are joined. */
  readonly headers: ReadonlyMap<string, string>
  /** At most 64 KiB, as UTF-8; other bytes are replaced. */
  readonly body: string
  /** There was as much as is kept, or more. */
  readonly isCut: boolean
}

export interface Patience {
  readonly signal: AbortSignal
  readonly withinMs: number
}

/** Asks once. Never rejects: a refusal, silence, or an answer that is no HTTP is a GNO_PROBE_FAILED. */
export function askLoopback(
  place: LoopbackPlace,
  path: string,
  { signal, withinMs }: Patience,
): Promise<Result<LoopbackAnswer>> {
  const where = `${place.host}:${place.port}${path}`
  if (!PLAIN_PATH.test(path)) return Promise.resolve(failed('GNO_PROBE_FAILED', 'the path to ask for is not plain'))
  const { host, port } = place
  const within = AbortSignal.any([signal, AbortSignal.timeout(withinMs)])
  return new Promise((resolve) => {
    const refuse = (cause: unknown): void => {
      const reason = within.aborted ? `no answer within ${withinMs} ms` : errorCode(cause)
      resolve(failed('GNO_PROBE_FAILED', `${where}: ${reason}`))
    }
    // Not imported: that would load the library of fetch as well (agent/report/ask-collector.ts).
    const asked = process.getBuiltinModule('node:http').request(
      // Without an agent no connection outlives the question, and none is shared.
      {
        host,
        port,
        path,
        method: 'GET',
        agent: false,
        signal: within,
        maxHeaderSize: MAX_HEADER_BYTES,
        headers: HEADERS,
      },
      (answer) => {
        readAnswer(answer).then((read) => {
          asked.destroy()
          resolve(success(read))
        }, refuse)
      },
    )
    asked.on('error', refuse)
    // An answer that only switches protocols ends without an error.
    asked.on('close', () => refuse({ code: 'no answer in HTTP' }))
    asked.end()
  })
}

/** What the asked program may log: who asked, and that it wants plain bytes. Node adds Host, as some servers demand it. */
const HEADERS = { 'user-agent': 'gnomon (metadata only)', accept: 'application/json, text/plain', connection: 'close' }

async function readAnswer(answer: IncomingMessage): Promise<LoopbackAnswer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of answer as AsyncIterable<Uint8Array>) {
    pieces.push(piece)
    bytes += piece.length
    if (bytes >= MAX_BODY_BYTES) break
  }
  return {
    status: answer.statusCode ?? 0,
    headers: new Map(Object.entries(answer.headers).map(([name, value]) => [name, String(value)])),
    body: Buffer.concat(pieces).subarray(0, MAX_BODY_BYTES).toString('utf8'),
    isCut: bytes >= MAX_BODY_BYTES,
  }
}

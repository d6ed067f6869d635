// JSON bodies, also gzip and zstd, with a limit on what they may grow to (CWE-409) and no `__proto__` (CWE-1321).
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { constants, gunzip, zstdDecompress } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { CONTENT_MARK } from '../../contract/report-chain.ts'
import { errorCode } from '../error-code.ts'
import { nestsDeeper } from './nesting.ts'
import { createTurns } from './turns.ts'

/** A report nests eight deep. */
const MAX_DEPTH = 64
/** Each takes up to its body limit, and half of it again while it grows. */
const MAX_INFLATIONS = 4

/** Windows are allocated before the first byte comes out: 8 MiB, as much as a body may be (CWE-789). The default is 128 MiB. */
const MAX_WINDOW_LOG = 23

/** How much comes out at most. */
type Unpack = (body: Buffer, limit: number) => Promise<Buffer>

const gunzipped = promisify(gunzip)
const UNPACKERS = new Map<string, Unpack>([['gzip', (body, limit) => gunzipped(body, { maxOutputLength: limit })]])
// Node.js below 22.15 has none.
if (typeof zstdDecompress === 'function') {
  const unpacked = promisify(zstdDecompress)
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG }
  UNPACKERS.set('zstd', (body, limit) => unpacked(body, { maxOutputLength: limit, params }))
}

/** The encodings that are taken, best first: the value of the header `Accept-Encoding` in answers (RFC 7694). */
export const TAKEN_ENCODINGS = [...UNPACKERS.keys()].reverse().join(', ')

const inTurn = createTurns(MAX_INFLATIONS)

declare module 'fastify' {
  interface FastifyRequest {
    /** SHA-256 of the content of a report, as it arrived. */
    contentDigest: string | null
  }
  interface FastifyContextConfig {
    /** Whether bodies of this route are reports. */
    hasContent?: boolean
  }
}

/** What stands before the content of a report takes 400 bytes. */
const MAX_HEAD_BYTES = 2_048

/** The digest of everything behind the head of a report; null where no content begins. */
function digestContent(bytes: Buffer): string | null {
  const start = bytes.subarray(0, MAX_HEAD_BYTES).indexOf(CONTENT_MARK)
  return start === -1 ? null : createHash('sha256').update(bytes.subarray(start)).digest('hex')
}

/** Reads `application/json`, plain, gzip or zstd; every other type or encoding is 415. */
export function installBodyReader(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.decorateRequest('contentDigest', null)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    plainBytes(body, request.headers['content-encoding'], request.routeOptions.bodyLimit)
      .then((bytes) => {
        if (request.routeOptions.config.hasContent === true) request.contentDigest = digestContent(bytes)
        if (nestsDeeper(bytes, MAX_DEPTH)) throw bodyError(400, 'TOO_DEEP', `the body nests deeper than ${MAX_DEPTH}`)
        void parseJson(request, bytes.toString('utf8'), done)
      })
      .catch((error: unknown) => {
        done(error instanceof Error ? error : new Error(String(error)))
      })
  })
}

async function plainBytes(body: Buffer, encoding: string | undefined, limit: number): Promise<Buffer> {
  if (encoding === undefined || encoding === 'identity') return body
  const unpack = UNPACKERS.get(encoding)
  if (unpack === undefined)
    throw bodyError(415, 'UNKNOWN_ENCODING', `the content encoding must be one of ${TAKEN_ENCODINGS}, identity`)
  try {
    return await inTurn(() => unpack(body, limit))
  } catch (error) {
    if (errorCode(error) === 'ERR_BUFFER_TOO_LARGE')
      throw bodyError(413, 'FST_ERR_CTP_BODY_TOO_LARGE', 'inflates beyond the limit', error)
    throw bodyError(400, 'BROKEN_ENCODING', `the body is not valid ${encoding}`, error)
  }
}

/** An error that fastify answers with its status. */
function bodyError(statusCode: number, code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { statusCode, code })
}

// JSON bodies, also gzip, with a limit on what they may grow to (CWE-409) and no `__proto__` (CWE-1321).
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import { errorCode } from '../error-code.ts'
import { nestsDeeper } from './nesting.ts'
import { createTurns } from './turns.ts'

/** A report nests eight deep. */
const MAX_DEPTH = 64
/** Each takes up to its body limit, and half of it again while it grows. */
const MAX_INFLATIONS = 4

const inflate = promisify(gunzip)
const inTurn = createTurns(MAX_INFLATIONS)

/** Reads `application/json`, plain or gzip; every other type or encoding is 415. */
export function installBodyReader(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    plainBytes(body, request.headers['content-encoding'], request.routeOptions.bodyLimit)
      .then((bytes) => {
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
  if (encoding !== 'gzip') throw bodyError(415, 'UNKNOWN_ENCODING', 'the content encoding must be gzip or identity')
  try {
    return await inTurn(() => inflate(body, { maxOutputLength: limit }))
  } catch (error) {
    if (errorCode(error) === 'ERR_BUFFER_TOO_LARGE')
      throw bodyError(413, 'FST_ERR_CTP_BODY_TOO_LARGE', 'inflates beyond the limit', error)
    throw bodyError(400, 'BROKEN_GZIP', 'the body is not valid gzip', error)
  }
}

/** An error that fastify answers with its status. */
function bodyError(statusCode: number, code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { statusCode, code })
}

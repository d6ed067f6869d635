// Every answer that is not 2xx: a Problem with a code of the catalogue, whoever raised the error.
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { FailureCode } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import type { Problem } from '../../contract/report.ts'

/** Longest detail of a problem: names the field, does not echo the request. */
const MAX_DETAIL_CHARS = 400

/** A line for the operator's log: constant message plus fields. */
export type Log = (message: string, fields: Readonly<Record<string, string | number>>) => void

/** Answers with a problem. Gives the reply back, so that a route can return it (a reply must not be awaited: it is a thenable). */
export function sendProblem(reply: FastifyReply, status: number, code: FailureCode, detail: string): FastifyReply {
  const problem: Problem = { code, detail: printable(detail).slice(0, MAX_DETAIL_CHARS) }
  return reply.code(status).send(problem)
}

/** Installs the one place where errors become answers. */
export function installProblems(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 404, 'GNO_NOT_FOUND', 'no such address'))
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, log))
}

/** Turns an error of fastify, of the validator, of the store or of our own into an answer. */
export function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const isReport = request.routeOptions.url === '/api/v1/reports'
  const invalid: FailureCode = isReport ? 'GNO_REPORT_MALFORMED' : 'GNO_REQUEST_INVALID'
  if (error.validation !== undefined) return sendProblem(reply, 400, invalid, error.message)
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return sendProblem(
      reply,
      413,
      'GNO_REPORT_TOO_LARGE',
      `the body is larger than ${request.routeOptions.bodyLimit} bytes`,
    )
  const status = error.statusCode ?? 500
  if (status >= 400 && status < 500) return sendProblem(reply, status, invalid, error.message)
  const isFull = error.code === 'SQLITE_FULL' || error.code === 'ENOSPC'
  const isStore = isFull || error.code.startsWith('SQLITE_')
  const code: FailureCode = isFull ? 'GNO_STATE_FULL' : isStore ? 'GNO_STATE_UNUSABLE' : 'GNO_INTERNAL'
  log('request failed', { code, method: request.method, route: request.routeOptions.url ?? '', error: String(error) })
  // The log has the cause; the answer has none, because it may hold paths of this machine.
  return sendProblem(
    reply,
    isStore ? 503 : 500,
    code,
    isStore ? 'the store cannot be written' : 'see the collector log',
  )
}

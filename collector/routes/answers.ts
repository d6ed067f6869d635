// What routes answer beside their good answer, for the OpenAPI document: one sentence for each status, one schema for all.
import { jsonSchemaOf } from '../../contract/json-schema.ts'
import { problemSchema } from '../../contract/report.ts'

type Schema = Parameters<typeof jsonSchemaOf>[0]

const PROBLEMS = {
  400: 'The request, its body or one of its parameters is not valid.',
  401: 'The token is missing, or not accepted here.',
  403: 'The token is known, but not for this.',
  404: 'There is no such thing.',
  409: 'The request contradicts what is stored; the detail says how to ask.',
  413: 'The body is too large.',
  414: 'The identifier in the address is too long.',
  415: 'The body is not application/json, plain, gzip or zstd.',
  421: 'The request names a host that this collector does not answer to.',
  429: 'Too many requests; wait for the seconds of Retry-After.',
  500: 'The collector broke one of its own promises.',
  503: 'The store cannot be written or read at the moment.',
} as const

type ProblemStatus = keyof typeof PROBLEMS

/** What every route may answer. */
const ANYWHERE: readonly ProblemStatus[] = [421, 500]
/** What every route behind a token may answer. */
const GUARDED: readonly ProblemStatus[] = [401, 429, 503]
const problem = jsonSchemaOf(problemSchema)

type Answers = Readonly<Record<number, Readonly<Record<string, unknown>>>>

/** The answers of a route that needs a token. */
export function guardedAnswers(good: Schema, ...statuses: readonly ProblemStatus[]): Answers {
  return openAnswers(good, ...GUARDED, ...statuses)
}

/** The answers of a route that strangers may call. */
export function openAnswers(good: Schema, ...statuses: readonly ProblemStatus[]): Answers {
  const answers: Record<number, Readonly<Record<string, unknown>>> = {
    200: { description: 'What was asked for.', ...jsonSchemaOf(good) },
  }
  for (const status of [...ANYWHERE, ...statuses]) answers[status] = { description: PROBLEMS[status], ...problem }
  return answers
}

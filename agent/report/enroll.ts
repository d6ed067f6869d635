// Enrolment: a one-time token becomes this agent's own token, and what waits in the outbox is numbered for this collector.
import type { Database } from 'better-sqlite3'
import { type Result, failed, success } from '../../contract/failure.ts'
import { type EnrolmentAnswer, enrolmentAnswerSchema, enrolmentRequestSchema } from '../../contract/report.ts'
import type { AskCollector } from './ask-collector.ts'
import { checkCollectorUrl } from './collector-url.ts'
import { DEFAULT_TIMEOUT_MS, type Exchange, postJson } from './exchange.ts'
import { type Enrolment, readEnrolment, writeEnrolment } from './identity.ts'
import { readCounter, readMeta, writeMeta } from './meta.ts'
import { forgetBelow, oldestSequence, rebase } from './spool.ts'
import type { StateStore } from './state-store.ts'

export interface EnrolOptions {
  readonly collectorUrl: string
  readonly token: string
  readonly hostId: string
  readonly hostName: string
  readonly fetch: AskCollector
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

export interface Enrolled {
  readonly agentId: string
  readonly collectorUrl: string
  readonly nextSequence: number
}

/** Exchanges the enrolment token; what waits in the outbox is then addressed to this collector. */
export async function enroll(state: StateStore, options: EnrolOptions): Promise<Result<Enrolled>> {
  const url = checkCollectorUrl(options.collectorUrl)
  if (!url.ok) return url
  const owner = state.read((database) => readMeta(database, 'hostId'))
  if (!owner.ok) return owner
  // Waiting reports and finding ids speak for that host; the collector would refuse them from any other.
  if (owner.value !== null && owner.value !== options.hostId)
    return failed('GNO_STATE_UNUSABLE', `${state.file} belongs to host ${owner.value}, not to ${options.hostId}`)
  const { token, hostId, hostName } = options
  const request = enrolmentRequestSchema.safeParse({ token, hostId, hostName })
  if (!request.success) return failed('GNO_ENROLMENT_REFUSED', 'token or host name is longer than a collector takes')
  const exchange = await postJson({
    fetch: options.fetch,
    url: `${url.value}/api/v1/enrol`,
    token: knownToken(state, url.value),
    body: JSON.stringify(request.data),
    encoding: 'gzip',
    signal: options.signal,
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    now: state.now,
  })
  const answer = readAnswer(exchange, url.value)
  return answer.ok ? settleEnrolment(state, answer.value, url.value, hostId) : answer
}

/** A collector lets an enrolled host enrol again when it shows the token that it has; no other collector gets to see it. */
function knownToken(state: StateStore, collectorUrl: string): string | null {
  const known = readEnrolment(state)
  return known.ok && known.value?.collectorUrl === collectorUrl ? known.value.agentToken : null
}

function readAnswer(exchange: Exchange, url: string): Result<EnrolmentAnswer> {
  if (exchange.kind === 'stopped') return failed('GNO_DELIVERY_DOWN', `enrolment at ${url} was interrupted`)
  if (exchange.kind === 'down') return failed('GNO_DELIVERY_DOWN', exchange.detail)
  const { status, problem } = exchange
  if (status >= 400 && problem !== null) {
    const isDown = status === 429 || status >= 500
    return failed(
      isDown ? 'GNO_DELIVERY_DOWN' : 'GNO_ENROLMENT_REFUSED',
      `HTTP ${status} ${problem.code}: ${problem.detail}`,
    )
  }
  const answer = enrolmentAnswerSchema.safeParse(exchange.json)
  if (status !== 200 || !answer.success || answer.data.agentToken === '')
    return failed('GNO_DELIVERY_GARBLED', `${url} answered HTTP ${status} without an enrolment`)
  return success(answer.data)
}

function settleEnrolment(
  state: StateStore,
  answer: EnrolmentAnswer,
  collectorUrl: string,
  hostId: string,
): Result<Enrolled> {
  const before = readEnrolment(state)
  const previous = before.ok ? before.value : null
  const nextSequence = Math.max(1, answer.nextSequence)
  const enrolment = { agentId: answer.agentId, agentToken: answer.agentToken, collectorUrl }
  const written = state.write((database) => {
    if (readMeta(database, 'hostId') === null) writeMeta(database, 'hostId', hostId)
    writeEnrolment(database, enrolment)
    adoptSequence(database, { previous, enrolment, nextSequence, createdAt: state.now().toISOString() })
  })
  if (!written.ok) return written
  const saved = state.saveIdentity()
  return saved.ok ? success({ agentId: answer.agentId, collectorUrl, nextSequence }) : saved
}

interface Adoption {
  readonly previous: Enrolment | null
  readonly enrolment: Enrolment
  readonly nextSequence: number
  readonly createdAt: string
}

function adoptSequence(database: Database, { previous, enrolment, nextSequence, createdAt }: Adoption): void {
  const isSame = previous?.collectorUrl === enrolment.collectorUrl && previous.agentId === enrolment.agentId
  const sent = readCounter(database, 'sentSequence', 0)
  // The same collector knows this agent: what it has from earlier need not be sent again.
  if (isSame && nextSequence <= sent + 1) forgetBelow(database, nextSequence)
  if (isSame && oldestSequence(database) === nextSequence) return
  // Any other collector knows nothing of what was told: everything is told again.
  const retellFrom = isSame && nextSequence <= sent + 1 ? nextSequence : 0
  rebase(database, { expected: nextSequence, retellFrom, createdAt })
}

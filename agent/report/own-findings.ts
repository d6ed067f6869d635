// Asks the collector which findings of this host it holds: how the fire drill knows that its findings arrived.
import { type OwnFindings, ownFindingsSchema } from '../../contract/collector-api.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { AskCollector } from './ask-collector.ts'
import { errorText } from './error-text.ts'
import { DEFAULT_TIMEOUT_MS, readBounded } from './exchange.ts'
import type { Enrolment } from './identity.ts'
import { parseJson } from './sweep-record.ts'

/** A row has about 300 bytes: room for 50,000 open findings of one host. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

export interface AskOptions {
  readonly fetch: AskCollector
  readonly signal: AbortSignal
  readonly timeoutMs?: number
}

/** The open findings of this host, as the collector holds them. */
export async function askOwnFindings(
  enrolment: Enrolment,
  { fetch, signal, timeoutMs = DEFAULT_TIMEOUT_MS }: AskOptions,
): Promise<Result<OwnFindings['findings']>> {
  const url = new URL(`${enrolment.collectorUrl.replace(/\/+$/, '')}/api/v1/agent/findings`)
  try {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: { accept: 'application/json', authorization: `Bearer ${enrolment.agentToken}` },
    })
    const text = await readBounded(response, MAX_ANSWER_BYTES)
    if (!response.ok) return failed('GNO_DELIVERY_REFUSED', `${url.origin} answers ${response.status}`)
    const parsed = ownFindingsSchema.safeParse(text === null ? undefined : parseJson(text))
    return parsed.success
      ? success(parsed.data.findings)
      : failed('GNO_DELIVERY_GARBLED', `${url.origin} gave no list of findings`)
  } catch (error) {
    return failed('GNO_DELIVERY_DOWN', `${url.origin} does not answer: ${errorText(error)}`, error)
  }
}

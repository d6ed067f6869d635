// Asks the collector for its policy: the settings that it hands to its agents. Asked with the tag of the last answer, so that most
// answers are empty.
import { agentPolicySchema } from '../../contract/agent-policy.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { AskCollector } from './ask-collector.ts'
import { errorText } from './error-text.ts'
import { DEFAULT_TIMEOUT_MS, readBounded } from './exchange.ts'
import type { Enrolment } from './identity.ts'
import type { KeptPolicy } from './settings-memory.ts'
import { parseJson } from './sweep-record.ts'

/** Ten thousand approvals have 2 MB (CWE-770). */
const MAX_POLICY_BYTES = 8 * 1024 * 1024
/** A tag is an opaque text of the collector; ours has 66 characters. */
const MAX_ETAG_CHARS = 256

export interface AskPolicyOptions {
  readonly fetch: AskCollector
  readonly signal: AbortSignal
  readonly etag: string | null
  readonly timeoutMs?: number
}

/** The policy; null when it is the one that is known, or when this collector has none to give. */
export async function askPolicy(
  { collectorUrl, agentToken }: Enrolment,
  { fetch, signal, etag, timeoutMs = DEFAULT_TIMEOUT_MS }: AskPolicyOptions,
): Promise<Result<KeptPolicy | null>> {
  const url = `${collectorUrl.replace(/\/+$/, '')}/api/v1/agent/policy`
  try {
    const response = await fetch(url, {
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${agentToken}`,
        ...(etag === null ? {} : { 'if-none-match': etag }),
      },
    })
    const text = await readBounded(response, MAX_POLICY_BYTES)
    // 404: a collector that is older than policies.
    if (response.status === 304 || response.status === 404) return success(null)
    if (!response.ok) return failed('GNO_DELIVERY_REFUSED', `${url} answers ${response.status}`)
    const parsed = agentPolicySchema.safeParse(text === null ? undefined : parseJson(text))
    if (!parsed.success) return failed('GNO_DELIVERY_GARBLED', `${url} gave no policy`)
    const tag = (response.headers.get('etag') ?? '').slice(0, MAX_ETAG_CHARS)
    return success({ etag: tag, values: new Map(Object.entries(parsed.data.settings)) })
  } catch (error) {
    return failed('GNO_DELIVERY_DOWN', `${url}: ${errorText(error)}`, error)
  }
}

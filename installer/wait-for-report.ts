// Asks the collector's API when the last report came in: the page has something to show once a new one was accepted that tells of a look,
// which the first sign of life of a daemon does not.
import type { RunningCollector } from './start-collector.ts'

const POLL_MS = 300
const ANSWER_WITHIN_MS = 5_000

/** Resolves when the collector has accepted a report later than `before`, or when the signal says to stop waiting. */
export async function waitForReport(collector: RunningCollector, before: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { at, isLookedAt } = await lastReport(collector, signal)
    if (isLookedAt && at > before) return
    await new Promise((wake) => setTimeout(wake, POLL_MS).unref())
  }
}

/** When the last report of any host was accepted (ISO 8601, so texts compare as times); empty when there is none. */
export async function lastReportAt(collector: RunningCollector, signal: AbortSignal): Promise<string> {
  return (await lastReport(collector, signal)).at
}

interface LastReport {
  readonly at: string
  readonly isLookedAt: boolean
}

async function lastReport(collector: RunningCollector, signal: AbortSignal): Promise<LastReport> {
  try {
    const answer = await fetch(`${collector.url}/api/v1/hosts`, {
      headers: { authorization: `Bearer ${collector.adminToken}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    })
    const text = await answer.text()
    const times = [...text.matchAll(/"lastReportAt":"([^"]+)"/g)].map(([, at = '']) => at)
    return { at: times.sort().at(-1) ?? '', isLookedAt: /"looked":"(?:blind|partial|complete)"/.test(text) }
  } catch {
    return { at: '', isLookedAt: false }
  }
}

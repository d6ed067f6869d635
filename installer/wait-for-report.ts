// Asks the collector's API when the last report came in: the page has something to show once a new one was accepted.
import type { RunningCollector } from './start-collector.ts'

const POLL_MS = 300
const ANSWER_WITHIN_MS = 5_000

/** Resolves when the collector has accepted a report later than `before`, or when the signal says to stop waiting. */
export async function waitForReport(collector: RunningCollector, before: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if ((await lastReportAt(collector, signal)) > before) return
    await new Promise((wake) => setTimeout(wake, POLL_MS).unref())
  }
}

/** When the last report of any host was accepted (ISO 8601, so texts compare as times); empty when there is none. */
export async function lastReportAt(collector: RunningCollector, signal: AbortSignal): Promise<string> {
  try {
    const answer = await fetch(`${collector.url}/api/v1/hosts`, {
      headers: { authorization: `Bearer ${collector.adminToken}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
    })
    const times = [...(await answer.text()).matchAll(/"lastReportAt":"([^"]+)"/g)].map(([, at = '']) => at)
    return times.sort().at(-1) ?? ''
  } catch {
    return ''
  }
}

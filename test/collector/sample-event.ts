// A finding event as the store hands it to a feed.
import type { FindingEvent } from '../../collector/records.ts'
import { sampleFinding, sampleReport } from './sample-report.ts'

export function sampleEvent(change: Partial<FindingEvent> = {}): FindingEvent {
  const finding = change.finding ?? sampleFinding()
  const revision = change.revision ?? 1
  return {
    number: 1,
    eventId: `${finding.findingId}@host-1/${revision}`,
    change: 'opened',
    revision,
    previousSeverity: null,
    at: '2026-11-23T08:00:06.000Z',
    firstSeenAt: '2026-11-23T08:00:06.000Z',
    hostId: 'host-1',
    hostName: 'lt-0042',
    host: sampleReport().host,
    isWithheld: false,
    finding,
    ...change,
  }
}

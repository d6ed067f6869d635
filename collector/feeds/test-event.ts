// The event of `feed test`: harmless, clearly marked, and never in the log of events (its number is 0).
import type { FindingEvent } from '../records.ts'

/** Makes a test event that says so in every field that a SOC filters by. */
export function testEvent(at: string, uid: string, hostName: string): FindingEvent {
  return {
    number: 0,
    eventId: `test-${uid}`,
    change: 'opened',
    revision: 1,
    previousSeverity: null,
    at,
    firstSeenAt: at,
    hostId: 'gnomon-collector',
    hostName,
    host: null,
    isWithheld: false,
    finding: {
      findingId: `test-${uid}`,
      policyId: 'feed-test',
      title: 'TEST of the Gnomon feed: nothing was found, nothing is wrong',
      severity: 'info',
      confidence: 'certain',
      subject: { kind: 'host', key: 'gnomon-collector' },
      observedAt: at,
      because: ['an operator ran gnomon-collector feed test'],
      evidence: [],
      advice: 'None: this shows that the feed works.',
      falsePositives: 'Always: it is a test.',
      artifactIds: [],
      loweredBy: null,
      simulated: true,
    },
  }
}

// One host as the store knows it, for exports.
import type { HostSnapshot } from '../../collector/records.ts'
import { sampleArtifact, sampleInstallation, sampleReport, sampleRuntime } from './sample-report.ts'

export function sampleSnapshot(change: Partial<HostSnapshot> = {}): HostSnapshot {
  const { host, coverage, gaps } = sampleReport()
  return {
    asOf: '2026-11-23T09:00:00.000Z',
    hostId: 'host-1',
    hostName: 'lt-0042',
    looked: 'partial',
    host,
    lastReportAt: '2026-11-23T08:00:06.000Z',
    coverage,
    gaps,
    artifacts: [sampleArtifact()],
    runtimes: [sampleRuntime()],
    installations: [sampleInstallation()],
    ...change,
  }
}

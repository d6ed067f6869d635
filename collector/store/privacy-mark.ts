// An agent that reports under another privacy level or key calls everything otherwise and tells it anew, so what it told before is over.
import type { Database } from 'better-sqlite3'
import type { Report } from '../../contract/report.ts'

/** Gives the report with everything among what is gone that was told under another mark. Before the host's row is written. */
export function createMarkChange(db: Database): (hostId: string, report: Report) => Report {
  const findMark = db
    .prepare<[string], string | null>(`SELECT json_extract(host, '$.privacy') FROM hosts WHERE host_id = ?`)
    .pluck()
  const paths = db
    .prepare<[string], string>('SELECT path FROM artifacts WHERE host_id = ? AND valid_until IS NULL')
    .pluck()
  const runtimes = db
    .prepare<[string], string>('SELECT runtime_key FROM runtimes WHERE host_id = ? AND valid_until IS NULL')
    .pluck()
  const installations = db
    .prepare<[string], string>('SELECT installation_key FROM installations WHERE host_id = ? AND valid_until IS NULL')
    .pluck()
  const findings = db
    .prepare<[string], string>(`SELECT finding_id FROM findings WHERE host_id = ? AND status = 'open'`)
    .pluck()
  return (hostId, report) => {
    const { privacy } = report.host
    const mark = privacy === undefined ? null : JSON.stringify(privacy)
    if (mark === (findMark.get(hostId) ?? null)) return report
    return {
      ...report,
      gone: {
        artifactPaths: paths.all(hostId),
        runtimeKeys: runtimes.all(hostId),
        installationKeys: installations.all(hostId),
        findingIds: findings.all(hostId),
      },
    }
  }
}

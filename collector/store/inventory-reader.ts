// Artifacts, runtimes and installations: as they are now, and as they were at an instant.
import type { Database } from 'better-sqlite3'
import {
  type ArtifactRecord,
  type InstallationRecord,
  type Page,
  type RuntimeRecord,
  lookedSchema,
} from '../../contract/collector-api.ts'
import type { HostSnapshot } from '../records.ts'
import type { InventoryQuery } from './store.ts'
import { parseArtifact, parseCoverage, parseGaps, parseHost, parseInstallation, parseRuntime } from './stored.ts'

interface StoredThing {
  readonly number: number
  readonly host_id: string
  readonly host_name: string
  readonly body: string
  readonly first_seen_at: string
  readonly valid_from: string
}

const COLUMNS = 't.number, t.host_id, h.host_name, t.body, t.first_seen_at, t.valid_from'

export interface InventoryReader {
  listArtifacts(query: InventoryQuery): Page<ArtifactRecord>
  listRuntimes(query: InventoryQuery): Page<RuntimeRecord>
  listInstallations(query: InventoryQuery): Page<InstallationRecord>
  findArtifacts(hostId: string, artifactIds: readonly string[], path: string | null): readonly ArtifactRecord[]
  findRuntime(hostId: string, runtimeKey: string): readonly RuntimeRecord[]
  snapshotHost(hostId: string, asOf: string): HostSnapshot | null
}

/** Prepares the questions about things on hosts. */
export function createInventoryReader(db: Database): InventoryReader {
  const pageOf = (table: 'artifacts' | 'runtimes' | 'installations') =>
    db.prepare<[string | null, string | null, string | null, string | null, number, number], StoredThing>(
      `SELECT ${COLUMNS} FROM ${table} t JOIN hosts h USING (host_id) WHERE valid_until IS NULL AND (? IS NULL OR t.host_id = ?)
         AND (? IS NULL OR instr(label, ?) > 0) AND t.number < ? ORDER BY t.number DESC LIMIT ?`,
    )
  const artifacts = pageOf('artifacts')
  const runtimes = pageOf('runtimes')
  const installations = pageOf('installations')
  // The file of that path itself comes first, whatever else has its content.
  const byId = db.prepare<[string, string, string | null, string | null], StoredThing>(
    `SELECT ${COLUMNS} FROM artifacts t JOIN hosts h USING (host_id) WHERE t.host_id = ? AND valid_until IS NULL
       AND (artifact_id IN (SELECT value FROM json_each(?)) OR path = ?) ORDER BY path IS ? DESC, t.number LIMIT 64`,
  )
  const byKey = db.prepare<[string, string], StoredThing>(
    `SELECT ${COLUMNS} FROM runtimes t JOIN hosts h USING (host_id) WHERE t.host_id = ? AND runtime_key = ? AND valid_until IS NULL`,
  )
  return {
    listArtifacts: (query) => readPage(artifacts.all(...pageBindings(query)), query.limit, artifactRecord),
    listRuntimes: (query) => readPage(runtimes.all(...pageBindings(query)), query.limit, runtimeRecord),
    listInstallations: (query) => readPage(installations.all(...pageBindings(query)), query.limit, installationRecord),
    findArtifacts: (hostId, artifactIds, path) =>
      byId.all(hostId, JSON.stringify(artifactIds), path, path).map(artifactRecord),
    findRuntime: (hostId, runtimeKey) => byKey.all(hostId, runtimeKey).map(runtimeRecord),
    snapshotHost: createSnapshotReader(db),
  }
}

type PageBindings = [string | null, string | null, string | null, string | null, number, number]

function pageBindings({ hostId, text, cursor, limit }: InventoryQuery): PageBindings {
  const host = hostId ?? null
  const words = text?.toLowerCase() ?? null
  return [host, host, words, words, Number(cursor ?? Number.MAX_SAFE_INTEGER), limit + 1]
}

function readPage<Row>(rows: readonly StoredThing[], limit: number, read: (row: StoredThing) => Row): Page<Row> {
  const shown = rows.slice(0, limit)
  return { items: shown.map(read), next: rows.length > limit ? String(shown.at(-1)?.number) : null }
}

function artifactRecord(row: StoredThing): ArtifactRecord {
  return { ...seen(row), artifact: parseArtifact(row.body) }
}

function runtimeRecord(row: StoredThing): RuntimeRecord {
  return { ...seen(row), runtime: parseRuntime(row.body) }
}

function installationRecord(row: StoredThing): InstallationRecord {
  return { ...seen(row), installation: parseInstallation(row.body) }
}

function seen(row: StoredThing) {
  return { hostId: row.host_id, hostName: row.host_name, firstSeenAt: row.first_seen_at, changedAt: row.valid_from }
}

interface StoredState {
  readonly looked: string
  readonly host: string
  readonly coverage: string
  readonly gaps: string
}

function createSnapshotReader(db: Database): InventoryReader['snapshotHost'] {
  const enrolled = db.prepare<[string, string], { host_name: string }>(
    'SELECT host_name FROM hosts WHERE host_id = ? AND enrolled_at <= ?',
  )
  const state = db.prepare<[string, string], StoredState>(
    'SELECT looked, host, coverage, gaps FROM host_states WHERE host_id = ? AND valid_from <= ? ORDER BY sequence DESC LIMIT 1',
  )
  const lastReport = db.prepare<[string, string], { at: string | null }>(
    'SELECT max(received_at) AS at FROM reports WHERE host_id = ? AND received_at <= ?',
  )
  const thingsOf = (table: 'artifacts' | 'runtimes' | 'installations') =>
    db.prepare<[string, string, string], { body: string }>(
      `SELECT body FROM ${table} WHERE host_id = ? AND valid_from <= ? AND (valid_until IS NULL OR valid_until > ?) ORDER BY number`,
    )
  const artifacts = thingsOf('artifacts')
  const runtimes = thingsOf('runtimes')
  const installations = thingsOf('installations')
  return (hostId, asOf) => {
    const known = enrolled.get(hostId, asOf)
    if (known === undefined) return null
    const then = state.get(hostId, asOf)
    const host = parseHost(then?.host ?? null)
    return {
      asOf,
      hostId,
      hostName: host?.hostName ?? known.host_name,
      looked: lookedSchema.parse(then?.looked ?? 'never'),
      host,
      lastReportAt: lastReport.get(hostId, asOf)?.at ?? null,
      coverage: parseCoverage(then?.coverage ?? '[]'),
      gaps: parseGaps(then?.gaps ?? '[]'),
      artifacts: artifacts.all(hostId, asOf, asOf).map(({ body }) => parseArtifact(body)),
      runtimes: runtimes.all(hostId, asOf, asOf).map(({ body }) => parseRuntime(body)),
      installations: installations.all(hostId, asOf, asOf).map(({ body }) => parseInstallation(body)),
    }
  }
}

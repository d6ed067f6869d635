// Artifacts, runtimes and installations as versions: an unchanged one writes nothing, a changed one closes its old version and opens a new one.
import type { Database } from 'better-sqlite3'
import type { Artifact } from '../../contract/artifact.ts'
import type { Installation } from '../../contract/installation.ts'
import type { Report } from '../../contract/report.ts'
import type { Runtime } from '../../contract/runtime.ts'

interface CurrentRow {
  readonly number: number
  readonly body: string
  readonly first_seen_at: string
}

/** Prepares the statements once; the function it gives writes the inventory of one report. */
export function createInventoryWriter(db: Database): (hostId: string, report: Report, at: string) => void {
  const findArtifact = db.prepare<[string, string], CurrentRow>(
    'SELECT number, body, first_seen_at FROM artifacts WHERE host_id = ? AND path = ? AND valid_until IS NULL',
  )
  const closeArtifact = db.prepare<[string, number]>('UPDATE artifacts SET valid_until = ? WHERE number = ?')
  const addArtifact = db.prepare<[string, string, string, string, string, string, string]>(
    'INSERT INTO artifacts (host_id, path, artifact_id, label, body, first_seen_at, valid_from) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const findRuntime = db.prepare<[string, string], CurrentRow>(
    'SELECT number, body, first_seen_at FROM runtimes WHERE host_id = ? AND runtime_key = ? AND valid_until IS NULL',
  )
  const closeRuntime = db.prepare<[string, number]>('UPDATE runtimes SET valid_until = ? WHERE number = ?')
  const addRuntime = db.prepare<[string, string, string, string, string, string, string]>(
    'INSERT INTO runtimes (host_id, runtime_key, activity, label, body, first_seen_at, valid_from) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )

  const putArtifact = (hostId: string, artifact: Artifact, at: string): void => {
    const body = JSON.stringify(artifact)
    const before = findArtifact.get(hostId, artifact.path)
    if (before?.body === body) return
    if (before !== undefined) closeArtifact.run(at, before.number)
    const firstSeen = before?.first_seen_at ?? at
    addArtifact.run(hostId, artifact.path, artifact.artifactId, labelArtifact(artifact), body, firstSeen, at)
  }
  const putRuntime = (hostId: string, runtime: Runtime, at: string): void => {
    const body = JSON.stringify(runtime)
    const before = findRuntime.get(hostId, runtime.runtimeKey)
    if (before?.body === body) return
    if (before !== undefined) closeRuntime.run(at, before.number)
    const firstSeen = before?.first_seen_at ?? at
    addRuntime.run(hostId, runtime.runtimeKey, runtime.activity, labelRuntime(runtime), body, firstSeen, at)
  }

  const writeInstallations = createInstallationWriter(db)

  return (hostId, report, at) => {
    const gonePaths = without(report.gone.artifactPaths, new Set(report.artifacts.map((artifact) => artifact.path)))
    for (const path of gonePaths) {
      const before = findArtifact.get(hostId, path)
      if (before !== undefined) closeArtifact.run(at, before.number)
    }
    const goneKeys = without(report.gone.runtimeKeys, new Set(report.runtimes.map((runtime) => runtime.runtimeKey)))
    for (const key of goneKeys) {
      const before = findRuntime.get(hostId, key)
      if (before !== undefined) closeRuntime.run(at, before.number)
    }
    for (const artifact of report.artifacts) putArtifact(hostId, artifact, at)
    for (const runtime of report.runtimes) putRuntime(hostId, runtime, at)
    writeInstallations(hostId, report, at)
  }
}

function createInstallationWriter(db: Database): (hostId: string, report: Report, at: string) => void {
  const find = db.prepare<[string, string], CurrentRow>(
    'SELECT number, body, first_seen_at FROM installations WHERE host_id = ? AND installation_key = ? AND valid_until IS NULL',
  )
  const close = db.prepare<[string, number]>('UPDATE installations SET valid_until = ? WHERE number = ?')
  const add = db.prepare<[string, string, string, string, string, string]>(
    'INSERT INTO installations (host_id, installation_key, label, body, first_seen_at, valid_from) VALUES (?, ?, ?, ?, ?, ?)',
  )
  return (hostId, { installations = [], gone }, at) => {
    const there = new Set(installations.map(({ installationKey }) => installationKey))
    for (const key of without(gone.installationKeys ?? [], there)) {
      const before = find.get(hostId, key)
      if (before !== undefined) close.run(at, before.number)
    }
    for (const installation of installations) {
      const { installationKey } = installation
      const body = JSON.stringify(installation)
      const before = find.get(hostId, installationKey)
      if (before?.body === body) continue
      if (before !== undefined) close.run(at, before.number)
      add.run(hostId, installationKey, labelInstallation(installation), body, before?.first_seen_at ?? at, at)
    }
  }
}

/** A thing that one report calls both gone and there is there. */
function without(gone: readonly string[], there: ReadonlySet<string>): readonly string[] {
  return gone.filter((key) => !there.has(key))
}

/** What a search looks in. */
function labelArtifact(artifact: Artifact): string {
  const names = artifact.identifications.map((candidate) => candidate.model)
  return [artifact.path, artifact.format ?? '', ...names].join('\n').toLowerCase()
}

function labelInstallation({ entryId, product, scope, parts }: Installation): string {
  return [entryId, product, scope, ...parts.map(({ name }) => name)].join('\n').toLowerCase()
}

function labelRuntime(runtime: Runtime): string {
  return [runtime.name, runtime.executable?.path ?? '', runtime.identification?.product ?? ''].join('\n').toLowerCase()
}

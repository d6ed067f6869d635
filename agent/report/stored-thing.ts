// The documents kept of what was seen last: read back through the contract, because a disk may hand back anything.
import type { Database } from 'better-sqlite3'
import { artifactSchema } from '../../contract/artifact.ts'
import { findingSchema } from '../../contract/finding.ts'
import { installationSchema } from '../../contract/installation.ts'
import { runtimeSchema } from '../../contract/runtime.ts'
import type { ThingKind } from './delta.ts'
import type { Thing } from './digest.ts'
import { parseJson } from './sweep-record.ts'

export interface StoredThing {
  readonly thing: Thing
  readonly text: string
}

/** What is known of one thing; null when it is not known, gone, or damaged. */
export function readThing(database: Database, kind: ThingKind, key: string): StoredThing | null {
  const text = database
    .prepare<[string, string], string | null>('SELECT document FROM things WHERE kind = ? AND key = ?')
    .pluck()
    .get(kind, key)
  return text === null || text === undefined ? null : reviveThing(kind, text)
}

/** What is known on this machine of one thing, by its own key or by the one under which it was told. */
export function readThingHere(database: Database, kind: ThingKind, key: string): StoredThing | null {
  const text = database
    .prepare<[string, string], string>('SELECT document FROM hereThings WHERE kind = ? AND key = ?')
    .pluck()
    .get(kind, key)
  return text === undefined ? readThing(database, kind, key) : reviveThing(kind, text)
}

/** Everything of one kind that is there, by key: the whole documents, whatever may be told of them. */
export function readThings(database: Database, kind: ThingKind): readonly Thing[] {
  const texts = database
    .prepare<[string, string], string>(
      `SELECT document FROM (SELECT key, document FROM hereThings WHERE kind = ? UNION ALL
         SELECT key, document FROM things WHERE kind = ? AND isGone = 0 AND NOT EXISTS (SELECT 1 FROM hereThings))
       ORDER BY key`,
    )
    .pluck()
    .all(kind, kind)
  const things: Thing[] = []
  for (const text of texts) {
    const revived = reviveThing(kind, text)
    if (revived !== null) things.push(revived.thing)
  }
  return things
}

function reviveThing(kind: ThingKind, text: string): StoredThing | null {
  const value = parseJson(text)
  const revive = {
    artifact: reviveArtifact,
    runtime: reviveRuntime,
    installation: reviveInstallation,
    finding: reviveFinding,
  }[kind]
  const thing = revive(value)
  return thing === null ? null : { thing, text }
}

function reviveArtifact(value: unknown): Thing | null {
  const parsed = artifactSchema.safeParse(value)
  return parsed.success ? { kind: 'artifact', item: parsed.data } : null
}

function reviveRuntime(value: unknown): Thing | null {
  const parsed = runtimeSchema.safeParse(value)
  return parsed.success ? { kind: 'runtime', item: parsed.data } : null
}

function reviveInstallation(value: unknown): Thing | null {
  const parsed = installationSchema.safeParse(value)
  return parsed.success ? { kind: 'installation', item: parsed.data } : null
}

function reviveFinding(value: unknown): Thing | null {
  const parsed = findingSchema.safeParse(value)
  return parsed.success ? { kind: 'finding', item: parsed.data } : null
}

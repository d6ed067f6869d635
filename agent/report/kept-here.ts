// What is known on this machine where the outbox may not hold it: the whole documents, for `gnomon explain` and `gnomon status`, and
// the numbers of the level `counts`. Nothing of this table is ever sent.
import type { Database } from 'better-sqlite3'
import { type Count, MAX_COUNTS } from '../../contract/privacy.ts'
import { severitySchema } from '../../contract/wire.ts'
import type { CoveredPlaces, SeenThing, Told } from './delta.ts'
import { compareSweep } from './delta.ts'
import type { Thing } from './digest.ts'

/** Brings the documents up to date with a look. */
export function keepHere(
  database: Database,
  covered: CoveredPlaces,
  seen: ReadonlyMap<string, SeenThing>,
  isAbsent: (path: string) => boolean,
): void {
  const told = database
    .prepare<[], Told>('SELECT kind, key, subjectKind, subjectKey, digest, fullDigest, 0 AS isGone FROM hereThings')
    .all()
  const { changed, refreshed, gone } = compareSweep({ covered, seen, told, isAbsent })
  const put = database.prepare(
    `INSERT OR REPLACE INTO hereThings (kind, key, subjectKind, subjectKey, digest, fullDigest, severity, family, document)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  for (const { thing, key, subjectKind, subjectKey, digests } of [...changed, ...refreshed]) {
    const { severity, family } = whatCounts(thing)
    const document = JSON.stringify(thing.item)
    put.run(thing.kind, key, subjectKind, subjectKey, digests.stable, digests.full, severity, family, document)
  }
  const remove = database.prepare('DELETE FROM hereThings WHERE kind = ? AND key = ?')
  for (const { kind, key } of gone) remove.run(kind, key)
}

/** What is there now, in numbers. */
export function countHere(database: Database): readonly Count[] {
  return database
    .prepare<[number], { kind: Count['kind']; severity: string | null; family: string | null; count: number }>(
      `SELECT kind, severity, family, COUNT(*) AS count FROM hereThings GROUP BY kind, severity, family
       ORDER BY kind, severity, family LIMIT ?`,
    )
    .all(MAX_COUNTS)
    .map(({ severity, ...row }) => ({ ...row, severity: severitySchema.nullable().catch(null).parse(severity) }))
}

/** Only words that rules give: what a file or a person calls a model is no number. */
function whatCounts(thing: Thing): { readonly severity: string | null; readonly family: string | null } {
  switch (thing.kind) {
    case 'artifact':
      return { severity: null, family: thing.item.identifications[0]?.family ?? null }
    case 'runtime':
      return { severity: null, family: thing.item.identification?.product ?? null }
    case 'installation':
      return { severity: null, family: thing.item.product }
    case 'finding':
      return { severity: thing.item.severity, family: null }
  }
}

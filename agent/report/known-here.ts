// Which models and findings this machine knows at the moment, by their keys: what a look brings news against. Documents are not touched.
import type { StateStore } from './state-store.ts'

export interface KnownKeys {
  /** Paths. */
  readonly models: ReadonlySet<string>
  /** Their ids. */
  readonly findings: ReadonlySet<string>
  /** Under which privacy level and key this is known: another one begins anew, and what was known before is not over. */
  readonly mark: string
}

/** Null while the state cannot say. */
export function readKnownKeys(state: StateStore): KnownKeys | null {
  const read = state.read((database) =>
    database
      .prepare<[], { kind: string; key: string }>(
        `SELECT kind, key FROM hereThings WHERE kind IN ('artifact', 'finding') UNION ALL
         SELECT kind, key FROM things WHERE kind IN ('artifact', 'finding') AND isGone = 0
           AND NOT EXISTS (SELECT 1 FROM hereThings)`,
      )
      .all(),
  )
  if (!read.ok) return null
  const keysOf = (wanted: string): ReadonlySet<string> =>
    new Set(read.value.filter(({ kind }) => kind === wanted).map(({ key }) => key))
  return { models: keysOf('artifact'), findings: keysOf('finding'), mark: JSON.stringify(state.concealment.mark) }
}

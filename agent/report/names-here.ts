// Every text that the state knows of this machine: among them are the names behind its pseudonyms.
import { type Result, success } from '../../contract/failure.ts'
import type { StateStore } from './state-store.ts'
import { parseJson } from './sweep-record.ts'

/** The texts of all documents that were kept here. */
export function namesHere(state: StateStore): Result<readonly string[]> {
  const documents = state.read((database) =>
    database
      .prepare<[], string>(
        `SELECT document FROM hereThings UNION ALL SELECT document FROM things WHERE document IS NOT NULL
         UNION ALL SELECT value FROM meta WHERE key IN ('sweepHere', 'lastSweep')`,
      )
      .pluck()
      .all(),
  )
  if (!documents.ok) return documents
  const names = new Set<string>()
  for (const document of documents.value) collectTexts(parseJson(document), names)
  return success([...names])
}

function collectTexts(value: unknown, names: Set<string>): void {
  if (typeof value === 'string') names.add(value)
  else if (Array.isArray(value)) for (const item of value as readonly unknown[]) collectTexts(item, names)
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) collectTexts(item, names)
}

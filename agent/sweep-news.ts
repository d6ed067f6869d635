// What a look brings that was not known before it: findings that are new to this machine, and what it no longer finds. What the state
// knew at the start is no news, so that a restart tells nothing twice.
import type { Finding } from '../contract/finding.ts'
import type { KnownKeys } from './report/known-here.ts'

export interface News {
  readonly findings: readonly Finding[]
  /** Ids of findings that ended. */
  readonly ended: readonly string[]
  /** Paths of models that are gone. */
  readonly gone: readonly string[]
}

/** `known` is asked at the start, and after each look that was stored: null says nothing. */
export function createSweepNews(
  known: () => KnownKeys | null,
): (findings: readonly Finding[], isStored: boolean) => News {
  let before = known()
  const told = new Set(before?.findings)
  return (findings, isStored) => {
    const fresh = findings.filter(({ findingId }) => !told.has(findingId))
    for (const { findingId } of fresh) told.add(findingId)
    const after = isStored ? known() : null
    if (after === null) return { findings: fresh, ended: [], gone: [] }
    const last = before
    before = after
    // Another privacy level or key tells all anew, look by look: nothing is over for that.
    if (last?.mark !== after.mark) return { findings: fresh, ended: [], gone: [] }
    const ended = lacking(last.findings, after.findings)
    // One that comes back is news again.
    for (const id of ended) told.delete(id)
    return { findings: fresh, ended, gone: lacking(last.models, after.models) }
  }
}

function lacking(before: ReadonlySet<string>, after: ReadonlySet<string>): readonly string[] {
  return [...before].filter((key) => !after.has(key))
}

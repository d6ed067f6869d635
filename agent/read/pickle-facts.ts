// What the walks over a file's pickles add up to, as facts of its container.
import type { PickleWalk } from './pickle-walk.ts'

/** Longest text of one fact. */
const MAX_FACT_CHARS = 512

/** Globals, calls and protocols of the pickles of one file, in their order. */
export function pickleFacts(walks: readonly PickleWalk[]): Map<string, string | number | boolean> {
  const names = new Set(walks.flatMap(({ globals }) => globals.map(({ module, name }) => `${module}.${name}`)))
  const joined = [...names].join(',')
  const protocols = [...new Set(walks.flatMap((walk) => walk.protocols))]
  const facts = new Map<string, string | number | boolean>([
    ['pickles', walks.filter(({ isComplete }) => isComplete).length],
    ['globalCount', names.size],
    ['calls', walks.reduce((sum, { callCount }) => sum + callCount, 0)],
    ['protocols', protocols.join(',')],
  ])
  if (names.size > 0 && joined.length <= MAX_FACT_CHARS) facts.set('globals', joined)
  return facts
}

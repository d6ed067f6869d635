// How the library names that a pack asks for begin: all others are passed over before any test is run.
import type { Condition } from '../contract/rule-condition.ts'
import type { PackBody } from '../contract/rule-pack.ts'

export interface LibraryHints {
  /** First `length` characters of every literal that a test of a library begins with. */
  readonly beginnings: ReadonlySet<string>
  /** 0 where a test could mean any library, so that none is passed over. */
  readonly length: number
}

/** Long enough to tell `libllama` from `libm`; a shorter literal shortens all hints. */
const MAX_HINT_CHARS = 5

/** Gathers the literals of all library tests of a pack. */
export function readLibraryHints(body: PackBody): LibraryHints {
  const conditions = [
    ...body.runtimes.flatMap((entry) => entry.match.map((rule) => rule.when)),
    ...body.vocabulary.flatMap((list) => list.words.flatMap((word) => word.when ?? [])),
  ]
  const literals = conditions.flatMap(libraryLiterals)
  const length = Math.min(MAX_HINT_CHARS, ...literals.map((literal) => literal.length))
  return { length, beginnings: new Set(literals.map((literal) => literal.slice(0, length))) }
}

function libraryLiterals(condition: Condition): readonly string[] {
  if ('all' in condition) return condition.all.flatMap(libraryLiterals)
  if ('any' in condition) return condition.any.flatMap(libraryLiterals)
  if ('none' in condition) return condition.none.flatMap(libraryLiterals)
  if (!('field' in condition) || condition.field !== 'library') return []
  const literals = [condition.prefix ?? condition.equals ?? ''].flat().map(String)
  return literals.length === 0 ? [''] : literals
}

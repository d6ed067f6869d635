// What a walk leaves out, decided before it descends. Three forms, none a regular expression:
//   /abs/path     that place and everything below it
//   /abs/*/cache  the same, with `*` (any run of characters) and `?` (one character) inside a component
//   node_modules  a name (or pattern) without a slash: wherever it occurs, as a folder or a file

/** Places of the operating system that hold no files of people: nothing there is a file in the sense of a walk. */
const SYSTEM_EXCLUDES: readonly string[] = [
  '/proc',
  '/sys',
  '/dev',
  '/run/user/*/gvfs',
  '/run/user/*/doc',
  '/var/lib/lxcfs',
]

/** Patterns of one walk; a hostile or mistaken setting must not make every entry expensive. */
const MAX_PATTERNS = 256

interface Pattern extends ExcludeMatch {
  readonly segments: readonly string[]
  readonly isName: boolean
}

/** The pattern that leaves a place out. */
export interface ExcludeMatch {
  readonly text: string
  /** Somebody chose it: what is left out by it might have been looked at. */
  readonly isChosen: boolean
}

/** Asks whether a place is left out; gives the pattern that says so. */
export interface Excludes {
  /** False when no pattern can mean a file, so that a walk need not ask for each. */
  readonly hasFileRules: boolean
  /** `segments` are the components of the absolute path of the entry, its name last. */
  match(segments: readonly string[], name: string): ExcludeMatch | null
  /** The same for the root of a walk: whether it or any folder above it is left out by a setting. */
  matchRoot(segments: readonly string[]): ExcludeMatch | null
}

/**
 * Prepares patterns, together with SYSTEM_EXCLUDES (which mean folders only) and the agent's own places. Empty ones, and those
 * beyond the limit, are dropped.
 */
export function compileExcludes(patterns: readonly string[], ownPlaces: readonly string[] = []): Excludes {
  const system = SYSTEM_EXCLUDES.map((text) => compile(text, false))
  const own = usable(ownPlaces).map((text) => compile(text, false))
  const chosen = usable(patterns).map((text) => compile(text, true))
  const settled = [...own, ...chosen].slice(0, MAX_PATTERNS)
  const compiled = [...system, ...settled]
  const find = (among: readonly Pattern[], segments: readonly string[], name: string) =>
    among.find((pattern) =>
      pattern.isName ? matchesGlob(pattern.text, name) : matchesPlace(pattern.segments, segments),
    )
  return {
    hasFileRules: settled.length > 0,
    match: (segments, name) => find(compiled, segments, name) ?? null,
    matchRoot(segments) {
      // Somebody who names /dev/shm wants it: only what a setting excludes counts here.
      for (const [index, name] of segments.entries()) {
        const found = find(settled, segments.slice(0, index + 1), name)
        if (found !== undefined) return found
      }
      return null
    },
  }
}

function usable(patterns: readonly string[]): readonly string[] {
  return patterns.filter((pattern) => pattern.trim() !== '' && pattern !== '/')
}

function compile(text: string, isChosen: boolean): Pattern {
  const segments = text.split('/').filter((segment) => segment !== '')
  return { text, isChosen, segments, isName: !text.includes('/') }
}

/** A walk asks at every level, so the place itself is met before anything below it. */
function matchesPlace(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false
  return pattern.every((segment, index) => matchesGlob(segment, segments[index] ?? ''))
}

/** `*` and `?` only, in time proportional to pattern times name (names have at most 255 bytes). */
function matchesGlob(pattern: string, name: string): boolean {
  let at = 0
  let inName = 0
  let star = -1
  let retry = 0
  while (inName < name.length) {
    const wanted = pattern[at]
    if (wanted === '*') {
      star = at
      retry = inName
      at += 1
    } else if (wanted === '?' || wanted === name[inName]) {
      at += 1
      inName += 1
    } else if (star >= 0) {
      at = star + 1
      retry += 1
      inName = retry
    } else return false
  }
  while (pattern[at] === '*') at += 1
  return at === pattern.length
}

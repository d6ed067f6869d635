// Whether a place that could not be looked at may hide a path. In doubt it does: a thing called gone that is still there would
// close a finding that is true.

/** True for the place itself and everything below it, with either separator. */
export function isWithin(path: string, folder: string): boolean {
  const start = folder.replace(/[/\\]+$/, '')
  if (!path.startsWith(start)) return false
  return path.length === start.length || isSeparator(path[start.length])
}

/**
 * A path hides what lies below it, and what it lies in (a model folder of which a part could not be read). A pattern
 * (`/home/u?/cache`, `node_modules`: the forms of the excludes) hides what it matches; anything else hides everything.
 */
export function hides(place: string, path: string): boolean {
  if (isWithin(path, place) || isWithin(place, path)) return true
  if (place.startsWith('(')) return true
  const wanted = segmentsOf(place)
  const actual = segmentsOf(path)
  if (wanted.length === 1 && !isSeparator(place[0])) return actual.some((segment) => mayMatch(place, segment))
  return wanted.length <= actual.length && wanted.every((pattern, index) => mayMatch(pattern, actual[index] ?? ''))
}

/** Looser than the excludes themselves: what stands before the first wildcard and after the last one must fit. */
function mayMatch(pattern: string, segment: string): boolean {
  const first = pattern.search(/[*?]/)
  if (first < 0) return pattern === segment
  const last = Math.max(pattern.lastIndexOf('*'), pattern.lastIndexOf('?'))
  return segment.startsWith(pattern.slice(0, first)) && segment.endsWith(pattern.slice(last + 1))
}

function segmentsOf(path: string): readonly string[] {
  return path.split(/[/\\]/).filter((segment) => segment !== '')
}

function isSeparator(character: string | undefined): boolean {
  return character === '/' || character === '\\'
}

// Is this version older than that one? Two schemes: numbers with dots (`0.17.1`, `v0.17.1-rc2`, `2.6.0+cu124`) and counted
// builds (`b8146`, `b8146-1a2b3c4`, as llama.cpp tells them). What cannot be compared with certainty gives null, never a guess.

/** A version is a short word; what is longer was made up to be slow (CWE-1333). */
const MAX_VERSION_CHARS = 64
const BUILD = /^b([0-9]{1,9})(?:-[0-9a-f]{4,40})?$/
const DOTTED = /^v?([0-9]{1,9}(?:\.[0-9]{1,9}){1,3})(.*)$/
/** `-rc2`, `rc1`, `.dev3`, `-beta.1`: before the release. */
const EARLY = /^[-._]?(?:alpha|beta|dev|preview|pre|rc|a|b|c)[-._]?[0-9]*(?:[.+-].*)?$/
/** `+cu124` of a wheel, `-1` or `-1ubuntu2` of a distribution: the release, packed by somebody. */
const PACKED = /^(?:\+[0-9A-Za-z.]+|-[0-9]{1,3}(?:[a-z]+[0-9.]*)?)$/

interface Version {
  readonly scheme: 'build' | 'dotted'
  readonly numbers: readonly number[]
  readonly isEarly: boolean
}

/** Below zero: `left` is older. Null where one is no version, both count differently, or a build of its own tells nothing. */
export function compareVersions(left: string, right: string): number | null {
  const [one, other] = [readVersion(left), readVersion(right)]
  if (one === null || other === null || one.scheme !== other.scheme) return null
  const length = Math.max(one.numbers.length, other.numbers.length)
  for (let place = 0; place < length; place += 1) {
    const difference = (one.numbers[place] ?? 0) - (other.numbers[place] ?? 0)
    if (difference !== 0) return difference
  }
  return Number(other.isEarly) - Number(one.isEarly)
}

function readVersion(text: string): Version | null {
  const word = text.trim()
  if (word.length > MAX_VERSION_CHARS) return null
  const build = BUILD.exec(word)
  if (build !== null) return known('build', [Number(build[1])], false)
  const [, digits, rest = ''] = DOTTED.exec(word) ?? []
  if (digits === undefined) return null
  const isEarly = EARLY.test(rest)
  // `0.17.0-5-g1a2b3c4` holds some commits more, and nobody can say which.
  if (!isEarly && rest !== '' && !PACKED.test(rest)) return null
  return known('dotted', digits.split('.').map(Number), isEarly)
}

/** Ollama built from source says 0.0.0, llama.cpp without git b0: no version at all. */
function known(scheme: Version['scheme'], numbers: readonly number[], isEarly: boolean): Version | null {
  return numbers.every((number) => number === 0) ? null : { scheme, numbers, isEarly }
}

// Characters that a person does not see in a template's text and a model reads: what they are, how many, and what they say.
// Unicode 16: zero width and format characters, bidirectional controls, tags, variation selectors, private use.

export interface HiddenCharacters {
  readonly name: string
  readonly count: number
  /** What stands there, made visible where that can be done. */
  readonly shown: string
  readonly at: number
}

const TAG_FIRST = 0xe0000
const TAG_LAST = 0xe007f
const FLAG = 0x1f3f4
const JOINER = 0x200d
/** One selector follows a symbol; a row of them carries bytes. */
const MIN_SELECTOR_ROW = 2
const MAX_SHOWN = 120

const PICTURE = /\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f/u
/** Scripts in which joiners belong to the spelling. */
const JOINING =
  /\p{Script=Arabic}|\p{Script=Devanagari}|\p{Script=Bengali}|\p{Script=Malayalam}|\p{Script=Sinhala}|\p{Script=Kannada}|\p{Script=Tamil}|\p{Script=Telugu}|\p{Script=Khmer}|\p{Script=Mongolian}/u

/** First and last code point of each kind. */
const RANGES: readonly (readonly [number, number, string])[] = [
  [TAG_FIRST, TAG_LAST, 'tag-characters'],
  [0x202a, 0x202e, 'bidi-controls'],
  [0x2066, 0x2069, 'bidi-controls'],
  [0x200b, 0x200f, 'zero-width'],
  [0x2060, 0x2064, 'zero-width'],
  [0xfeff, 0xfeff, 'zero-width'],
  [0x00ad, 0x00ad, 'zero-width'],
  [0x034f, 0x034f, 'zero-width'],
  [0x180e, 0x180e, 'zero-width'],
  [0x3164, 0x3164, 'zero-width'],
  [0x115f, 0x115f, 'zero-width'],
  [0xfe00, 0xfe0f, 'variation-selectors'],
  [0xe0100, 0xe01ef, 'variation-selectors'],
  [0xe000, 0xf8ff, 'private-use'],
  [0xf0000, 0x10fffd, 'private-use'],
  [0x00, 0x08, 'control'],
  [0x0b, 0x0c, 'control'],
  [0x0e, 0x1f, 'control'],
  [0x7f, 0x9f, 'control'],
]

function kindOf(code: number): string | null {
  // Nearly every character ends here.
  if (code >= 0x20 && code < 0x7f) return null
  return RANGES.find(([first, last]) => code >= first && code <= last)?.[2] ?? null
}

/** What is hidden in a text, by kind. */
export function findHidden(text: string): readonly HiddenCharacters[] {
  const found = new Map<string, { count: number; at: number; codes: number[] }>()
  const points = Array.from(text)
  let at = 0
  let isFlag = false
  let row = 0
  for (const [index, point] of points.entries()) {
    const code = point.codePointAt(0) ?? 0
    const kind = kindOf(code)
    isFlag = code === FLAG || (isFlag && kind === 'tag-characters')
    row = kind === 'variation-selectors' ? row + 1 : 0
    const isOrdinary =
      kind === null ||
      (isFlag && kind === 'tag-characters') ||
      (kind === 'variation-selectors' && row < MIN_SELECTOR_ROW) ||
      (kind === 'zero-width' && isSpelling(code, points[index - 1], points[index + 1], index))
    if (!isOrdinary) note(found, kind, code, at)
    at += point.length
  }
  return [...found].map(([name, { count, at: first, codes }]) => ({
    name,
    count,
    at: first,
    shown: reveal(name, codes),
  }))
}

function note(
  found: Map<string, { count: number; at: number; codes: number[] }>,
  kind: string,
  code: number,
  at: number,
): void {
  const known = found.get(kind)
  if (known === undefined) found.set(kind, { count: 1, at, codes: [code] })
  else {
    known.count += 1
    if (known.codes.length < MAX_SHOWN) known.codes.push(code)
  }
}

/** A joiner between pictures or in a script that needs it, and the mark at the very beginning of a text. */
function isSpelling(code: number, before: string | undefined, after: string | undefined, index: number): boolean {
  if (code === 0xfeff) return index === 0
  if (code === JOINER && before !== undefined && after !== undefined && PICTURE.test(before) && PICTURE.test(after))
    return true
  const isJoiner = code === JOINER || code === 0x200c
  return isJoiner && before !== undefined && JOINING.test(before)
}

function reveal(kind: string, codes: readonly number[]): string {
  if (kind === 'tag-characters') {
    const letters = codes.map((code) => code - TAG_FIRST).filter((code) => code >= 0x20 && code < 0x7f)
    return String.fromCharCode(...letters)
  }
  return codes
    .slice(0, 16)
    .map((code) => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`)
    .join(' ')
}

const WORD = /\p{L}{4,64}/gu
const LATIN = /\p{Script=Latin}/u
const LOOKALIKE = /[\u0370-\u03ff\u0400-\u04ff]/u

/** Words of Latin letters with Greek or Cyrillic ones among them. */
export function findMixedWords(text: string): readonly string[] {
  return [...text.matchAll(WORD)].map(([word]) => word).filter((word) => LATIN.test(word) && LOOKALIKE.test(word))
}

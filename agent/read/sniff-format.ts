// Rung 0: which container a file is, from its first bytes, and what is certainly no model.
import type { Gap } from '../../contract/wire.ts'
import type { OpenedFile } from '../../contract/observation.ts'
import { type Cursor, fileBytes } from './cursor.ts'
import { formats } from './formats.ts'
import { GapList } from './gap-list.ts'
import { Look, lookAt } from './look.ts'
import { type NotModel, judgeNotModel } from './not-model.ts'
import type { FormatReader, NestedPart, ReadNested } from './weights.ts'

/** A GGUF in a zip in a tar is odd enough; deeper is a bomb (CWE-674). */
const MAX_NESTING = 3

export interface Sniffed {
  readonly look: Look
  readonly reader: FormatReader | null
  /** Why this is certainly no model, or null when that is not certain. Judged when it is asked for: of one file in a thousand. */
  readonly notModel: NotModel | null
}

interface Asked {
  readonly certain: readonly FormatReader[]
  readonly structured: readonly FormatReader[]
}

/** Endings are looked up by their last two characters; none is shorter. */
const KEY_CHARS = 2
/** Who is asked about a file that begins with a byte: of some fifty readers a third. Whoever says nothing of it is always asked. */
const ASKED: readonly Asked[] = Array.from({ length: 256 }, (_, byte) => askedAmong(startingWith(byte)))
/** Who is asked where a file that has bytes gives none. */
const ALL = askedAmong(formats)
/** Who is asked besides by the ending, whatever a file begins with. */
const BESIDE = byEnding(({ besideEndings }) => besideEndings ?? [])
/** Who is asked first among those that judge by structure. */
const LIKELY = byEnding(({ endings }) => endings)

/** Judges the first bytes. Throws ReadTrouble when the system refuses the read. */
export function sniff(file: OpenedFile): Sniffed {
  const look = file.identity.sizeBytes === 0 ? new Look(fileBytes(file), '') : lookAt(file)
  if (look.sizeBytes === 0) return { look, reader: null, notModel: { reason: 'the file is empty' } }
  const reader = findReader(look)
  return {
    look,
    reader,
    get notModel() {
      // What cannot be read is not certain, and whoever reads the file in full tells why.
      return reader === null ? (new GapList('').attempt(() => judgeNotModel(look)) ?? null) : null
    },
  }
}

/** The reader that recognises a file: those with magic first, then those that judge by structure, the fitting ending first. */
export function findReader(look: Look): FormatReader | null {
  const { certain, structured } = askedAbout(look)
  const found = certain.find(({ recognise }) => recognise(look))
  if (found !== undefined) return found
  const likely = named(LIKELY, look.name)
  if (likely.length === 0) return structured.find(({ recognise }) => recognise(look)) ?? null
  return (
    structured.find((reader) => likely.includes(reader) && reader.recognise(look)) ??
    structured.find((reader) => !likely.includes(reader) && reader.recognise(look)) ??
    null
  )
}

function askedAbout({ head, name }: Look): Asked {
  const asked = ASKED[head[0] ?? Number.NaN] ?? ALL
  const beside = named(BESIDE, name)
  if (beside.length === 0 || asked === ALL) return asked
  const { certain, structured } = asked
  return askedAmong(
    formats.filter((reader) => certain.includes(reader) || structured.includes(reader) || beside.includes(reader)),
  )
}

function startingWith(byte: number): readonly FormatReader[] {
  const character = String.fromCharCode(byte)
  return formats.filter(({ firstBytes }) => firstBytes === undefined || firstBytes.includes(character))
}

function askedAmong(readers: readonly FormatReader[]): Asked {
  return {
    certain: readers.filter(({ certainty }) => certainty === 'magic'),
    structured: readers.filter(({ certainty }) => certainty === 'structure'),
  }
}

interface Named {
  readonly ending: string
  readonly reader: FormatReader
}
type Endings = ReadonlyMap<string, readonly Named[]>

function byEnding(endingsOf: (reader: FormatReader) => readonly string[]): Endings {
  const grouped = new Map<string, Named[]>()
  for (const reader of formats) {
    for (const ending of endingsOf(reader)) {
      const key = ending.slice(-KEY_CHARS)
      grouped.set(key, [...(grouped.get(key) ?? []), { ending, reader }])
    }
  }
  return grouped
}

const NOBODY: readonly FormatReader[] = []

function named(endings: Endings, name: string): readonly FormatReader[] {
  // Nearly every name ends here, before all of it is put into lower case.
  const near = endings.get(name.slice(-KEY_CHARS).toLowerCase())
  if (near === undefined) return NOBODY
  const lower = name.toLowerCase()
  return near.flatMap(({ ending, reader }) => (lower.endsWith(ending) ? [reader] : []))
}

const TOO_DEEP = `containers lie more than ${MAX_NESTING} deep in one another`

/** Whether a gap says that files inside files were not followed any further. */
export function isTooDeep({ detail }: Gap): boolean {
  return detail === TOO_DEEP
}

/** Reads files inside files, `depth` levels down from the one on disk. */
export function nestedReader(depth = 1): ReadNested {
  return (inner: Cursor, name: string, gaps: GapList): NestedPart | null => {
    if (depth > MAX_NESTING) {
      gaps.blame('GNO_READ_LIMIT', TOO_DEEP)
      return null
    }
    const look = new Look(inner.source, name)
    const reader = findReader(look)
    if (reader === null) return null
    return { format: reader.id, weights: reader.read(inner, gaps, { look, readNested: nestedReader(depth + 1) }) }
  }
}

// Rung 0: which container a file is, from its first bytes, and what is certainly no model.
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

const CERTAIN = formats.filter(({ certainty }) => certainty === 'magic')
const STRUCTURED = formats.filter(({ certainty }) => certainty === 'structure')

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
  const certain = CERTAIN.find(({ recognise }) => recognise(look))
  if (certain !== undefined) return certain
  const lower = look.name.toLowerCase()
  const likely = STRUCTURED.filter(({ endings }) => endings.some((ending) => lower.endsWith(ending)))
  const found = likely.find(({ recognise }) => recognise(look))
  return found ?? STRUCTURED.find((reader) => !likely.includes(reader) && reader.recognise(look)) ?? null
}

/** Reads files inside files, `depth` levels down from the one on disk. */
export function nestedReader(depth = 1): ReadNested {
  return (inner: Cursor, name: string, gaps: GapList): NestedPart | null => {
    if (depth > MAX_NESTING) {
      gaps.blame('GNO_READ_LIMIT', `containers lie more than ${MAX_NESTING} deep in one another`)
      return null
    }
    const look = new Look(inner.source, name)
    const reader = findReader(look)
    if (reader === null) return null
    return { format: reader.id, weights: reader.read(inner, gaps, { look, readNested: nestedReader(depth + 1) }) }
  }
}

// Rung 0: which container a file is, from its first bytes, and what is certainly no model.
import type { OpenedFile } from '../../contract/observation.ts'
import { Cursor, fileBytes } from './cursor.ts'
import { formats } from './formats.ts'
import type { GapList } from './gap-list.ts'
import { Look, lookAt } from './look.ts'
import type { FormatReader, NestedPart, ReadNested } from './weights.ts'

/** Git LFS pointers are about 130 bytes (git-lfs:docs/spec.md: under 1024). */
const MAX_POINTER_BYTES = 1_024
const POINTER_START = 'version https://git-lfs.github.com/spec/'
const POINTER_DIGEST = /^oid sha256:([0-9a-f]{64})$/m

/** Media that nothing loads as weights: magic in hex -> name. */
const NOT_MODELS: readonly (readonly [hex: string, name: string])[] = [
  ['89504e470d0a1a0a', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['47494638', 'a GIF image'],
  ['255044462d', 'a PDF document'],
  ['494433', 'an MP3 recording'],
  ['1a45dfa3', 'a Matroska video'],
  ['4f676753', 'an Ogg recording'],
  ['664c6143', 'a FLAC recording'],
]

/** A GGUF in a zip in a tar is odd enough; deeper is a bomb (CWE-674). */
const MAX_NESTING = 3

export interface Sniffed {
  readonly look: Look
  readonly reader: FormatReader | null
  /** Why this is certainly no model, or null when that is not certain. */
  readonly notModel: { readonly reason: string; readonly pointerSha256?: string } | null
}

/** Judges the first bytes. Throws ReadTrouble when the system refuses the read. */
export function sniff(file: OpenedFile): Sniffed {
  const look = file.identity.sizeBytes === 0 ? new Look(fileBytes(file), '') : lookAt(file)
  if (look.sizeBytes === 0) return { look, reader: null, notModel: { reason: 'the file is empty' } }
  const reader = findReader(look)
  return { look, reader, notModel: reader === null ? judgeNotModel(look.head, look.sizeBytes) : null }
}

/** The reader that recognises a file: those with magic first, then those that judge by structure, the fitting ending first. */
export function findReader(look: Look): FormatReader | null {
  const certain = formats.find(({ certainty, recognise }) => certainty === 'magic' && recognise(look))
  if (certain !== undefined) return certain
  const lower = look.name.toLowerCase()
  const others = formats.filter(({ certainty }) => certainty === 'structure')
  const isLikely = ({ endings }: FormatReader): boolean => endings.some((ending) => lower.endsWith(ending))
  const ordered = [...others.filter(isLikely), ...others.filter((reader) => !isLikely(reader))]
  return ordered.find((reader) => reader.recognise(look)) ?? null
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

function judgeNotModel(head: Uint8Array, size: number): Sniffed['notModel'] {
  const text = Buffer.from(head).toString('latin1')
  if (size <= MAX_POINTER_BYTES && text.startsWith(POINTER_START)) {
    const pointerSha256 = POINTER_DIGEST.exec(text)?.[1]
    return {
      reason: 'a Git LFS pointer stands in place of the file',
      ...(pointerSha256 === undefined ? {} : { pointerSha256 }),
    }
  }
  const hex = Buffer.from(head.subarray(0, 8)).toString('hex')
  const media = NOT_MODELS.find(([magic]) => hex.startsWith(magic))
  return media === undefined ? null : { reason: `the file is ${media[1]}` }
}

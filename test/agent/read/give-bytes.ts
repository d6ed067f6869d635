// Gives bytes in memory to one reader, as `inspect` would give it a file.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { Look } from '../../../agent/read/look.ts'
import { findReader, nestedReader } from '../../../agent/read/sniff-format.ts'
import type { FormatReader, WeightsPart } from '../../../agent/read/weights.ts'

export interface ReadBytes {
  readonly part: WeightsPart
  readonly gaps: GapList
  /** `GNO_READ_LIMIT` of each gap. */
  readonly codes: readonly string[]
  readonly facts: Readonly<Record<string, string | number | boolean>>
  readonly bytesRead: number
}

/** Reads whatever the reader thinks of the bytes. */
export function readBytes(reader: FormatReader, bytes: Uint8Array, name = ''): ReadBytes {
  const look = new Look(memoryBytes(bytes), name)
  const gaps = new GapList('memory')
  const cursor = new Cursor(memoryBytes(bytes))
  const part = reader.read(cursor, gaps, { look, readNested: nestedReader() })
  const codes = gaps.list().map(({ code }) => code)
  return { part, gaps, codes, facts: Object.fromEntries(part.facts ?? []), bytesRead: cursor.bytesRead }
}

/** The id of the reader that takes the bytes, or null. */
export function formatOf(bytes: Uint8Array, name = ''): string | null {
  return findReader(new Look(memoryBytes(bytes), name))?.id ?? null
}

/** A committed sample of `test/corpus/read`. */
export function sample(path: string): Buffer {
  return readFileSync(join(import.meta.dirname, '../../corpus/read', path))
}

const corpus = join(import.meta.dirname, '../../../../shared/corpus')

/** True where the shared corpus of real files lies beside the project; tests that need it are skipped elsewhere, and say so. */
export const hasCorpus = existsSync(join(corpus, 'benign/manifest.json'))
if (!hasCorpus) console.warn(`corpus: absent, ${corpus} is not there, so tests that read its files are skipped`)

/** A file of the shared corpus: `benign/d0001.bin`. */
export function corpusFile(path: string): Buffer {
  return readFileSync(join(corpus, path))
}

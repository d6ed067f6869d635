// Reads bytes as the file they would be: which reader takes them, what it says, and what it blames.
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { Look } from '../../../agent/read/look.ts'
import { findReader, nestedReader } from '../../../agent/read/sniff-format.ts'
import type { WeightsPart } from '../../../agent/read/weights.ts'

export interface ReadBytes {
  readonly format: string | null
  readonly weights: WeightsPart | null
  readonly verdict: string
  /** Codes of the gaps, once each. */
  readonly codes: readonly string[]
}

/** What the readers say of these bytes under this name. */
export function readBytes(bytes: Uint8Array, name = ''): ReadBytes {
  const look = new Look(memoryBytes(bytes), name)
  const reader = findReader(look)
  const gaps = new GapList(name)
  const weights = reader?.read(new Cursor(memoryBytes(bytes)), gaps, { look, readNested: nestedReader() }) ?? null
  const codes = [...new Set(gaps.list().map(({ code }) => code))]
  return { format: reader?.id ?? null, weights, verdict: gaps.verdict(), codes }
}

/** The same bytes with a 32-bit number written over at a place. */
export function overwritten(bytes: Uint8Array, at: number, value: number): Buffer {
  const changed = Buffer.from(bytes)
  changed.writeUInt32LE(value >>> 0, at)
  return changed
}

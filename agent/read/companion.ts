// Formats of two files: a description and the bare weights beside it, which only the description can explain. What a neighbour
// says is told by its own reader; trouble in it says nothing about the file that asks.
import { Cursor, fileBytes } from './cursor.ts'
import { GapList } from './gap-list.ts'
import type { Look } from './look.ts'

/** A description of a large graph is some megabytes of text; its walk counts every tag (CWE-400). */
const COMPANION_BUDGET = { bytes: 67_108_864, steps: 4_194_304 }

/** Reads a neighbour in the same folder; null where there is none, or where it cannot be read. */
export function readBeside<T>(look: Look, name: string, read: (cursor: Cursor) => T | null): T | null {
  const opened = look.openSibling(name)
  if (opened === null) return null
  try {
    const cursor = new Cursor(fileBytes(opened), COMPANION_BUDGET)
    return new GapList('').attempt(() => read(cursor)) ?? null
  } finally {
    opened.close()
  }
}

/** The name with one ending in place of another; null when it does not end so. */
export function renamed(name: string, ending: string, other: string): string | null {
  const isSo = name.toLowerCase().endsWith(ending) && name.length > ending.length
  return isSo ? name.slice(0, -ending.length) + other : null
}

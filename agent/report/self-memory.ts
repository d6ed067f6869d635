// What the agent keeps of itself between two lives: documents of whoever asks, each under a name, as text.
import { readMeta, writeMeta } from './meta.ts'
import type { StateStore } from './state-store.ts'

type Document = 'programFiles' | 'readableRoots' | 'restarts'

/** The document, or null where there is none or the state cannot be read. */
export function recallOfSelf(state: StateStore, name: Document): string | null {
  const read = state.read((database) => readMeta(database, name))
  return read.ok ? read.value : null
}

/** Keeps it, where it is another one: a write wakes a disk. */
export function keepOfSelf(state: StateStore, name: Document, text: string): void {
  if (recallOfSelf(state, name) !== text) state.write((database) => writeMeta(database, name, text))
}

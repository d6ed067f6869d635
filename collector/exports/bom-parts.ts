// Small shapes of CycloneDX 1.6 that components share. Every text is made printable here: names and paths come from strangers.
import { createHash } from 'node:crypto'
import { printable } from '../../contract/printable.ts'
import type { Confidence, Gap } from '../../contract/wire.ts'

interface Property {
  readonly name: string
  readonly value: string
}

/** Properties under our own namespace; what is absent is left out, never written as empty. */
export function properties(entries: readonly (readonly [string, unknown])[]): readonly Property[] {
  const known = entries.filter(([, value]) => value !== undefined && value !== null && value !== '')
  return known
    .map(([name, value]) => ({ name: `gnomon:${name}`, value: printable(textOf(value)) }))
    .sort((a, b) => order(a.name, b.name) || order(a.value, b.value))
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A reference that is unique in the document and safe in a URL, whatever the key holds. */
export function reference(kind: 'host' | 'artifact' | 'part' | 'runtime' | 'installation', key: string): string {
  return `${kind}-${createHash('sha256').update(key, 'utf8').digest('hex').slice(0, 32)}`
}

/** Order by code units: the same everywhere, unlike a locale's. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The last name of a path, of any system. */
export function lastName(path: string): string {
  return printable(path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1) || path)
}

/** Our three words as the number that CycloneDX wants; the word itself goes along as a property. */
export const CONFIDENCE_NUMBERS: Readonly<Record<Confidence, number>> = { possible: 0.3, likely: 0.7, certain: 1 }

/** One gap as one line. */
export function gapLine({ code, place, count, detail }: Gap): string {
  return `${code} ${count} x ${place}: ${detail}`
}

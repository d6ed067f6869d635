// The folders that a rescan compares, in memory: paths in a list that shares their beginnings, their times in arrays of numbers, 50,000
// folders in less than 4 MB.
// Times are compared as the numbers that a plain lstat gives, since exact ones cost twice as much: 244 ns apart is still another time.
import type { Stats } from 'node:fs'
import type { FileIdentity } from '../contract/observation.ts'
import { PathList } from './path-list.ts'

/** 32 bytes each and the rest of their path (CWE-770). */
const MAX_FOLDERS = 200_000
const FACTS = 4

/** What is compared of a folder; nanoseconds as decimal text, empty when the next look must take it as changed. */
export interface ComparedFolder {
  readonly path: string
  readonly dev: string
  readonly inode: string
  readonly mtimeNs: string
  readonly ctimeNs: string
  readonly candidates: readonly { readonly name: string; readonly identity: FileIdentity }[]
}

export class RescanIndex {
  readonly #paths = new PathList()
  readonly #forgotten = new Set<number>()
  #facts = new Float64Array(1_024 * FACTS)
  /** By folder and name. */
  readonly #candidates = new Map<string, Map<string, FileIdentity>>()
  isFull = false

  get size(): number {
    return this.#paths.size
  }

  get candidates(): ReadonlyMap<string, ReadonlyMap<string, FileIdentity>> {
    return this.#candidates
  }

  /** The path at a place; null when it was forgotten. */
  pathAt(place: number): string | null {
    return this.#forgotten.has(place) ? null : (this.#paths.at(place) ?? null)
  }

  put(folder: ComparedFolder): void {
    const known = this.#paths.placeOf(folder.path)
    const place = known ?? this.#paths.size
    this.isFull ||= place >= MAX_FOLDERS
    if (place >= MAX_FOLDERS) return
    if (known === undefined) this.#paths.push(folder.path)
    this.#forgotten.delete(place)
    this.#setFacts(place, folder)
    if (folder.candidates.length === 0) this.#candidates.delete(folder.path)
    else this.#candidates.set(folder.path, new Map(folder.candidates.map(({ name, identity }) => [name, identity])))
  }

  /** Whether the folder at a place is the one that was kept, with the same names in it. */
  isSame(place: number, { dev, ino, mtimeMs, ctimeMs }: Stats): boolean {
    const facts = this.#facts
    const at = place * FACTS
    return facts[at] === dev && facts[at + 1] === ino && facts[at + 2] === mtimeMs && facts[at + 3] === ctimeMs
  }

  setCandidate(folder: string, name: string, identity: FileIdentity): void {
    this.#candidates.get(folder)?.set(name, identity)
  }

  dropCandidate(folder: string, name: string): void {
    const known = this.#candidates.get(folder)
    known?.delete(name)
    if (known?.size === 0) this.#candidates.delete(folder)
  }

  /** Forgets folders and everything below them, all in one go; gives the candidates that were known there. */
  forget(folders: ReadonlySet<string>): readonly { readonly folder: string; readonly name: string }[] {
    if (folders.size === 0) return []
    for (let place = 0; place < this.size; place += 1) {
      const path = this.pathAt(place)
      if (path !== null && isAtOrBelow(path, folders)) this.#forgotten.add(place)
    }
    const lost: { folder: string; name: string }[] = []
    for (const [path, known] of this.#candidates) {
      if (!isAtOrBelow(path, folders)) continue
      for (const name of known.keys()) lost.push({ folder: path, name })
      this.#candidates.delete(path)
    }
    return lost
  }

  #setFacts(place: number, { dev, inode, mtimeNs, ctimeNs }: ComparedFolder): void {
    if ((place + 1) * FACTS > this.#facts.length) {
      const grown = new Float64Array(this.#facts.length * 2)
      grown.set(this.#facts)
      this.#facts = grown
    }
    this.#facts.set([Number(dev), Number(inode), millisecondsOf(mtimeNs), millisecondsOf(ctimeNs)], place * FACTS)
  }
}

/** Whether a path is one of these folders or lies in one. */
export function isAtOrBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.has(path)) return true
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    if (folders.has(path.slice(0, end))) return true
  }
  return false
}

/** The very number that a plain lstat gives: whole seconds and nanoseconds, added as numbers. No number for a time that is not known. */
function millisecondsOf(nanoseconds: string): number {
  if (nanoseconds === '') return Number.NaN
  const exact = BigInt(nanoseconds)
  const whole = exact / 1_000_000_000n
  return Number(whole) * 1_000 + Number(exact - whole * 1_000_000_000n) / 1_000_000
}

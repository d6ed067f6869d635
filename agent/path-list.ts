// Many paths in little memory: those that come in the order of a walk share their beginnings, so of each only the rest is kept, 64 of
// them in one text. 50,000 paths of 60 characters take 1 MB instead of 7.
import { sep } from 'node:path'

const BLOCK = 64
/** What of the path before is kept by its length, one character of a text that takes a byte each. */
const MAX_SHARED = 255
/** No path holds it. */
const END = '\u0000'
const SEPARATOR = sep.charCodeAt(0)

export class PathList {
  /** Each path: how much it shares with the one before in its block, the rest, and the end mark. */
  readonly #blocks: string[] = []
  /** The last ones, until they are a block. */
  #open: string[] = []
  /** So many from the first on are in order. */
  #sorted = 0
  #lastSorted = ''
  /** Places of those that came after, in whatever order. */
  readonly #late = new Map<string, number>()
  #unpacked: { readonly block: number; readonly paths: readonly string[] } = { block: -1, paths: [] }

  get size(): number {
    return this.#blocks.length * BLOCK + this.#open.length
  }

  /** Cheap for one place after the other. */
  at(place: number): string | undefined {
    return this.#pathsOf(Math.floor(place / BLOCK))[place % BLOCK]
  }

  /** Gives the place of a path that is not in the list. */
  push(path: string): number {
    const place = this.size
    if (this.#sorted === place && (place === 0 || isBefore(this.#lastSorted, path))) {
      this.#sorted += 1
      this.#lastSorted = path
    } else this.#late.set(path, place)
    this.#open.push(path)
    if (this.#open.length === BLOCK) this.#close()
    return place
  }

  placeOf(path: string): number | undefined {
    return this.#late.get(path) ?? this.#sortedPlaceOf(path)
  }

  #close(): void {
    this.#blocks.push(pack(this.#open))
    this.#open = []
  }

  #pathsOf(block: number): readonly string[] {
    const text = this.#blocks[block]
    if (text === undefined) return block === this.#blocks.length ? this.#open : []
    if (this.#unpacked.block !== block) this.#unpacked = { block, paths: unpack(text) }
    return this.#unpacked.paths
  }

  #sortedPlaceOf(path: string): number | undefined {
    if (this.#sorted === 0 || isBefore(this.#lastSorted, path)) return undefined
    let low = 0
    let high = this.#sorted - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(this.at(middle) ?? '', path)) low = middle + 1
      else high = middle
    }
    return this.at(low) === path ? low : undefined
  }
}

function pack(paths: readonly string[]): string {
  let last = ''
  const pieces = paths.flatMap((path) => {
    const shared = Math.min(MAX_SHARED, sharedLength(last, path))
    last = path
    return [String.fromCharCode(shared), path.slice(shared), END]
  })
  return pieces.join('')
}

function unpack(text: string): readonly string[] {
  const paths: string[] = []
  let last = ''
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(END, at + 1)
    last = last.slice(0, text.charCodeAt(at)) + text.slice(at + 1, end)
    paths.push(last)
    at = end + 1
  }
  return paths
}

function sharedLength(one: string, other: string): number {
  const end = Math.min(one.length, other.length)
  let at = 0
  while (at < end && one.charCodeAt(at) === other.charCodeAt(at)) at += 1
  return at
}

/** The order of a walk: a folder, what is in it, and then its neighbour; so the separator comes before all characters of names. */
function isBefore(one: string, other: string): boolean {
  const at = sharedLength(one, other)
  return at === one.length || at === other.length ? one.length < other.length : rankAt(one, at) < rankAt(other, at)
}

function rankAt(path: string, at: number): number {
  const code = path.charCodeAt(at)
  return code === SEPARATOR ? 0 : code
}

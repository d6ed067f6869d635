// Files and folders as the reader has them: numbers at the worker, behind the interfaces that parsers know. Nothing is opened here.
import { type Failure, success } from '../../contract/failure.ts'
import type { CandidateFile, FileIdentity, FolderEntry, OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import type { Ask } from './ask.ts'
import { MAX_PIECE_BYTES, MAX_PLACES, type Place, type ToldFile } from './requests.ts'

/** The candidates of a task. */
export function lentCandidates(ask: Ask, count: number): readonly CandidateFile[] {
  const candidates: CandidateFile[] = []
  while (candidates.length < count) {
    const { head } = ask.question({ op: 'candidates', from: candidates.length })
    const told = head['candidates'] as readonly Pick<CandidateFile, 'name' | 'path' | 'identity'>[]
    if (told.length === 0) break
    for (const each of told) {
      const index = candidates.length
      candidates.push({ ...each, open: () => openCandidate(ask, index) })
    }
  }
  return candidates
}

function openCandidate(ask: Ask, index: number): ReturnType<CandidateFile['open']> {
  const { head, data } = ask.question({ op: 'open', index })
  const failure = head['failure'] as Failure | undefined
  return failure === undefined ? success(lentFile(ask, head['file'] as ToldFile, data)) : { ok: false, failure }
}

/** A file that the worker holds. */
export function lentFile(ask: Ask, told: ToldFile, firstBytes: Uint8Array): OpenedFile {
  const { at, path, identity, hasBelow, hidden } = told
  if (hidden !== undefined) ask.recall(identity, hidden)
  const bytes = new LentBytes(ask, at, firstBytes)
  const sibling = (name: string, below: string | null): OpenedFile | null =>
    fileIn(ask, { op: 'sibling', at, name, below })
  const siblings = (below: string | null): readonly string[] =>
    (ask.question({ op: 'siblings', at, below }).head['names'] as readonly string[] | undefined) ?? []
  let isOpen = true
  return {
    path,
    identity,
    read: (position, target) => bytes.read(position, target),
    prepare: (places) => bytes.prepare(places),
    openSibling: (name) => sibling(name, null),
    listSiblings: () => siblings(null),
    ...(hasBelow
      ? {
          openBelow: (below: string, name: string) => sibling(name, below),
          listBelow: (below: string) => siblings(below),
        }
      : {}),
    sampleIdentity: () => (ask.question({ op: 'identity', at }).head['identity'] as FileIdentity | null) ?? identity,
    digest(part) {
      const place = part ?? { start: null, sizeBytes: identity.sizeBytes }
      const { sha256, failure } = ask.question({ op: 'digest', at, ...place }).head
      return typeof sha256 === 'string' ? success(sha256) : { ok: false, failure: failure as Failure }
    },
    close() {
      if (isOpen) ask.close(at)
      isOpen = false
    },
  }
}

function fileIn(ask: Ask, question: Readonly<Record<string, unknown>>): OpenedFile | null {
  const { head, data } = ask.question(question)
  const told = head['file'] as ToldFile | null | undefined
  return told === null || told === undefined ? null : lentFile(ask, told, data)
}

/** A folder that the worker holds. */
export function lentFolder(ask: Ask, at: number, path: string): OpenedFolder {
  let isOpen = true
  return {
    path,
    list: () => ask.question({ op: 'list', at }).head['entries'] as readonly FolderEntry[],
    openFolder(name) {
      const told = ask.question({ op: 'enter', at, name }).head['folder'] as { at: number; path: string } | null
      return told === null ? null : lentFolder(ask, told.at, told.path)
    },
    openFile: (name) => fileIn(ask, { op: 'open-file', at, name }),
    readLink: (name) => ask.question({ op: 'link', at, name }).head['target'] as string | null,
    close() {
      if (isOpen) ask.close(at)
      isOpen = false
    },
  }
}

/** The bytes of one file: the first came with its opening, and samples come many at a time. */
class LentBytes {
  readonly #ask: Ask
  readonly #at: number
  readonly #first: Uint8Array
  #waiting: readonly Place[] = []
  #samples = new Map<string, Uint8Array>()

  constructor(ask: Ask, at: number, first: Uint8Array) {
    this.#ask = ask
    this.#at = at
    this.#first = new Uint8Array(first)
  }

  read(position: number, target: Uint8Array): number {
    const sample = this.#sampleAt(position, target.length)
    if (sample !== undefined) {
      target.set(sample)
      return sample.length
    }
    if (position + target.length <= this.#first.length) {
      target.set(this.#first.subarray(position, position + target.length))
      return target.length
    }
    const count = Math.min(target.length, MAX_PIECE_BYTES)
    const { head, data } = this.#ask.question({ op: 'read', at: this.#at, position, count })
    failOn(head['code'])
    target.set(data)
    return data.length
  }

  /** Who reads at many places says so before, in that order. */
  prepare(places: readonly Place[]): void {
    // A small file is here as a whole.
    this.#waiting = places.every(([position, count]) => position + count <= this.#first.length) ? [] : places
    this.#samples = new Map()
  }

  #sampleAt(position: number, count: number): Uint8Array | undefined {
    const key = `${position} ${count}`
    const known = this.#samples.get(key)
    if (known !== undefined) return known
    const next = this.#waiting[0]
    if (next === undefined || next[0] !== position || next[1] !== count) return undefined
    this.#fetch()
    return this.#samples.get(key)
  }

  #fetch(): void {
    let bytes = 0
    const places: Place[] = []
    for (const place of this.#waiting) {
      bytes += place[1]
      if (places.length >= MAX_PLACES || bytes > MAX_PIECE_BYTES) break
      places.push(place)
    }
    this.#waiting = this.#waiting.slice(places.length)
    const { head, data } = this.#ask.question({ op: 'sample', at: this.#at, places })
    failOn(head['code'])
    const counts = head['counts'] as readonly number[]
    this.#samples = new Map()
    let start = 0
    for (const [index, [position, count]] of places.entries()) {
      const done = counts[index] ?? 0
      this.#samples.set(`${position} ${count}`, new Uint8Array(data.subarray(start, start + done)))
      start += done
    }
  }
}

function failOn(code: unknown): void {
  if (code !== undefined) throw Object.assign(new Error('the system refused the read'), { code })
}

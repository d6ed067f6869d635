// The hands of the inventory: goes down a pattern of path components through held folders, following no link, and reads the
// small files at its ends. Every step costs one of a bounded number of looks.
import { type Stats, lstatSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import type { FailureCode } from '../../../contract/failure.ts'
import type { Excludes } from '../excludes.ts'
import { listEntries } from '../folder-entries.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { type HeldFolder, openFolder, openFolderIn, pathIn } from '../linux/held-folder.ts'
import { openFileIn } from '../linux/open-path.ts'
import type { LocalFile } from '../linux/opened-file.ts'
import { systemFailure } from '../linux/system-failure.ts'
import { bytesOf, joinBytes, readablePath } from '../path-text.ts'

/** Folders and names looked at below one start (a home, the system); a full home takes 500, a build server 12,000 (CWE-400). */
const MAX_LOOKS = 50_000
/** Names of one folder: a large site-packages has 1,500, /var/lib/docker/containers of a build server 10,000. */
const MAX_NAMES = 20_000

/** One component of a pattern: a literal name, `*` for any run of characters, or names that a question accepts. */
export type Component =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'glob'; readonly before: string; readonly after: string }
  | { readonly kind: 'asked'; readonly accepts: (name: string) => boolean }

/** What lies at the end of a pattern. Valid only until the next one is asked for. */
export interface Met {
  readonly path: string
  readonly isFile: boolean
  /** Text of at most so many bytes, and whether there is more; null when it may not be read. */
  read(maxBytes: number, keeps?: KeepsStanza): ReadText | null
  /** The same of a file in the same folder; null also where there is none. */
  readBeside(name: string, maxBytes: number): ReadText | null
}

/** Of a database of stanzas with empty lines between them: which are kept, so that 20 MB never become one text. */
export type KeepsStanza = (stanza: string) => boolean

interface ReadText {
  readonly text: string
  readonly isCut: boolean
}

interface Step {
  readonly folder: HeldFolder
  readonly name: string
  readonly component: Component
  /** What lies below it. */
  readonly rest: readonly Component[]
  readonly start: string
}

/** The state of one inventory: its budget, its gaps, and whether something was hidden from it since it was last asked. */
export class InventoryLook {
  readonly gaps: GapList = createGapList()
  readonly #excludes: Excludes
  readonly #maxLooks: number
  readonly #closed: ReadonlySet<string>
  /** By start, so that nobody's home can use up the looks of others. */
  readonly #looks = new Map<string, number>()
  #isBlind = false

  /** `closed` are mounts, in byte form, that are not gone into: a server that is gone blocks whoever asks for anything in it. */
  constructor(excludes: Excludes, maxLooks = MAX_LOOKS, closed: ReadonlySet<string> = new Set()) {
    this.#excludes = excludes
    this.#maxLooks = maxLooks
    this.#closed = closed
  }

  /** Everything that matches, from a folder down. */
  *meet(start: string, components: readonly Component[]): Generator<Met> {
    if (this.#isSpent(start, start) || this.#excludes.matchRoot(segmentsOf(bytesOf(start))) !== null) return
    const opened = openFolder(start)
    if (!opened.ok) {
      this.#note(opened.failure.code, start)
      return
    }
    try {
      yield* this.#down(opened.value, components, start)
    } finally {
      opened.value.close()
    }
  }

  /** True when a look since the last call was refused or cut: what lies there is not known. */
  takeBlind(): boolean {
    const was = this.#isBlind
    this.#isBlind = false
    return was
  }

  *#down(folder: HeldFolder, components: readonly Component[], start: string): Generator<Met> {
    const [component, ...rest] = components
    if (component === undefined) return
    for (const name of this.#namesOf(folder, component)) {
      const place = readablePath(joinBytes(folder.bytes, name))
      if (this.#isSpent(start, place) || isExcluded(this.#excludes, folder, name)) continue
      // Before anything is asked of it: even its own attributes are the server's.
      if (this.#closed.has(joinBytes(folder.bytes, name))) {
        this.#tell('GNO_SENSE_OTHER_FILESYSTEM', place, 'the inventory does not go into network file systems')
        continue
      }
      if (rest.length === 0) yield* this.#end(folder, name, place)
      else yield* this.#enter({ folder, name, component, rest, start })
    }
  }

  *#enter({ folder, name, component, rest, start }: Step): Generator<Met> {
    const opened = openFolderIn(folder, name)
    if (!opened.ok) {
      // Files and links beside the folders that `*` means are nothing that was looked for.
      const { code } = opened.failure
      if (component.kind === 'name' || code === 'GNO_SENSE_DENIED')
        this.#note(code, readablePath(joinBytes(folder.bytes, name)))
      return
    }
    try {
      yield* this.#down(opened.value, rest, start)
    } finally {
      opened.value.close()
    }
  }

  *#end(folder: HeldFolder, name: string, place: string): Generator<Met> {
    const stat = statOf(folder, name)
    if (stat === null) return
    yield {
      path: place,
      isFile: stat.isFile(),
      read: (maxBytes, keeps) => this.#read(folder, name, maxBytes, keeps),
      readBeside: (sibling, maxBytes) => this.#read(folder, bytesOf(sibling), maxBytes),
    }
  }

  #read(folder: HeldFolder, name: string, maxBytes: number, keeps?: KeepsStanza): ReadText | null {
    const place = readablePath(joinBytes(folder.bytes, name))
    const file = openFileIn(folder, name)
    if (!file.ok) {
      this.#note(file.failure.code, place)
      return null
    }
    try {
      return readText(file.value, maxBytes, keeps)
    } catch (error) {
      this.#note(systemFailure(error, place).failure.code, place)
      return null
    } finally {
      file.value.close()
    }
  }

  #namesOf(folder: HeldFolder, component: Component): readonly string[] {
    if (component.kind === 'name') return [bytesOf(component.name)]
    const place = readablePath(folder.bytes)
    try {
      const entries = listEntries(folder, MAX_NAMES + 1)
      if (entries.length > MAX_NAMES) this.#tell('GNO_SENSE_LIMIT', place, `a folder of more than ${MAX_NAMES} names`)
      const names = entries.slice(0, MAX_NAMES).map(({ name }) => name)
      return names.filter((name) => fitsComponent(name, component)).sort()
    } catch (error) {
      this.#note(systemFailure(error, place).failure.code, place)
      return []
    }
  }

  #isSpent(start: string, place: string): boolean {
    const looks = (this.#looks.get(start) ?? 0) + 1
    this.#looks.set(start, looks)
    if (looks <= this.#maxLooks) return false
    if (looks === this.#maxLooks + 1)
      this.gaps.add('GNO_SENSE_LIMIT', place, `an inventory looks at ${this.#maxLooks} places of a home at most`)
    this.#isBlind = true
    return true
  }

  #note(code: FailureCode, place: string): void {
    // What is not there is no blind spot.
    if (code === 'GNO_SENSE_VANISHED') return
    if (code === 'GNO_SENSE_DENIED') this.#tell(code, place, 'the inventory may not look there')
    else if (code !== 'GNO_SENSE_NOT_A_FILE')
      this.#tell('GNO_SENSE_FAILED', place, 'the inventory could not look there')
    else this.gaps.add(code, place, 'a link or special file is not followed by the inventory')
  }

  #tell(code: FailureCode, place: string, detail: string): void {
    this.#isBlind = true
    this.gaps.add(code, place, detail)
  }
}

function fitsComponent(name: string, component: Component): boolean {
  switch (component.kind) {
    case 'name':
      return name === bytesOf(component.name)
    case 'glob': {
      const { before, after } = component
      return name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
    }
    case 'asked':
      return component.accepts(name)
  }
}

function isExcluded(excludes: Excludes, folder: HeldFolder, name: string): boolean {
  return excludes.match(segmentsOf(joinBytes(folder.bytes, name)), name) !== null
}

function segmentsOf(bytes: string): readonly string[] {
  return bytes.split('/').filter((segment) => segment !== '')
}

/** Null for what is not there; a link at the end counts as there, whatever it leads to. */
function statOf(folder: HeldFolder, name: string): Stats | null {
  try {
    return lstatSync(pathIn(folder, name), { throwIfNoEntry: false }) ?? null
  } catch {
    // The folder closed its door between two looks; that it did is told when it is entered or listed.
    return null
  }
}

const PIECE_BYTES = 256 * 1024

function readText({ fd, identity }: LocalFile, maxBytes: number, keeps?: KeepsStanza): ReadText {
  const decoder = new StringDecoder('utf8')
  const kept: string[] = []
  let length = 0
  let open = ''
  // Memory is taken for what was read, not for what the file says of its size (CWE-789).
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, maxBytes, Math.max(4096, identity.sizeBytes + 1)))
  while (length < maxBytes) {
    const got = readSync(fd, piece, 0, Math.min(piece.length, maxBytes - length), length)
    if (got === 0) break
    length += got
    open += decoder.write(piece.subarray(0, got))
    if (keeps === undefined) continue
    const stanzas = open.split('\n\n')
    open = stanzas.pop() ?? ''
    kept.push(...stanzas.filter(keeps))
  }
  return { text: [...kept, open + decoder.end()].join('\n\n'), isCut: length >= maxBytes }
}

/** The components of a pattern: `*` once in a component; `{}` is asked. */
export function componentsOf(pattern: string, accepts: (name: string) => boolean = () => false): readonly Component[] {
  return pattern
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment): Component => {
      if (segment === '{}') return { kind: 'asked', accepts }
      const star = segment.indexOf('*')
      if (star < 0) return { kind: 'name', name: segment }
      return { kind: 'glob', before: segment.slice(0, star), after: segment.slice(star + 1) }
    })
}

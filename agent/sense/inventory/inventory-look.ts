// The hands of the inventory: goes down a pattern of path components through held folders, following no link, and reads the
// small files at its ends. Every step costs one of a bounded number of looks.
import { type Stats, lstatSync, readSync } from 'node:fs'
import type { OpenedFile } from '../../../contract/observation.ts'
import type { Excludes } from '../excludes.ts'
import { listEntries } from '../folder-entries.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { type HeldFolder, openFolder, openFolderIn, pathIn } from '../linux/held-folder.ts'
import { openFileIn } from '../linux/open-path.ts'
import { systemFailure } from '../linux/system-failure.ts'
import { bytesOf, joinBytes, readablePath } from '../path-text.ts'

/** Folders and names looked at in one inventory; a login server with 256 homes needs about 60,000 (CWE-400). */
const MAX_LOOKS = 200_000
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
  read(maxBytes: number): { readonly text: string; readonly isCut: boolean } | null
}

export interface InventoryLook {
  readonly gaps: GapList
  /** Everything that matches, from a folder down. */
  meet(start: string, components: readonly Component[]): Generator<Met>
  /** True when a look since the last call was refused or cut: what lies there is not known. */
  takeBlind(): boolean
}

/** Starts a look with its own budget. */
export function createInventoryLook(excludes: Excludes): InventoryLook {
  const gaps = createGapList()
  let looks = 0
  let isBlind = false
  const tell = (code: Parameters<GapList['add']>[0], place: string, detail: string): void => {
    isBlind = true
    gaps.add(code, place, detail)
  }
  const isSpent = (place: string): boolean => {
    looks += 1
    if (looks <= MAX_LOOKS) return false
    if (looks === MAX_LOOKS + 1) tell('GNO_SENSE_LIMIT', place, `an inventory looks at ${MAX_LOOKS} places at most`)
    isBlind = true
    return true
  }
  const note = (failed: { readonly failure: { readonly code: string } }, place: string): void => {
    const { code } = failed.failure
    // What is not there is no blind spot.
    if (code === 'GNO_SENSE_VANISHED') return
    if (code === 'GNO_SENSE_DENIED') tell(code, place, 'the inventory may not look there')
    else if (code !== 'GNO_SENSE_NOT_A_FILE') tell('GNO_SENSE_FAILED', place, 'the inventory could not look there')
    else gaps.add(code, place, 'a link or special file is not followed by the inventory')
  }
  function* down(folder: HeldFolder, components: readonly Component[], at: number): Generator<Met> {
    const component = components[at]
    if (component === undefined) return
    const isLast = at === components.length - 1
    for (const name of namesOf(folder, component)) {
      const place = readablePath(joinBytes(folder.bytes, name))
      if (isSpent(place) || isExcluded(excludes, folder, name)) continue
      if (isLast) yield* end(folder, name, place)
      else yield* enter(folder, name, place, components, at)
    }
  }
  function* enter(
    folder: HeldFolder,
    name: string,
    place: string,
    components: readonly Component[],
    at: number,
  ): Generator<Met> {
    const opened = openFolderIn(folder, name)
    if (!opened.ok) {
      // A glob meets files and links beside the folders that it means.
      if (components[at]?.kind === 'name' || opened.failure.code === 'GNO_SENSE_DENIED') note(opened, place)
      return
    }
    try {
      yield* down(opened.value, components, at + 1)
    } finally {
      opened.value.close()
    }
  }
  function* end(folder: HeldFolder, name: string, place: string): Generator<Met> {
    const stat = statOf(folder, name)
    if (stat === null) return
    const read = (maxBytes: number) => {
      const file = openFileIn(folder, name)
      if (!file.ok) {
        note(file, place)
        return null
      }
      try {
        return readText(file.value, maxBytes)
      } catch (error) {
        note(systemFailure(error, place), place)
        return null
      } finally {
        file.value.close()
      }
    }
    yield { path: place, isFile: stat.isFile(), read }
  }
  const namesOf = (folder: HeldFolder, component: Component): readonly string[] => {
    if (component.kind === 'name') return [bytesOf(component.name)]
    try {
      const entries = listEntries(folder, MAX_NAMES + 1)
      const place = readablePath(folder.bytes)
      if (entries.length > MAX_NAMES) tell('GNO_SENSE_LIMIT', place, `a folder of more than ${MAX_NAMES} names`)
      return entries
        .slice(0, MAX_NAMES)
        .map(({ name }) => name)
        .filter((name) => fitsComponent(name, component))
        .sort()
    } catch (error) {
      const place = readablePath(folder.bytes)
      note(systemFailure(error, place), place)
      return []
    }
  }
  return {
    gaps,
    *meet(start, components) {
      if (isSpent(start) || excludes.matchRoot(segmentsOf(bytesOf(start))) !== null) return
      const opened = openFolder(start)
      if (!opened.ok) {
        note(opened, start)
        return
      }
      try {
        yield* down(opened.value, components, 0)
      } finally {
        opened.value.close()
      }
    },
    takeBlind() {
      const was = isBlind
      isBlind = false
      return was
    },
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

function readText({ fd, identity }: OpenedFile, maxBytes: number): { readonly text: string; readonly isCut: boolean } {
  const pieces: Buffer[] = []
  let length = 0
  // Memory is taken for what was read, not for what the file says of its size (CWE-789).
  while (length < maxBytes) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, maxBytes - length, Math.max(4096, identity.sizeBytes + 1)))
    const got = readSync(fd, piece, 0, piece.length, length)
    if (got === 0) break
    pieces.push(piece.subarray(0, got))
    length += got
  }
  return { text: Buffer.concat(pieces, length).toString('utf8'), isCut: length >= maxBytes }
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

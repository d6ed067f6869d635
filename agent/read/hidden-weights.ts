// A file that begins as something else and holds a model further on, shown as that model: readers then see it as if it lay on the disk by
// itself. What was found is remembered by the file's identity, so that an unchanged file is looked into once.
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import { setImmediate } from 'node:timers/promises'
import { troubleOf } from './cursor.ts'
import { type Embedded, type SearchOutcome, type SearchRoom, searchEmbedded } from './embedded-weights.ts'
import type { Look } from './look.ts'
import { showFile } from './store-files.ts'

/** Smaller files hold no model that anybody would hide. */
const MIN_BYTES = 65_536
/** Files remembered, about 200 bytes each; one more than that is looked into again (CWE-770). */
const MAX_REMEMBERED = 50_000
/** Searched for headers in one sweep: a second of processor time, and a disk of 100 MB/s is busy for twenty (CWE-400). */
const SWEEP_BYTES = 2_147_483_648

/** Told of a file that another sweep may search. */
export const UNSEARCHED = 'bytes in it look like weights, and were not searched: one look searches only so much'

/** A Map, or something that has another process remember. */
export interface FoundHidden extends Pick<Map<string, Embedded | null>, 'get' | 'clear' | 'size'> {
  set(key: string, found: Embedded | null): unknown
}

/** What is known of files that no reader knows, across sweeps. */
export interface HiddenMemory {
  readonly found: FoundHidden
  readonly room: SearchRoom
}

/** A memory for one look, or for the life of the daemon. */
export function createHiddenMemory(): HiddenMemory {
  return { found: new Map<string, Embedded | null>(), room: { bytes: SWEEP_BYTES } }
}

/** Every sweep may search as much as the first. */
export function renewRoom({ room }: HiddenMemory): void {
  room.bytes = SWEEP_BYTES
}

export interface HiddenOptions {
  readonly hidden?: HiddenMemory
  readonly signal: AbortSignal
  readonly onGap?: (gap: Gap) => void
}

/** The model inside a file that no reader knows; null where none was found. Other work runs in between. */
export async function findHidden(file: OpenedFile, look: Look, options: HiddenOptions): Promise<OpenedFile | null> {
  const { signal, hidden = createHiddenMemory() } = options
  const known = recall(file, hidden)
  if (known !== undefined) return known
  const steps = searchEmbedded(look, hidden.room)
  for (;;) {
    const step = attempt(() => steps.next())
    if (step === null || signal.aborted) return null
    if (step.done === true) return conclude(file, step.value, { ...options, hidden })
    await setImmediate()
  }
}

/** The same at once, for who cannot wait. */
export function findHiddenNow(file: OpenedFile, look: Look, hidden: HiddenMemory): OpenedFile | null {
  const known = recall(file, hidden)
  if (known !== undefined) return known
  const steps = searchEmbedded(look, hidden.room)
  for (;;) {
    const step = attempt(() => steps.next())
    if (step === null) return null
    if (step.done === true) return conclude(file, step.value, { hidden })
  }
}

/** Undefined where it has to be looked for. */
function recall(file: OpenedFile, { found }: HiddenMemory): OpenedFile | null | undefined {
  if (file.identity.sizeBytes < MIN_BYTES) return null
  const known = found.get(keyOf(file.identity))
  return known === undefined || known === null ? known : showHidden(file, known)
}

/** A file that cannot be read here is told by whoever reads it in full. */
function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (troubleOf(error) !== undefined) return null
    throw error
  }
}

type Concluding = Pick<HiddenOptions, 'onGap'> & { readonly hidden: HiddenMemory }

function conclude(file: OpenedFile, outcome: SearchOutcome, { hidden, onGap }: Concluding): OpenedFile | null {
  const { embedded, unfinished } = outcome
  if (unfinished === 'room') {
    onGap?.({ code: 'GNO_READ_SKIPPED', place: file.path, count: 1, detail: UNSEARCHED })
    // Not remembered: the next sweep has room again.
    return null
  }
  if (unfinished === 'trials') {
    const detail = 'bytes in it look like weights, and it holds more words that begin a header than are tried'
    onGap?.({ code: 'GNO_READ_LIMIT', place: file.path, count: 1, detail })
  }
  if (hidden.found.size >= MAX_REMEMBERED) hidden.found.clear()
  hidden.found.set(keyOf(file.identity), embedded)
  return embedded === null ? null : showHidden(file, embedded)
}

function keyOf({ dev, inode, sizeBytes, mtimeNs, ctimeNs }: FileIdentity): string {
  return [dev, inode, sizeBytes, mtimeNs, ctimeNs].join(':')
}

/** Closing it closes the file on disk. */
function showHidden(file: OpenedFile, { start, sizeBytes, host }: Embedded): OpenedFile {
  const { path, identity } = file
  const inner = showFile(file, {
    path,
    openSibling: () => null,
    listSiblings: () => [],
  })
  const outer = {
    start: (file.inside?.start ?? 0) + start,
    container: host,
    identity: file.inside?.identity ?? identity,
  }
  return {
    ...inner,
    identity: { ...identity, sizeBytes },
    inside: { ...outer, isHidden: true },
    sampleIdentity() {
      const now = file.sampleIdentity()
      return now.sizeBytes === identity.sizeBytes ? { ...now, sizeBytes } : now
    },
  }
}

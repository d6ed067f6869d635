// What sweeps keep for one another, opened for the life of a program: folders as they were listed, and what reading their files gave.
import { createHash } from 'node:crypto'
import type { ListedFolder } from '../contract/listed-folder.ts'
import { buildMark } from './build-mark.ts'
import { CacheStore } from './report/cache-store.ts'
import { type KeptFolders, openFolders } from './report/kept-folders.ts'
import { openReadings } from './report/kept-readings.ts'
import { MINIMUM_BYTES } from './sense/walk.ts'
import type { KeptSweeps } from './sweep-request.ts'
import { AGENT_VERSION } from './version.ts'
import { mayHoldModels } from './walked-folder.ts'

export interface KeptSweepsOptions {
  readonly stateFolder: string
  readonly excludes: readonly string[]
  /** Every folder is listed anew at the latest after this long. */
  readonly fullSweepIntervalMs: number
  readonly now: () => Date
  readonly random: () => number
}

export interface OpenKeptSweeps extends KeptSweeps {
  readonly folders: KeptFolders
  /** The excludes of the next look: what was listed under others is forgotten. */
  readonly follow: (excludes: readonly string[]) => void
  /** Takes no more room on the disk while it is so. */
  readonly freeze: (isFrozen: boolean) => void
  /** Writes down what waits; after every sweep, and before the end. */
  readonly flush: () => void
  readonly close: () => void
}

export function openKeptSweeps(options: KeptSweepsOptions): OpenKeptSweeps {
  const { stateFolder, excludes, now, random } = options
  const store = new CacheStore({ folder: stateFolder, madeFor: madeFor(excludes, stateFolder), now })
  const folders = openFolders({ store, trustMs: options.fullSweepIntervalMs, random, isRead })
  const readings = openReadings(store)
  const flush = (): void => {
    folders.flush()
    readings.flush()
  }
  return {
    folders,
    readings: { nowMs: () => now().getTime(), find: readings.find, keep: readings.keep },
    follow(nextExcludes) {
      flush()
      store.keepFor(madeFor(nextExcludes, stateFolder))
    },
    freeze: (isFrozen) => store.freeze(isFrozen),
    flush,
    close() {
      flush()
      store.close()
    },
  }
}

/** A folder in which nothing will be read needs no names of files. */
function isRead({ path, candidates, files, folders }: ListedFolder): boolean {
  return mayHoldModels({ path, hasCandidates: candidates.length > 0, fileNames: files, folderNames: folders })
}

/** Another agent may see more in the same file, and other excludes list other files. */
function madeFor(excludes: readonly string[], stateFolder: string): string {
  const settled = JSON.stringify([AGENT_VERSION, buildMark(), MINIMUM_BYTES, stateFolder, [...excludes].sort()])
  return createHash('sha256').update(settled).digest('hex')
}

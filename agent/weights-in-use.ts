// Which weights a process maps or holds: looks at the content of large mapped and open files, never at their names.
// What was read is remembered by the whole identity of the file, and the identity is sampled anew in every sweep: a download
// that is allocated first and filled later, or a file that is overwritten in place, must not stay what it was.
import { lstatSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Artifact } from '../contract/artifact.ts'
import type { Result } from '../contract/failure.ts'
import type { CandidateFile, FileIdentity, OpenedFile, ProcessObservation } from '../contract/observation.ts'
import type { HeldWeights, WeightsTrail } from './held-weights.ts'
import { openFolder, pathIn } from './sense/linux/held-folder.ts'
import { openHeld, openMapped } from './sense/linux/mapped-file.ts'
import { bytesOf } from './sense/path-text.ts'
import { LOCAL_READER, type WeightsReader } from './weights-reader.ts'

/** Weights below this size are not worth a look inside a process: fonts, locales and databases abound. */
const MIN_WEIGHTS_BYTES = 1024 * 1024

/** Elsewhere a descriptor is a number and no place. */
const HAS_PROC = process.platform === 'linux'

/** Files remembered; a machine with more large mapped files than this only pays by looking again. */
const MAX_REMEMBERED = 20_000

interface LookedAt {
  readonly identity: FileIdentity
  readonly format: string | null
}

/** What is known of files that processes use, by device and inode, across sweeps. */
export interface WeightsMemory {
  readonly looked: Map<string, LookedAt>
}

/** A memory for one sweep or for the life of the daemon. */
export function createWeightsMemory(): WeightsMemory {
  return { looked: new Map() }
}

/** The looks of one sweep: a file that a thousand processes map is sampled once. */
export type LooksNow = Map<string, LookedAt>

/** A weights file in use, not yet tied to an artifact. */
export interface SeenWeights {
  readonly how: HeldWeights['how']
  readonly path: string
  readonly isDeleted: boolean
  readonly identity: FileIdentity
  readonly format: string
  readonly trail: WeightsTrail
  /** Opens the very file that the process uses, also when it was unlinked. */
  readonly candidate: CandidateFile
}

/** Lists the weights that one process maps or holds, each file once; a mapping says more than a descriptor. */
export async function seeWeights(
  process: ProcessObservation,
  memory: WeightsMemory,
  now: LooksNow,
  { sniffFormat }: Pick<WeightsReader, 'sniffFormat'> = LOCAL_READER,
): Promise<readonly SeenWeights[]> {
  const seen = new Map<string, SeenWeights>()
  const add = async (how: HeldWeights['how'], use: FileUse, procLink: string, open: OpenUsed): Promise<void> => {
    const key = `${use.dev}:${use.inode}`
    if (seen.has(key)) return
    const looked = now.get(key) ?? (await lookAt(key, open, { memory, now, sniffFormat }))
    if (looked === null || looked.format === null) return
    const path = keyOf(use, looked.identity)
    const candidate: CandidateFile = {
      name: use.path.slice(use.path.lastIndexOf('/') + 1),
      path,
      identity: looked.identity,
      open,
    }
    const { identity, format } = looked
    const trail = { dev: identity.dev, inode: identity.inode, ...(procLink === '' ? {} : { procLink }) }
    seen.set(key, { how, path, isDeleted: use.isDeleted, identity, format, trail, candidate })
  }
  for (const mapped of process.mapped ?? []) {
    if (mapped.isExecutable || mapped.mappedBytes < MIN_WEIGHTS_BYTES) continue
    const link = mapped.range === '' ? '' : `map_files/${mapped.range}`
    await add('mapped', mapped, link, () => openMapped(process.pid, process.startTicks, mapped))
  }
  for (const link of process.open ?? []) {
    if (link.sizeBytes < MIN_WEIGHTS_BYTES) continue
    const procLink = HAS_PROC ? `fd/${Math.trunc(link.fdNumber)}` : ''
    await add('open', link, procLink, () => openHeld(process.pid, process.startTicks, link))
  }
  return [...seen.values()]
}

/** Keys of files that only a process leads to. No path of a disk begins like this, so no file can pose as one of them. */
const UNLINKED = 'unlinked:'
const ELSEWHERE = 'elsewhere:'
/** Places that are covered by looking at all processes. */
export const PROCESS_ONLY: readonly string[] = [UNLINKED, ELSEWHERE]

/**
 * The key of a file in use. The path that the kernel shows is a name in the mount namespace of that process, and may by now be
 * another file's: it is believed only while it leads to the very same file from here.
 */
function keyOf(use: FileUse, identity: FileIdentity): string {
  if (use.isDeleted) return `${UNLINKED}${use.path}`
  return isHere(use.path, identity) ? use.path : `${ELSEWHERE}${use.path}`
}

function isHere(path: string, { dev, inode }: FileIdentity): boolean {
  // The path of a kernel has no links in it; one that leads over links of ours may lead to a server that never answers.
  const folder = openFolder(dirname(path))
  if (!folder.ok) return false
  try {
    const stat = lstatSync(pathIn(folder.value, bytesOf(basename(path))), { bigint: true, throwIfNoEntry: false })
    return stat?.dev.toString() === dev && stat.ino.toString() === inode
  } catch {
    // Refused: it may be another file.
    return false
  } finally {
    folder.value.close()
  }
}

interface FileUse {
  readonly path: string
  readonly dev: string
  readonly inode: string
  readonly isDeleted: boolean
}

type OpenUsed = () => Result<OpenedFile>

interface Looking extends Pick<WeightsReader, 'sniffFormat'> {
  readonly memory: WeightsMemory
  readonly now: LooksNow
}

async function lookAt(key: string, open: OpenUsed, { memory, now, sniffFormat }: Looking): Promise<LookedAt | null> {
  const opened = open()
  if (!opened.ok) return null
  try {
    const { identity } = opened.value
    const known = memory.looked.get(key)
    const isSame = known !== undefined && identityKey(known.identity) === identityKey(identity)
    const format = isSame ? known.format : await sniffFormat(opened.value)
    // Nobody could look: the next look asks again, instead of believing for ever that there is nothing.
    if (format === undefined) return null
    const looked = { identity, format }
    if (memory.looked.size >= MAX_REMEMBERED) memory.looked.clear()
    memory.looked.set(key, looked)
    now.set(key, looked)
    return looked
  } finally {
    opened.value.close()
  }
}

/** Key of a file's content: a mapped file finds the model it belongs to, and an overwritten one does not. */
export function identityKey(identity: FileIdentity): string {
  return [identity.dev, identity.inode, identity.sizeBytes, identity.mtimeNs, identity.ctimeNs].join(':')
}

/** Ties a seen file to what was read of it. */
export function holdWeights(seen: SeenWeights, artifact: Artifact | null): HeldWeights {
  return {
    how: seen.how,
    path: seen.path,
    isDeleted: seen.isDeleted,
    trail: seen.trail,
    sizeBytes: seen.identity.sizeBytes,
    format: seen.format,
    artifact,
  }
}

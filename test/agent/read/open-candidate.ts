// Opens files for the readers' tests the plain way: agent/sense has the safe opener, and read does not know sense.
import { type BigIntStats, closeSync, fstatSync, openSync, readSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type DraftArtifact, type ReadOptions, readCandidates } from '../../../agent/read/read-candidates.ts'
import { lookAt } from '../../../agent/read/look.ts'
import { nestedReader } from '../../../agent/read/sniff-format.ts'
import type { ReadContext } from '../../../agent/read/weights.ts'
import { failed, success } from '../../../contract/failure.ts'
import type { CandidateFile, FileIdentity, OpenedFile } from '../../../contract/observation.ts'

function describe(stat: BigIntStats): FileIdentity {
  return {
    dev: String(stat.dev),
    inode: String(stat.ino),
    sizeBytes: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
    ...(stat.nlink > 1n ? { linkCount: Number(stat.nlink) } : {}),
  }
}

/** An opened file; the caller closes it. */
export function openForTest(path: string): OpenedFile {
  const fd = openSync(path, 'r')
  return {
    path,
    read: (position, target) => readSync(fd, target, 0, target.length, position),
    identity: describe(fstatSync(fd, { bigint: true })),
    openSibling: (name) => {
      const sibling = join(dirname(path), name)
      return statSync(sibling, { throwIfNoEntry: false })?.isFile() === true ? openForTest(sibling) : null
    },
    listSiblings: () => readdirSync(dirname(path)),
    openBelow: (folder, name) => {
      const below = join(dirname(path), folder, name)
      return statSync(below, { throwIfNoEntry: false })?.isFile() === true ? openForTest(below) : null
    },
    listBelow: (folder) => {
      const below = join(dirname(path), folder)
      return statSync(below, { throwIfNoEntry: false })?.isDirectory() === true ? readdirSync(below) : []
    },
    sampleIdentity: () => describe(fstatSync(fd, { bigint: true })),
    close: () => closeSync(fd),
  }
}

/** What a reader is given beside its cursor. */
export function contextOf(file: OpenedFile): ReadContext {
  return { look: lookAt(file), readNested: nestedReader() }
}

/** A candidate as a walk would give it. */
export function candidateOf(path: string): CandidateFile {
  return {
    name: basename(path),
    path,
    identity: describe(statSync(path, { bigint: true })),
    open: () => {
      try {
        return success(openForTest(path))
      } catch (cause) {
        return failed('GNO_READ_VANISHED', 'the file is gone', cause)
      }
    },
  }
}

/** Every regular file of a folder, in order of the names. */
export function candidatesIn(folder: string): readonly CandidateFile[] {
  const names = readdirSync(folder).sort()
  return names
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map(candidateOf)
}

/** Collects the drafts of a folder as a sweep would. */
export async function readFolder(
  folder: string,
  options: Partial<ReadOptions> = {},
): Promise<readonly DraftArtifact[]> {
  return collect(candidatesIn(folder), options)
}

/** The one draft that `gnomon inspect` would print for a file. */
export async function inspectFile(path: string, options: Partial<ReadOptions> = {}): Promise<DraftArtifact> {
  const [draft] = await collect([candidateOf(path)], { reportAll: true, ...options })
  if (draft === undefined) throw new Error(`no draft for ${path}`)
  return draft
}

async function collect(
  candidates: readonly CandidateFile[],
  options: Partial<ReadOptions>,
): Promise<readonly DraftArtifact[]> {
  const drafts: DraftArtifact[] = []
  const settled: ReadOptions = { deep: false, signal: new AbortController().signal, reportAll: false, ...options }
  for await (const draft of readCandidates(candidates, settled)) drafts.push(draft)
  return drafts
}

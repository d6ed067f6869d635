// A repository in a cache of snapshots: refs/<branch> name commits, snapshots/<commit>/ holds links to blobs/<hash>. Hugging Face's
// hub cache (huggingface/huggingface_hub:docs/source/en/guides/manage-cache.md) and RamaLama's store share it.
import type { FilePart } from '../../contract/artifact.ts'
import type { Claims } from '../../contract/fingerprint.ts'
import type { OpenedFolder } from '../../contract/observation.ts'
import type { Draft } from './assemble-artifact.ts'
import { foldFinds } from './fold-finds.ts'
import { GapList, quoted } from './gap-list.ts'
import { HEX_64, OLLAMA_PREFIX } from './place-claims.ts'
import { partOfStore, storeOf, tellStore } from './store-drafts.ts'
import { listOf, objectOf, reading, readJsonIn, readSmall, textOf, withFolder } from './store-files.ts'
import { readTree } from './store-tree.ts'
import type { StoreFind, StoreOptions } from './store-reader.ts'
import { showSnapshot } from './store-snapshot.ts'

/** Commits kept of one repository: every update of a model adds one (CWE-770). */
const MAX_SNAPSHOTS = 256
/** A commit is 40 hex digits; a branch name is not read as one. */
const MAX_REF_BYTES = 1_024

export interface Repository {
  readonly id: string
  readonly name: string
  /** Where a blob's name says its SHA-256. */
  readonly digestFrom: NonNullable<Claims['placeDigest']>['from']
}

interface Cache {
  readonly repository: Repository
  readonly folder: OpenedFolder
  readonly blobs: OpenedFolder | null
  readonly options: StoreOptions
  /** Unfinished downloads of the repository. */
  readonly unfinished: readonly string[]
}

/** One artifact for each snapshot that has weights; GGUF files are models of their own, whatever lies beside them. */
export function readRepository(
  folder: OpenedFolder,
  repository: Repository,
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  return reading(folder.openFolder('snapshots'), async function* (snapshots) {
    const blobs = folder.openFolder('blobs')
    try {
      yield* readSnapshots({ repository, folder, blobs, options, unfinished: unfinishedIn(blobs) }, snapshots)
    } finally {
      blobs?.close()
    }
  })
}

function unfinishedIn(blobs: OpenedFolder | null): readonly string[] {
  return (blobs?.list() ?? []).flatMap(({ name }) => (/\.(incomplete|partial)$/.test(name) ? [name] : []))
}

async function* readSnapshots(cache: Cache, snapshots: OpenedFolder): AsyncGenerator<StoreFind> {
  const { folder, options, unfinished } = cache
  const names = snapshots.list().flatMap(({ name, kind }) => (kind === 'folder' ? [name] : []))
  if (names.length > MAX_SNAPSHOTS) tellLimit(folder.path, names.length, options)
  let found = 0
  for (const commit of names.slice(0, MAX_SNAPSHOTS)) {
    if (options.signal.aborted) return
    for await (const find of readSnapshot(cache, snapshots, commit)) {
      found += 1
      yield find
    }
  }
  if (found === 0) tellUnfinished(folder.path, unfinished, options)
}

function tellLimit(place: string, count: number, { onGap }: StoreOptions): void {
  onGap?.({ code: 'GNO_READ_LIMIT', place, count: 1, detail: `${count} snapshots, ${MAX_SNAPSHOTS} were read` })
}

function tellUnfinished(place: string, unfinished: readonly string[], { onGap }: StoreOptions): void {
  if (unfinished.length === 0) return
  onGap?.({ code: 'GNO_READ_PART_MISSING', place, count: unfinished.length, detail: 'a download is not finished' })
}

async function* readSnapshot(cache: Cache, snapshots: OpenedFolder, commit: string): AsyncGenerator<StoreFind> {
  const snapshot = snapshots.openFolder(commit)
  if (snapshot === null) return
  const blobOf = new Map<string, string>()
  const gaps = new GapList(snapshot.path)
  const shown = showSnapshot({
    folder: snapshot,
    blobs: cache.blobs,
    depth: 0,
    onBlob: (path, blob) => blobOf.set(path, blob),
    onLost: (path, target) => {
      gaps.note('GNO_READ_PART_MISSING', `${quoted(path)} is a link to ${quoted(target)}, where no blob is`)
    },
  })
  const finds: StoreFind[] = []
  for await (const find of readTree(shown, cache.options)) finds.push(find)
  for (const name of cache.unfinished) gaps.note('GNO_READ_PART_MISSING', `${quoted(name)} is an unfinished download`)
  const refs = refsTo(cache, commit)
  const listed = readTreeList(cache, commit)
  for (const { draft, claimed } of foldFinds(finds)) {
    const claims = digestClaim(draft, blobOf, listed, cache)
    const store = storeOf(cache.repository.id, cache.repository.name, commit)
    yield { draft: tellStore(draft, { store, kind: 'store', parts: refs, claims, gaps }), claimed }
  }
}

/** The branches that point to this commit, as parts: who reads the artifact sees which files say so. */
function refsTo({ folder, options }: Cache, commit: string): readonly FilePart[] {
  const told = withFolder(folder, 'refs', (refs) =>
    refs.list().flatMap(({ name, kind }) => (kind === 'file' ? partOfRef(refs, name, commit, options) : [])),
  )
  return told ?? []
}

function partOfRef(refs: OpenedFolder, name: string, commit: string, options: StoreOptions): readonly FilePart[] {
  const file = refs.openFile(name)
  if (file === null) return []
  const part = partOfStore(file, 'manifest')
  file.close()
  if (part.sizeBytes > MAX_REF_BYTES) return []
  const text = readSmall(refs, name, options.onGap, (bytes) => Buffer.from(bytes).toString('latin1'))
  // RamaLama keeps a small JSON there, the hub cache the bare commit.
  return text?.includes(commit) === true ? [part] : []
}

/** trees/<commit>.json: path -> SHA-256 of what the hub listed for this commit. */
function readTreeList({ folder, options }: Cache, commit: string): ReadonlyMap<string, string> {
  const digests = new Map<string, string>()
  const tree = withFolder(folder, 'trees', (trees) => readJsonIn(trees, `${commit}.json`, options.onGap))
  const listed = listOf(tree?.get('files') ?? tree?.get('siblings') ?? tree?.get('tree'))
  for (const item of listed) {
    const entry = objectOf(item)
    const path = textOf(entry?.get('path')) ?? textOf(entry?.get('rfilename'))
    const lfs = objectOf(entry?.get('lfs'))
    const digest = textOf(lfs?.get('sha256')) ?? textOf(lfs?.get('oid')) ?? textOf(entry?.get('hash'))
    if (path !== undefined && digest !== undefined && HEX_64.test(digest)) digests.set(path, digest)
  }
  return digests
}

/** The SHA-256 that the place states: the blob's name, else the hub's own list. */
function digestClaim(
  draft: Draft,
  blobOf: ReadonlyMap<string, string>,
  listed: ReadonlyMap<string, string>,
  { repository }: Cache,
): Claims {
  const [weights, ...others] = draft.parts.filter(({ role }) => role === 'weights')
  if (weights === undefined || others.length > 0) return {}
  const blob = blobOf.get(weights.path) ?? ''
  const hex = blob.startsWith(OLLAMA_PREFIX) ? blob.slice(OLLAMA_PREFIX.length) : blob
  if (HEX_64.test(hex)) return { placeDigest: { sha256: hex, from: repository.digestFrom } }
  const inside = /[/\\]snapshots[/\\][^/\\]+[/\\](.*)$/.exec(weights.path)?.[1] ?? ''
  const sha256 = listed.get(inside.replaceAll('\\', '/'))
  return sha256 === undefined ? {} : { placeDigest: { sha256, from: 'hub-metadata' } }
}

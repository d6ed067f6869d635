// What the readers of folders that are one model share: the weights in some of its files become one artifact of kind `folder`.
import type { FilePart, Store } from '../../contract/artifact.ts'
import type { Claims, Container } from '../../contract/fingerprint.ts'
import type { CandidateFile, OpenedFolder } from '../../contract/observation.ts'
import { type Draft, totalBytes } from './assemble-artifact.ts'
import { findDecoders, orderByWeight } from './fold-models.ts'
import type { GapList } from './gap-list.ts'
import { foldDrafts, partOfStore, readModels } from './store-drafts.ts'
import { candidateIn, openBelow } from './store-files.ts'
import type { StoreFind, StoreOptions } from './store-reader.ts'

/** Files of one model that are listed without being read. */
const MAX_BESIDE = 512

/** A file below the folder: folders first, name last. */
export type FilePath = readonly string[]

export interface FolderModel {
  /** Read as weights; the largest is the model that is described, the first of several alike, the others are parts of it. */
  readonly weights: readonly FilePath[]
  /** How many times larger than the first another must be to be described in its place; 1 where nothing is said. */
  readonly lead?: number
  /** Listed as parts without being read. */
  readonly beside: readonly (readonly [path: FilePath, role: FilePart['role']])[]
  readonly store?: Store
  readonly claims?: Claims
  readonly container?: Container
  readonly gaps?: GapList
}

/** The model that the files are together; nothing where none of them is weights in a format that is read. */
export async function* readFolderModel(
  folder: OpenedFolder,
  model: FolderModel,
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  const drafts: Draft[] = []
  for (const group of groupByFolder(folder, model.weights)) {
    for await (const draft of readModels(group, options)) drafts.push(draft)
  }
  // A GGUF among the weights of another framework is a model of its own, whatever the folder says.
  const isAlone = ({ format }: Draft): boolean => format === 'gguf'
  const together = drafts.filter((draft) => !isAlone(draft))
  const [first, ...others] = orderByWeight(together, model.lead)
  for (const draft of [...drafts.filter(isAlone), ...findDecoders(others)]) yield { draft, claimed: draft.identities }
  if (first === undefined) return
  const folded = foldDrafts(first, others)
  const told = new Set(folded.parts.map(({ path }) => path))
  const beside = listBeside(folder, model).filter(({ path }) => !told.has(path))
  const { fingerprint } = folded
  const container = { ...fingerprint.container, ...model.container }
  const claims = { ...model.claims, ...fingerprint.claims }
  const draft: Draft = {
    ...folded,
    kind: model.store === undefined ? 'folder' : 'store',
    path: folder.path,
    parts: [...folded.parts, ...beside].slice(0, MAX_BESIDE),
    sizeBytes: totalBytes([folded, ...beside]),
    ...(model.store === undefined ? {} : { store: model.store }),
    fingerprint: {
      ...fingerprint,
      ...(Object.keys(container).length === 0 ? {} : { container }),
      ...(Object.keys(claims).length === 0 ? {} : { claims }),
    },
    gaps: [...folded.gaps, ...(model.gaps?.list() ?? [])],
  }
  yield { draft, claimed: draft.identities }
}

/** Candidates folder by folder, so that shards and configurations find their neighbours. */
function groupByFolder(root: OpenedFolder, paths: readonly FilePath[]): readonly (readonly CandidateFile[])[] {
  const groups = new Map<string, CandidateFile[]>()
  for (const path of paths) {
    const candidate = candidateIn(() => openFileBelow(root, path), path.at(-1) ?? '')
    const key = path.slice(0, -1).join('/')
    if (candidate !== null) groups.set(key, [...(groups.get(key) ?? []), candidate])
  }
  return [...groups.values()]
}

function openFileBelow(root: OpenedFolder, path: FilePath): ReturnType<OpenedFolder['openFile']> {
  const name = path.at(-1) ?? ''
  if (path.length === 1) return root.openFile(name)
  const folder = openBelow(root, path.slice(0, -1))
  try {
    return folder?.openFile(name) ?? null
  } finally {
    folder?.close()
  }
}

function listBeside(root: OpenedFolder, { beside }: FolderModel): readonly FilePart[] {
  return beside.slice(0, MAX_BESIDE).flatMap(([path, role]) => {
    const file = openFileBelow(root, path)
    file?.close()
    return file === null ? [] : [partOfStore(file, role)]
  })
}

/** The files of a folder below the model, as paths from its root. */
export function filesBelow(root: OpenedFolder, folders: FilePath): readonly FilePath[] {
  const folder = folders.length === 0 ? root : openBelow(root, folders)
  const names = (folder?.list() ?? []).flatMap(({ name, kind }) => (kind === 'file' ? [[...folders, name]] : []))
  if (folder !== root) folder?.close()
  return names
}

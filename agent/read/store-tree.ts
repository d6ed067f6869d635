// All folders below one of a store, nearest first, each read as the thing it is.
import type { OpenedFolder } from '../../contract/observation.ts'
import { reading } from './store-files.ts'
import type { StoreFind, StoreOptions } from './store-reader.ts'

/** Folders of one model, and how deep they lie: diffusers has one level, ONNX repositories two (CWE-770). */
const MAX_FOLDERS = 256
const MAX_DEPTH = 6

interface Pending {
  readonly folder: OpenedFolder
  readonly depth: number
}

/** Reads the folder and those below it; closes it. What is one model as a whole is not entered again. */
export async function* readTree(root: OpenedFolder, options: StoreOptions): AsyncGenerator<StoreFind> {
  const pending: Pending[] = [{ folder: root, depth: 0 }]
  try {
    for (let visited = 0; visited < MAX_FOLDERS && pending.length > 0; visited += 1) {
      const next = pending.shift()
      const read = (folder: OpenedFolder) => readLevel({ folder, depth: next?.depth ?? 0 }, pending, options)
      yield* reading(next?.folder ?? null, read)
    }
  } finally {
    for (const { folder } of pending) folder.close()
  }
}

async function* readLevel(
  { folder, depth }: Pending,
  pending: Pending[],
  options: StoreOptions,
): AsyncGenerator<StoreFind> {
  const read = new Set<string>()
  for await (const find of options.readInside(folder, options)) {
    for (const { path } of find.draft.parts) read.add(path)
    yield find
  }
  const folders = depth < MAX_DEPTH ? folder.list().filter(({ kind }) => kind === 'folder') : []
  for (const { name } of folders) {
    // Those that wait are open: no more than can be visited.
    if (pending.length >= MAX_FOLDERS) return
    const isRead = [...read].some((path) => path.startsWith(`${folder.path}/${name}/`))
    const inner = isRead ? null : folder.openFolder(name)
    if (inner !== null) pending.push({ folder: inner, depth: depth + 1 })
  }
}

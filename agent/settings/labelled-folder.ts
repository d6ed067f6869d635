// The setting of labelled folders: a path, and the word that an administrator gave it.
import { isPlain, type ReadValue } from './read-value.ts'

/** A story on the wire has room for as many labels (contract/runtime.ts); each is compared with every open file. */
export const MAX_LABELLED_FOLDERS = 32
/** A label is a word for a page and an alert, no description. */
export const MAX_LABEL_CHARS = 64
/** Controls and format characters would change the line that a label stands in (CWE-150). */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u

/** A folder whose open files are counted, under the label alone. */
export interface LabelledFolder {
  readonly path: string
  readonly label: string
}

/** Reads the list as it stands in the settings file; `absolute` normalizes a path of the platform that is asked for, null: it is none. */
export function readLabelledFolders(absolute: (path: string) => string | null): ReadValue<readonly LabelledFolder[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > MAX_LABELLED_FOLDERS) return undefined
    const folders: LabelledFolder[] = []
    for (const item of value as readonly unknown[]) {
      const folder = readFolder(item)
      const path = folder === undefined ? null : absolute(folder.path)
      if (folder === undefined || path === null) return undefined
      folders.push({ path, label: folder.label })
    }
    return folders
  }
}

function readFolder(item: unknown): LabelledFolder | undefined {
  if (typeof item !== 'object' || item === null || Object.keys(item).length !== 2) return undefined
  if (!('path' in item && typeof item.path === 'string' && isPlain(item.path))) return undefined
  if (!('label' in item && typeof item.label === 'string' && isLabel(item.label))) return undefined
  return { path: item.path, label: item.label }
}

function isLabel(text: string): boolean {
  return text.trim() !== '' && text.length <= MAX_LABEL_CHARS && !UNPRINTABLE.test(text)
}

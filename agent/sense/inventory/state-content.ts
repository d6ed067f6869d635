// The one number or path that a small state file of a product tells: where it listens, its pid, where its program lies. Read anew at
// every look, since it is written when the program starts.
import { fstatSync, readSync } from 'node:fs'
import { openFile } from '../linux/open-path.ts'
import { jsonIn, memberOf } from './inventory-record.ts'

/** http-server.json of LM Studio has 100 bytes; a file that is larger is another one (CWE-770). */
const MAX_BYTES = 16 * 1024
const MAX_WORD_CHARS = 4_096

export interface StateContent {
  /** A number as it stands there, or a path. */
  readonly value: string
  readonly ownerUid: number
  readonly modifiedMs: number
}

/** Null where it is not there, may not be read, or says nothing of the kind. `at`: keys in a JSON text; null: the text itself. */
export function readStateContent(path: string, at: readonly string[] | null): StateContent | null {
  const opened = openFile(path)
  if (!opened.ok) return null
  const file = opened.value
  try {
    const { uid, mtimeMs, size } = fstatSync(file.fd)
    if (size > MAX_BYTES) return null
    const bytes = Buffer.alloc(MAX_BYTES)
    const text = bytes.toString('utf8', 0, readSync(file.fd, bytes, 0, MAX_BYTES, 0))
    const value = at === null ? text.trim() : wordAt(jsonIn(text), at)
    return value === null || value.length > MAX_WORD_CHARS ? null : { value, ownerUid: uid, modifiedMs: mtimeMs }
  } catch {
    // It was taken away or cut while it was read: the next look sees it.
    return null
  } finally {
    file.close()
  }
}

function wordAt(json: unknown, at: readonly string[]): string | null {
  let value = json
  for (const key of at) value = memberOf(value, key)
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}

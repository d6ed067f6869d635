// Where the store begins that a file lies in, told from the path alone: a blob that changed is looked at through its store.
import { HEX_64, HUB_PREFIX, OLLAMA_PREFIX, splitPath } from './place-claims.ts'

/** Folders between a store's root and its files: `models--o--n/snapshots/<commit>/a/b`. */
const MAX_STEPS = 12

/** The root of the store around a path, or null for a file that lies in none. */
export function storeRootOf(path: string): string | null {
  const segments = splitPath(path)
  const separator = path.includes('/') ? '/' : '\\'
  const first = Math.max(1, segments.length - MAX_STEPS)
  for (let at = segments.length - 1; at >= first; at -= 1) {
    const end = rootEnd(segments, at)
    if (end > 0) return segments.slice(0, end).join(separator)
  }
  return null
}

/** How many segments the root has when the one at `at` is a sign of a store. */
function rootEnd(segments: readonly string[], at: number): number {
  const name = segments[at] ?? ''
  const next = segments[at + 1] ?? ''
  if (next === '') return 0
  if (name.startsWith(HUB_PREFIX)) return at + 1
  const hex = next.startsWith(OLLAMA_PREFIX) ? next.slice(OLLAMA_PREFIX.length, OLLAMA_PREFIX.length + 64) : ''
  if (name === 'blobs' && HEX_64.test(hex)) return at
  // An OCI layout keeps blobs/sha256/<hex>.
  if (name === 'blobs' && next === 'sha256' && HEX_64.test(segments[at + 2] ?? '')) return at
  // manifests/<host>/<namespace>/<name>/<tag>
  return name === 'manifests' && segments.length === at + 5 ? at : 0
}

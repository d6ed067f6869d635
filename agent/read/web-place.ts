// Which web page keeps a file, told from its place in a browser's profile: files that pages write for themselves (origin-private file
// systems, IndexedDB) lie there as they are, under numbers for names.
import { splitPath } from './place-claims.ts'

export interface WebPlace {
  /** Origin of the page, or what stands for it where the place does not say. */
  readonly page: string
  /** The folder of all pages: what may be told where a page keeps something that is no model. */
  readonly allPages: string
}

const BLOBS = '.indexeddb.blob'
/** Firefox's `storage/default/https+++host+port^attributes`. */
const FIREFOX_ORIGIN = /^(https?)\+\+\+([^+^]{1,253})(?:\+(\d{1,5}))?(?:\^|$)/
/** Chromium's `https_host_port.indexeddb.blob`; port 0 is the usual one. */
const CHROMIUM_ORIGIN = /^(https?)_(.{1,253})_(\d{1,5})$/
const FIREFOX_KEEPS: readonly string[] = ['cache', 'fs', 'idb']
const CHROMIUM_FILES: readonly string[] = ['File System', 'FileSystem']

/** The page that keeps what lies at a path; null for a path in no known place of web pages. */
export function webPlace(path: string): WebPlace | null {
  const segments = splitPath(path)
  for (const [at, segment] of segments.entries()) {
    const page = pageAt(segments, at, segment)
    if (page !== null) return { page, allPages: segments.slice(0, at).join(path.includes('/') ? '/' : '\\') }
  }
  return null
}

function pageAt(segments: readonly string[], at: number, segment: string): string | null {
  const before = segments[at - 1] ?? ''
  if (before === 'default' && FIREFOX_KEEPS.includes(segments[at + 1] ?? '')) return originOf(FIREFOX_ORIGIN, segment)
  if (segment.endsWith(BLOBS)) return originOf(CHROMIUM_ORIGIN, segment.slice(0, -BLOBS.length))
  // The names of the pages stand in a database beside the numbered folders, which is not read.
  const isNumbered = before === 'File System' || (segments[at - 2] === 'WebStorage' && CHROMIUM_FILES.includes(segment))
  return isNumbered && /^\d{1,10}$/.test(before === 'File System' ? segment : before)
    ? 'a page that is not named'
    : null
}

function originOf(pattern: RegExp, name: string): string | null {
  const [, scheme, host, port] = pattern.exec(name) ?? []
  if (scheme === undefined || host === undefined) return null
  return `${scheme}://${host}${port === undefined || port === '0' ? '' : `:${port}`}`
}

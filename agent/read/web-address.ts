// What an address in a browser's cache says of a model: where it came from, without whatever was asked for behind a question mark.
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { shortName } from './store-drafts.ts'

/** The hub that web runtimes load from: its addresses name the repository and the revision. */
const HUB = 'huggingface.co'
const REVISION_STEP = 'resolve'
const MAX_SEGMENTS = 16

/** A fetched file: the place of its model, and its path there. */
export interface WebFile {
  /** Page that keeps it where the key says so, else the host that it came from. */
  readonly page: string | null
  /** `huggingface.co/org/name`, or host and folder. */
  readonly model: string
  /** Commit or branch, where the address names one. */
  readonly revision: string | null
  /** Components below the model; the last is the name of the file. */
  readonly path: readonly string[]
}

/**
 * Reads the key of a cache entry. Cache Storage uses the address; the cache of the network puts the page before it:
 * `1/0/_dk_https://page https://page https://host/file`.
 */
export function readCacheKey(key: string): WebFile | null {
  const words = key.split(' ')
  const address = parse(words.at(-1)?.replace(/^.*?(?=https?:\/\/)/, '') ?? '')
  if (address === null) return null
  const segments = address.pathname.split('/').flatMap((segment) => (segment === '' ? [] : [decode(segment)]))
  if (segments.length === 0 || segments.length > MAX_SEGMENTS || !segments.every(isPlain)) return null
  const page = words.length > 1 ? parse(words[0]?.replace(/^.*?_dk_/, '') ?? '') : null
  const at = segments.indexOf(REVISION_STEP)
  const isHub = at > 0 && at + 2 < segments.length
  const below = isHub ? at + 2 : segments.length - 1
  return {
    page: page?.origin ?? null,
    model: [address.host, ...segments.slice(0, isHub ? at : below)].join('/').slice(0, MAX_NAME_CHARS),
    revision: isHub ? shortName(segments[at + 1] ?? '') : null,
    path: segments.slice(below),
  }
}

/** The repository of a model on the hub, as everybody calls it; any other address as it is. */
export function modelName(model: string): string {
  return model.startsWith(`${HUB}/`) ? model.slice(HUB.length + 1) : model
}

function parse(text: string): URL | null {
  return /^https?:\/\//.test(text) && URL.canParse(text) ? new URL(text) : null
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    // A stray percent sign: the segment is told as it is written.
    return segment
  }
}

/** Names only: what could lead elsewhere as a path is no name (CWE-22). */
function isPlain(name: string): boolean {
  return name !== '.' && name !== '..' && name.length <= 255 && !/[/\\\0]/.test(name)
}

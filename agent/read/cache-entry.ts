// An entry of Chromium's simple disk cache, version 5 on (chromium:net/disk_cache/simple/simple_entry_format.h): what a page fetched
// or put into its Cache Storage, behind a header. The file inside is read as if it lay on the disk by itself.
//
//   <hash>_0   30 5c 72 a7 1b 6d fb fc | version 4 | length of the key 4 | hash of the key 4 | padding 4
//              key: the address, perhaps behind that of the page | body | end record | response headers | (SHA-256 of the key) | end record
//   end record d8 41 0d 97 45 6f fa f4 | flags 4 | CRC-32 4 | bytes of the response headers 4 | padding 4
import type { OpenedFile } from '../../contract/observation.ts'
import { readAt } from './cursor.ts'
import { showFile } from './store-files.ts'

const MAGIC = '305c72a71b6dfbfc'
const END_MAGIC = 'd8410d97456ffaf4'
const HEADER_BYTES = 24
const END_BYTES = 24
const KEY_DIGEST_BYTES = 32
const HAS_KEY_DIGEST = 2
/** Browsers refuse longer addresses (CWE-789). */
const MAX_KEY_BYTES = 65_536

interface Entry {
  readonly key: string
  readonly start: number
  readonly sizeBytes: number
}

/** Where the body of a cache entry lies; null for any other file. Throws ReadTrouble when the system refuses the read. */
export function readCacheEntry(file: OpenedFile): Entry | null {
  const { sizeBytes } = file.identity
  if (file.inside !== undefined || sizeBytes <= HEADER_BYTES) return null
  const header = bytesAt(file, 0, HEADER_BYTES)
  if (header.length < HEADER_BYTES || header.toString('hex', 0, 8) !== MAGIC) return null
  const keyBytes = header.readUInt32LE(12)
  const start = HEADER_BYTES + keyBytes
  if (keyBytes > MAX_KEY_BYTES || start >= sizeBytes) return null
  const key = bytesAt(file, HEADER_BYTES, keyBytes).toString('utf8')
  return { key, start, sizeBytes: bodyEnd(file, start) - start }
}

/** An entry that is still being written has no end record: its body goes to the end of the file. */
function bodyEnd(file: OpenedFile, start: number): number {
  const { sizeBytes } = file.identity
  const end = bytesAt(file, sizeBytes - END_BYTES, END_BYTES)
  if (end.length < END_BYTES || end.toString('hex', 0, 8) !== END_MAGIC) return sizeBytes
  const digest = (end.readUInt32LE(8) & HAS_KEY_DIGEST) === 0 ? 0 : KEY_DIGEST_BYTES
  const found = sizeBytes - END_BYTES - digest - end.readUInt32LE(16) - END_BYTES
  return found > start ? found : sizeBytes
}

function bytesAt(file: OpenedFile, position: number, count: number): Buffer {
  if (position < 0) return Buffer.alloc(0)
  const buffer = Buffer.alloc(count)
  return buffer.subarray(0, readAt(file, position, buffer))
}

/** The file inside a cache entry; any other file as it is. Closing it closes the file on disk. */
export function unwrapEntry(file: OpenedFile): OpenedFile {
  const entry = readCacheEntry(file)
  return entry === null ? file : showEntry(file, entry)
}

/** The body of an entry as a file of its own. */
export function showEntry(file: OpenedFile, { start, sizeBytes }: Entry): OpenedFile {
  const { path, identity } = file
  const inner = showFile(file, {
    path,
    openSibling: (name) => file.openSibling(name),
    listSiblings: () => file.listSiblings(),
  })
  return {
    ...inner,
    identity: { ...identity, sizeBytes },
    inside: { start, container: 'chromium-cache-entry', identity },
    sampleIdentity() {
      const now = file.sampleIdentity()
      return now.sizeBytes === identity.sizeBytes ? { ...now, sizeBytes } : now
    },
  }
}

// Writes what browsers keep for web pages: entries of Chromium's simple cache, the index of Cache Storage, Firefox's packed bodies.
import { createHash } from 'node:crypto'

export interface EntrySpec {
  readonly key: string
  readonly body: Uint8Array
  readonly headers?: Uint8Array
  readonly hasKeyDigest?: boolean
  /** Lies about the length of the key or of the headers. */
  readonly keyBytes?: number
  readonly headerBytes?: number
  /** False leaves the end records out, as in an entry that is being written. */
  readonly hasEnd?: boolean
}

/** `<hash>_0`: header, key, body, end record, response headers, end record. */
export function cacheEntry(spec: EntrySpec): Buffer {
  const { key, body, headers = Buffer.from('HTTP/1.1 200'), hasKeyDigest = true, hasEnd = true } = spec
  const head = Buffer.alloc(24)
  head.writeBigUInt64LE(0xfcfb6d1ba7725c30n)
  head.writeUInt32LE(9, 8)
  head.writeUInt32LE(spec.keyBytes ?? Buffer.byteLength(key), 12)
  const end = (size: number): Buffer => {
    const record = Buffer.alloc(24)
    record.writeBigUInt64LE(0xf4fa6f45970d41d8n)
    record.writeUInt32LE(hasKeyDigest ? 3 : 1, 8)
    record.writeUInt32LE(size, 16)
    return record
  }
  const digest = hasKeyDigest ? createHash('sha256').update(key).digest() : Buffer.alloc(0)
  const tail = [end(body.length), headers, digest, end(spec.headerBytes ?? headers.length)]
  return Buffer.concat([head, Buffer.from(key), body, ...(hasEnd ? tail : [])])
}

/** `<hash>_0`: the name that an entry gets. */
export function entryName(key: string): string {
  return `${createHash('sha1').update(key).digest('hex').slice(0, 16)}_0`
}

/** index.txt of a page: one cache, and the origin. */
export function cacheIndex(origin: string): Buffer {
  const field = (number: number, text: string): Buffer =>
    Buffer.concat([Buffer.from([number * 8 + 2, Buffer.byteLength(text)]), Buffer.from(text)])
  const cache = field(1, 'webllm/model').toString('latin1') + field(2, 'uuid').toString('latin1')
  return Buffer.concat([field(1, cache), field(2, origin)])
}

/** Snappy's framing with every block as one literal. */
export function snappy(content: Uint8Array): Buffer {
  const chunks = [Buffer.from('ff060000734e61507059', 'hex')]
  for (let at = 0; at < content.length; at += 65_536) {
    const block = content.subarray(at, at + 65_536)
    const size = block.length
    const length = Buffer.from([(size & 127) | 128, ((size >> 7) & 127) | 128, size >> 14])
    const data = Buffer.concat([length, Buffer.from([61 << 2, (size - 1) & 255, (size - 1) >> 8]), block])
    const head = Buffer.alloc(8)
    head.writeUIntLE(data.length + 4, 1, 3)
    chunks.push(head, data)
  }
  return Buffer.concat(chunks)
}

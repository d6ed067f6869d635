// How a report is packed for the wire: zstd where the collector said that it takes it, gzip elsewhere. Older collectors know gzip alone,
// and a Node.js below 22.15 has no zstd.
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'

/** Below this a report is sent as it is: compressing saves no packet. */
const MIN_BYTES = 2048
/** Copies of one model in one report lie far apart: only a window as wide as a report finds them again. */
const WINDOW_LOG = 20

export type Encoding = 'gzip' | 'zstd'

export interface Packed {
  readonly body: string | Buffer<ArrayBuffer>
  /** The header that tells how it is packed; empty when it is not. */
  readonly headers: Readonly<Record<string, string>>
}

/** Packs a text as `preferred` says, where this Node.js can. */
export function pack(text: string, preferred: Encoding): Packed {
  if (Buffer.byteLength(text) < MIN_BYTES) return { body: text, headers: {} }
  const encoding = preferred === 'zstd' && hasZstd() ? 'zstd' : 'gzip'
  const body = encoding === 'zstd' ? zstd(text) : gzipSync(text, { level: 6 })
  return { body, headers: { 'content-encoding': encoding } }
}

/** What the header `Accept-Encoding` of an answer (RFC 7694) asks for. */
export function encodingAskedFor(header: string | null): Encoding {
  const names = (header ?? '').split(',').map((name) => name.trim().toLowerCase())
  return names.includes('zstd') && hasZstd() ? 'zstd' : 'gzip'
}

function hasZstd(): boolean {
  return typeof zstdCompressSync === 'function'
}

function zstd(text: string): Buffer<ArrayBuffer> {
  const { ZSTD_c_compressionLevel, ZSTD_c_windowLog } = constants
  return zstdCompressSync(text, { params: { [ZSTD_c_compressionLevel]: 3, [ZSTD_c_windowLog]: WINDOW_LOG } })
}

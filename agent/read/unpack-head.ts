// The beginning of packed content, bounded: enough to tell what lies inside, and all of it where it is small.
// gzip (RFC 1952), zlib (RFC 1950) and zstd (RFC 8878) by Node's own decoders, lz4 frames (lz4:doc/lz4_Frame_format.md) by hand.
import { constants, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { unpackLz4 } from './unpack-lz4.ts'

/** Deflate unpacks at most 1,032 bytes from one: the first piece cannot exceed any limit we use (CWE-409). */
const FIRST_PIECE = 1_024

export type Packing = 'gzip' | 'zlib' | 'zstd' | 'lz4 frame' | 'joblib ZF (zlib, old)' | 'bz2' | 'xz' | 'lzma'

const ZF_HEADER_BYTES = 21
/** A zlib stream of joblib: deflate with a 32 KiB window, levels 0 to 9. */
const ZLIB_LEVELS: readonly number[] = [0x01, 0x5e, 0x9c, 0xda]

/** How the first bytes are packed; null when they are not, or in a way unknown here. */
export function packingOf(head: Uint8Array): Packing | null {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, ZF_HEADER_BYTES + 2))
  const hex = bytes.toString('hex')
  if (hex.startsWith('1f8b08')) return 'gzip'
  if (bytes[0] === 0x78 && ZLIB_LEVELS.includes(bytes[1] ?? 0)) return 'zlib'
  if (hex.startsWith('28b52ffd')) return 'zstd'
  if (hex.startsWith('04224d18')) return 'lz4 frame'
  if (hex.startsWith('425a68')) return 'bz2'
  if (hex.startsWith('fd377a585a00')) return 'xz'
  if (hex.startsWith('5d0000')) return 'lzma'
  // "ZF", the length as hexadecimal text of 19 places, then zlib (joblib before 0.10).
  return /^ZF0x[0-9a-f]+ *x$/.test(bytes.toString('latin1', 0, ZF_HEADER_BYTES + 1)) ? 'joblib ZF (zlib, old)' : null
}

/** Up to `limit` unpacked bytes, or null where there is no decoder here, or nothing could be unpacked. */
export function unpackHead(packed: Uint8Array, packing: Packing, limit: number): Buffer | null {
  switch (packing) {
    case 'gzip':
      return growing(packed, limit, (piece) =>
        gunzipSync(piece, { maxOutputLength: limit, finishFlush: constants.Z_SYNC_FLUSH }),
      )
    case 'zlib':
      return inflate(packed, limit)
    case 'joblib ZF (zlib, old)':
      return inflate(packed.subarray(ZF_HEADER_BYTES), limit)
    case 'zstd':
      return growing(packed, limit, (piece) =>
        zstdDecompressSync(piece, { maxOutputLength: limit, finishFlush: constants.ZSTD_e_continue }),
      )
    case 'lz4 frame':
      return unpackLz4(packed, limit)
    case 'bz2':
    case 'xz':
    case 'lzma':
      return null
  }
}

function inflate(packed: Uint8Array, limit: number): Buffer | null {
  return growing(packed, limit, (piece) =>
    inflateSync(piece, { maxOutputLength: limit, finishFlush: constants.Z_SYNC_FLUSH }),
  )
}

/** Unpacks ever longer pieces until the limit is met: Node gives nothing of what would go beyond it. */
function growing(packed: Uint8Array, limit: number, unpack: (piece: Uint8Array) => Buffer): Buffer | null {
  let best: Buffer | null = null
  for (let size = FIRST_PIECE; best === null || best.length < limit; size *= 2) {
    const next = tryUnpack(packed.subarray(0, size), unpack)
    if (next === null) break
    best = next
    if (size >= packed.length) break
  }
  return best
}

function tryUnpack(piece: Uint8Array, unpack: (piece: Uint8Array) => Buffer): Buffer | null {
  try {
    return unpack(piece)
  } catch (error) {
    // A piece that cannot be unpacked, or would unpack beyond the limit, says no more than the piece before it.
    if (error instanceof Error || (typeof error === 'object' && error !== null && 'code' in error)) return null
    throw error
  }
}

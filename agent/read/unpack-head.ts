// The beginning of packed content, bounded: enough to tell what lies inside, and all of it where it is small.
// gzip (RFC 1952), zlib (RFC 1950) and zstd (RFC 8878) by Node's own decoders, which know no
// others; lz4 frames (lz4:doc/lz4_Frame_format.md), bzip2, xz and lzma by ours.
import { constants, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib'
import { unpackBzip2 } from './unpack-bzip2.ts'
import { unpackLz4 } from './unpack-lz4.ts'
import { unpackLzmaAlone, unpackXz } from './unpack-lzma.ts'
import type { Unpacked } from './unpack-output.ts'

/** Deflate unpacks at most 1,032 bytes from one, and zstd 128 KiB from a block of four: so small a piece stays within the room. */
const FIRST_PIECE = 32
/** A deflate block states its codes in at most about 300 bytes; what follows shows the first header of a tar archive. */
const FIRST_PACKED_BYTES = 768
/** What they unpack to mostly; Node's own 16 KiB take longer to get than to fill. */
const FIRST_CHUNK_BYTES = 1_024
const MIN_FIRST_BYTES = 512
/** What a piece may unpack to at least, before it is cut to what was asked for (CWE-409). */
const MIN_ROOM_BYTES = 1_048_576

/** Longer streams are halved less often. */
const MIN_COARSE_BYTES = 65_536

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
  if (/^425a683[1-9]314159265359/.test(hex)) return 'bz2'
  if (hex.startsWith('fd377a585a00')) return 'xz'
  // Properties 3, 0, 2 and a dictionary of a power of two, at least 4 KiB, as every preset writes it; the size is often unknown.
  if (/^5d0000[0-9a-f]{2}0[0-8](?:f{16}|[0-9a-f]{10}000000)00/.test(hex)) return 'lzma'
  // "ZF", the length as hexadecimal text of 19 places, then zlib (joblib before 0.10).
  return /^ZF0x[0-9a-f]+ *x$/.test(bytes.toString('latin1', 0, ZF_HEADER_BYTES + 1)) ? 'joblib ZF (zlib, old)' : null
}

/** Up to `limit` unpacked bytes, or null where nothing could be unpacked. */
export function unpackHead(packed: Uint8Array, packing: Packing, limit: number): Unpacked | null {
  switch (packing) {
    case 'gzip':
      return growing(packed, limit, (piece, maxOutputLength, isAll) =>
        gunzipSync(piece, { maxOutputLength, finishFlush: isAll ? constants.Z_FINISH : constants.Z_SYNC_FLUSH }),
      )
    case 'zlib':
      return inflate(packed, limit)
    case 'joblib ZF (zlib, old)':
      return inflate(packed.subarray(ZF_HEADER_BYTES), limit)
    case 'zstd':
      return growing(packed, limit, (piece, maxOutputLength) =>
        zstdDecompressSync(piece, { maxOutputLength, finishFlush: constants.ZSTD_e_continue }),
      )
    case 'lz4 frame':
      return unpackLz4(packed, limit)
    case 'bz2':
      return unpackBzip2(packed, limit)
    case 'xz':
      return unpackXz(packed, limit)
    case 'lzma':
      return unpackLzmaAlone(packed, limit)
  }
}

/** Recognitions of several readers ask about the same bytes. */
const firsts = new WeakMap<Uint8Array, { readonly packing: Packing; readonly bytes: Uint8Array | null }>()

/**
 * What the first packed bytes unpack to, in one call: enough to tell thousands of archives from a model, and for nothing else. Null
 * where they give nothing. The bytes do not change.
 */
export function unpackFirst(packed: Uint8Array, packing: Packing): Uint8Array | null {
  const known = firsts.get(packed)
  if (known?.packing === packing) return known.bytes
  const bytes = unpackPiece(packed, packing)
  firsts.set(packed, { packing, bytes })
  return bytes
}

function unpackPiece(packed: Uint8Array, packing: Packing): Uint8Array | null {
  const piece = packed.subarray(0, FIRST_PACKED_BYTES)
  const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MIN_ROOM_BYTES, chunkSize: FIRST_CHUNK_BYTES }
  const unpack = packing === 'gzip' ? gunzipSync : packing === 'zlib' ? inflateSync : null
  if (unpack === null) return unpackHead(piece, packing, MIN_FIRST_BYTES)?.bytes ?? null
  const first = tryUnpack(piece, MIN_ROOM_BYTES, () => unpack(piece, options))
  return Buffer.isBuffer(first) && first.length > 0 ? first : null
}

function inflate(packed: Uint8Array, limit: number): Unpacked | null {
  return growing(packed, limit, (piece, maxOutputLength, isAll) =>
    inflateSync(piece, { maxOutputLength, finishFlush: isAll ? constants.Z_FINISH : constants.Z_SYNC_FLUSH }),
  )
}

/** `isAll`: the stream has to end with the piece. */
type Unpack = (piece: Uint8Array, maxOutputLength: number, isAll: boolean) => Buffer

/** Unpacks ever longer pieces, and halves the last step where it went beyond the room: Node gives nothing of what does. */
function growing(packed: Uint8Array, limit: number, unpack: Unpack): Unpacked | null {
  const room = Math.max(limit, MIN_ROOM_BYTES)
  let best: Buffer | null = null
  let good = 0
  let step = FIRST_PIECE
  let isGrowing = true
  let isCut = false
  while (step >= smallestStep(good) && good < packed.length) {
    const next = tryUnpack(packed.subarray(0, good + step), room, unpack)
    isCut ||= next === 'cut'
    if (Buffer.isBuffer(next) && next.length > limit) return { bytes: next.subarray(0, limit), end: 'limit' }
    isGrowing &&= Buffer.isBuffer(next)
    if (Buffer.isBuffer(next)) {
      best = next
      good += step
    }
    step = isGrowing ? good : Math.floor(step / 2)
  }
  if (best === null) return null
  if (!isCut && good < packed.length) return { bytes: best, end: 'limit' }
  const isEnded = !isCut && Buffer.isBuffer(tryUnpack(packed, room, (all) => unpack(all, room, true)))
  return { bytes: best, end: isEnded ? 'whole' : 'cut' }
}

/** Each step unpacks everything anew: of a large stream the last sixteenth before its damage or limit is not worth it (CWE-400). */
function smallestStep(good: number): number {
  return good < MIN_COARSE_BYTES ? 1 : Math.ceil(good / 16)
}

/** What a piece gives, or why it gives nothing: it would unpack beyond the room, or is damaged. */
function tryUnpack(piece: Uint8Array, room: number, unpack: Unpack): Buffer | 'limit' | 'cut' {
  try {
    return unpack(piece, room, false)
  } catch (error) {
    if (typeof error !== 'object' || error === null || !('code' in error)) throw error
    return error.code === 'ERR_BUFFER_TOO_LARGE' ? 'limit' : 'cut'
  }
}

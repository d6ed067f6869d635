// The beginning of .lzma and .xz files, bounded (LZMA SDK specification; The .xz File Format 1.2.0, with the LZMA2 filter alone).
//
//   .lzma: properties 1 | uint32 dictionary size | uint64 size, all ones: an end marker stands in its place | LZMA stream
//   .xz:   magic 6 | flags 2 | CRC-32, then blocks: size 1 | flags 1 | [sizes] | filter | CRC-32 | LZMA2 chunks | padding | check
//   chunk: control 1 | uint16be size - 1 | [uint16be packed size - 1 | [properties 1]] | data;   control 0 ends the block
import { crc32 } from 'node:zlib'
import { LzmaDecoder, lzmaProperties } from './lzma-decoder.ts'
import { HeadOutput, type Unpacked } from './unpack-output.ts'

const ALONE_HEADER_BYTES = 13
const XZ_HEADER_BYTES = 12
const LZMA2_FILTER = 0x21
/** Bytes of the check behind a block, by its kind. */
const CHECK_BYTES: readonly number[] = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64]
const UNKNOWN_SIZE = 0xffff_ffff_ffff_ffffn

/** Up to `limit` bytes of a .lzma file; null when its header cannot be one. */
export function unpackLzmaAlone(packed: Uint8Array, limit: number): Unpacked | null {
  const properties = lzmaProperties(packed[0] ?? 0xff)
  if (properties === null || packed.length < ALONE_HEADER_BYTES) return null
  const declared = Buffer.from(packed.subarray(5, ALONE_HEADER_BYTES)).readBigUInt64LE(0)
  const wanted = declared < BigInt(limit) ? Number(declared) : limit
  const out = new HeadOutput(limit)
  const decoder = new LzmaDecoder(out)
  decoder.resetState(properties)
  decoder.run(packed.subarray(ALONE_HEADER_BYTES), wanted)
  if (decoder.isBroken) return { bytes: out.bytes(), end: 'cut' }
  const isWhole = decoder.isEnded ? declared === UNKNOWN_SIZE || out.length === wanted : declared === BigInt(out.length)
  return { bytes: out.bytes(), end: isWhole ? 'whole' : out.isFull ? 'limit' : 'cut' }
}

/** Up to `limit` bytes of a .xz file; null when its header is damaged or it uses other filters. */
export function unpackXz(packed: Uint8Array, limit: number): Unpacked | null {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  if (bytes.length < XZ_HEADER_BYTES || crc32(bytes.subarray(6, 8)) !== bytes.readUInt32LE(8)) return null
  const checkBytes = CHECK_BYTES[(bytes[7] ?? 0) & 15] ?? 0
  const out = new HeadOutput(limit)
  let at: number | null = XZ_HEADER_BYTES
  while (!out.isFull) {
    // A header size of zero begins the index behind the last block.
    if (bytes[at] === 0) return { bytes: out.bytes(), end: 'whole' }
    const dataAt = blockData(bytes, at)
    if (dataAt === null) return out.length === 0 ? null : { bytes: out.bytes(), end: 'cut' }
    const end = unpackChunks(bytes, dataAt, out)
    if (end === null) break
    at = dataAt + Math.ceil((end - dataAt) / 4) * 4 + checkBytes
  }
  return { bytes: out.bytes(), end: out.isFull ? 'limit' : 'cut' }
}

/** Up to `limit` bytes of bare LZMA2 chunks, as 7-Zip keeps them. */
export function unpackLzma2(packed: Uint8Array, limit: number): Unpacked {
  const out = new HeadOutput(limit)
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
  const end = unpackChunks(bytes, 0, out)
  return { bytes: out.bytes(), end: end !== null ? 'whole' : out.isFull ? 'limit' : 'cut' }
}

/** Where the chunks of a block begin; null when its header is damaged or names other filters. */
function blockData(bytes: Buffer, at: number): number | null {
  const size = ((bytes[at] ?? 0) + 1) * 4
  if (at + size > bytes.length) return null
  const header = bytes.subarray(at, at + size)
  if (crc32(header.subarray(0, size - 4)) !== header.readUInt32LE(size - 4)) return null
  const flags = header[1] ?? 0
  const sizes = (flags & 0x40 ? 1 : 0) + (flags & 0x80 ? 1 : 0)
  let filterAt = 2
  for (let index = 0; index < sizes; index += 1) filterAt = behindNumber(header, filterAt)
  const isAlone = (flags & 3) === 0
  return isAlone && header[filterAt] === LZMA2_FILTER && header[filterAt + 1] === 1 ? at + size : null
}

/** Behind a number of seven bits a byte. */
function behindNumber(bytes: Uint8Array, at: number): number {
  let next = at
  while (((bytes[next] ?? 0) & 0x80) !== 0) next += 1
  return next + 1
}

/** Unpacks the chunks of a block; gives the place behind them, or null where they end early, are damaged or meet the limit. */
function unpackChunks(bytes: Buffer, start: number, out: HeadOutput): number | null {
  const decoder = new LzmaDecoder(out)
  let at = start
  while (at + 3 <= bytes.length || bytes[at] === 0) {
    const control = bytes[at] ?? 0
    if (control === 0) return at + 1
    const next = control < 0x80 ? storedChunk(bytes, at, out, decoder) : lzmaChunk(bytes, at, decoder)
    if (next === null || out.isFull) return null
    at = next
  }
  return null
}

function storedChunk(bytes: Buffer, at: number, out: HeadOutput, decoder: LzmaDecoder): number | null {
  const control = bytes[at] ?? 0
  if (control > 2) return null
  if (control === 1) decoder.resetDictionary()
  const end = at + 3 + bytes.readUInt16BE(at + 1) + 1
  out.literals(bytes.subarray(at + 3, end))
  return end <= bytes.length ? end : null
}

function lzmaChunk(bytes: Buffer, at: number, decoder: LzmaDecoder): number | null {
  if (at + 6 > bytes.length) return null
  const control = bytes[at] ?? 0
  const wanted = ((control & 0x1f) << 16) + bytes.readUInt16BE(at + 1) + 1
  const reset = (control >> 5) & 3
  const dataAt = at + (reset >= 2 ? 6 : 5)
  const properties = reset >= 2 ? lzmaProperties(bytes[at + 5] ?? 0xff) : undefined
  if (properties === null) return null
  if (reset === 3) decoder.resetDictionary()
  if (reset > 0) decoder.resetState(properties)
  const end = dataAt + bytes.readUInt16BE(at + 3) + 1
  decoder.run(bytes.subarray(dataAt, end), wanted)
  return decoder.isBroken || decoder.isEnded || end > bytes.length ? null : end
}

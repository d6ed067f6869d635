// Builds 7-Zip archives for tests (7zFormat.txt of the LZMA SDK 24). Members lie in one folder, as they are, in LZMA2 chunks that are
// stored, deflated, or under a coder that is only declared.
import { crc32, deflateRawSync } from 'node:zlib'

export interface SevenZipMember {
  readonly name: string
  readonly data: Uint8Array
}

export interface SevenZipOptions {
  /** `copy` by default. */
  readonly coder?: 'copy' | 'lzma2' | 'lzma2+x86' | 'deflate' | 'aes'
  /** Packs the list as well. */
  readonly isListPacked?: boolean
}

/** As 7-Zip writes numbers: the leading ones of the first byte say how many bytes follow. */
function number(value: number): Buffer {
  if (value < 0x80) return Buffer.from([value])
  if (value < 0x4000) return Buffer.from([0x80 | (value >> 8), value & 0xff])
  const bytes = Buffer.alloc(5, 0xf0)
  bytes.writeUInt32LE(value, 1)
  return bytes
}

function bytes(...values: readonly number[]): Buffer {
  return Buffer.from(values)
}

/** Stored chunks of LZMA2: no encoder is needed for them. */
function lzma2(data: Uint8Array): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; at < data.length; at += 65_536) {
    const part = data.subarray(at, at + 65_536)
    const head = bytes(at === 0 ? 1 : 2, 0, 0)
    head.writeUInt16BE(part.length - 1, 1)
    chunks.push(head, Buffer.from(part))
  }
  return Buffer.concat([...chunks, bytes(0)])
}

const CODERS = {
  copy: bytes(1, 0x01, 0x00),
  lzma2: bytes(1, 0x21, 0x21, 1, 0x18),
  // The filter's input is the output of the second coder.
  'lzma2+x86': bytes(2, 0x04, 3, 3, 1, 3, 0x21, 0x21, 1, 0x18, 0, 1),
  deflate: bytes(1, 0x03, 4, 1, 8),
  aes: bytes(1, 0x04, 6, 0xf1, 7, 1),
} as const

function pack(data: Uint8Array, coder: keyof typeof CODERS): Buffer {
  if (coder === 'deflate') return deflateRawSync(data)
  return coder.startsWith('lzma2') ? lzma2(data) : Buffer.from(data)
}

/** Streams of one folder: where it is packed, by what, and how long it is. */
function streams(at: number, packed: Uint8Array, size: number, coder: keyof typeof CODERS): Buffer {
  const outputs = coder === 'lzma2+x86' ? [number(size), number(size)] : [number(size)]
  return Buffer.concat([
    Buffer.concat([bytes(6), number(at), bytes(1, 9), number(packed.length), bytes(0)]),
    Buffer.concat([bytes(7, 11, 1, 0), CODERS[coder], bytes(12), ...outputs, bytes(0)]),
  ])
}

/** Writes an archive. */
export function build7z(members: readonly SevenZipMember[], options: SevenZipOptions = {}): Buffer {
  const coder = options.coder ?? 'copy'
  const content = Buffer.concat(members.map(({ data }) => data))
  const packed = pack(content, coder)
  const sizes = members.slice(0, -1).map(({ data }) => number(data.length))
  const names = Buffer.from(`${members.map(({ name }) => name).join('\0')}\0`, 'utf16le')
  const counted = Buffer.concat([
    bytes(8, 13),
    number(members.length),
    ...(sizes.length > 0 ? [bytes(9), ...sizes] : []),
  ])
  const list = Buffer.concat([
    Buffer.concat([bytes(1, 4), streams(0, packed, content.length, coder), counted, bytes(0, 0)]),
    Buffer.concat([
      bytes(5),
      number(members.length),
      bytes(17),
      number(names.length + 1),
      bytes(0),
      names,
      bytes(0, 0),
    ]),
  ])
  if (options.isListPacked !== true) return whole(packed, list)
  const packedList = lzma2(list)
  const outer = Buffer.concat([bytes(0x17), streams(packed.length, packedList, list.length, 'lzma2'), bytes(0)])
  return whole(Buffer.concat([packed, packedList]), outer)
}

function whole(body: Buffer, list: Buffer): Buffer {
  const start = Buffer.alloc(20)
  start.writeBigUInt64LE(BigInt(body.length), 0)
  start.writeBigUInt64LE(BigInt(list.length), 8)
  start.writeUInt32LE(crc32(list), 16)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(crc32(start))
  return Buffer.concat([bytes(0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, 0, 4), checksum, start, body, list])
}

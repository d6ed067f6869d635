// Ordinary files of other kinds, small and well formed, to which tests append weights, and numbers as trained weights have them.
import { patternBytes } from './build-gguf.ts'

/** `content` is what the picture's data would be. */
export function buildPng(content: Uint8Array = patternBytes(100_000, 1)): Buffer {
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', Buffer.alloc(13, 1)),
    chunk('IDAT', content),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(kind: string, data: Uint8Array): Buffer {
  // Nobody here checks the sum, except that of the last chunk, which never changes.
  const sum = kind === 'IEND' ? Buffer.from('ae426082', 'hex') : Buffer.alloc(4, 7)
  return Buffer.concat([number32(data.length), Buffer.from(kind), data, sum])
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A picture in which nothing tells where it ends but the marker. */
export function buildJpeg(hasEnd = true, bytes = 300_000): Buffer {
  const start = Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')
  return Buffer.concat([start, Buffer.alloc(bytes, 'picture'), Buffer.from(hasEnd ? 'ffd9' : '', 'hex')])
}

export interface Box {
  readonly kind: string
  readonly data: Uint8Array
  /** What the box claims, where that is a lie; a bigint is written as a 64-bit size. */
  readonly size?: number | bigint
}

/** ISO base media: `ftyp` and the boxes given. */
export function buildMp4(boxes: readonly Box[]): Buffer {
  const all: readonly Box[] = [{ kind: 'ftyp', data: Buffer.from('isom\0\0\0\0isom') }, ...boxes]
  return Buffer.concat(all.map(boxBytes))
}

function boxBytes({ kind, data, size = 8 + data.length }: Box): Buffer {
  if (typeof size === 'number') return Buffer.concat([number32(size), Buffer.from(kind), data])
  const long = Buffer.alloc(8)
  long.writeBigUInt64BE(BigInt.asUintN(64, size))
  return Buffer.concat([number32(1), Buffer.from(kind), long, data])
}

export function buildWav(bytes = 50_000): Buffer {
  const head = Buffer.from('RIFF\0\0\0\0WAVEdata\0\0\0\0')
  head.writeUInt32LE(12 + bytes, 4)
  head.writeUInt32LE(bytes, 16)
  return Buffer.concat([head, patternBytes(bytes, 3)])
}

/** One segment, and a section table at the end. */
export function buildElf(bytes = 20_000): Buffer {
  const file = Buffer.alloc(64 + 56 + bytes + 2 * 64)
  patternBytes(bytes, 4).copy(file, 120)
  file.write('\x7fELF\x02\x01\x01', 'latin1')
  file.writeBigUInt64LE(64n, 32)
  file.writeBigUInt64LE(BigInt(120 + bytes), 40)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(1, 56)
  file.writeUInt16LE(64, 58)
  file.writeUInt16LE(2, 60)
  file.writeBigUInt64LE(BigInt(120 + bytes), 64 + 32)
  return file
}

/** One section behind the headers. */
export function buildPe(bytes = 20_000): Buffer {
  const file = Buffer.alloc(1_024 + bytes)
  file.write('MZ', 'latin1')
  file.writeUInt32LE(128, 60)
  file.write('PE\0\0', 128, 'latin1')
  file.writeUInt16LE(1, 134)
  file.writeUInt16LE(240, 148)
  file.writeUInt16LE(0x20b, 152)
  const section = 152 + 240
  file.writeUInt32LE(bytes, section + 16)
  file.writeUInt32LE(1_024, section + 20)
  patternBytes(bytes, 5).copy(file, 1_024)
  return file
}

/** EBML header and one segment. */
export function buildMatroska(bytes = 30_000): Buffer {
  const segment = Buffer.from('185380670100000000000000', 'hex')
  segment.writeUInt32BE(bytes, 8)
  return Buffer.concat([
    Buffer.from('1a45dfa3', 'hex'),
    Buffer.from([0x84, 1, 2, 3, 4]),
    segment,
    patternBytes(bytes, 6),
  ])
}

export function buildSqlite(pages = 20): Buffer {
  const file = patternBytes(4_096 * pages, 8)
  file.write('SQLite format 3\0', 'latin1')
  file.writeUInt16BE(4_096, 16)
  file.writeUInt32BE(pages, 28)
  return file
}

/** Numbers around zero with the bell shape of trained weights: repeatable. */
export function bellNumbers(count: number, seed: number, spread = 0.02): Float32Array {
  let state = seed >>> 0
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return ((state >>> 8) + 0.5) / 2 ** 24
  }
  return Float32Array.from(
    { length: count },
    () => spread * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()),
  )
}

// A first look at files that are no models, as nearly every file of a disk is: all recognisers say no. From memory, so that what is
// counted is judging, and what they read beyond the first 4 KiB.
import { gzipSync } from 'node:zlib'
import type { ByteSource } from '../agent/read/cursor.ts'
import { formats } from '../agent/read/formats.ts'
import { Look } from '../agent/read/look.ts'
import { findReader } from '../agent/read/sniff-format.ts'
import { noise } from './generated-model.ts'
import type { Measurement } from './measurement.ts'

const FILES = 5_000
const SIZE_BYTES = 2_097_152
const HEAD_BYTES = 4_096
const ROUNDS = 5
/** One in eight of a Debian system's large files is a program; text, images, archives and databases follow. */
const ENDINGS = ['so', 'txt', 'json', 'png', 'gz', 'db', 'dat', 'xml']

interface Ordinary {
  readonly name: string
  readonly head: Uint8Array
}

/** Measures looks at generated ordinary files, after a first round that warms up. */
export async function measure(): Promise<readonly Measurement[]> {
  const files = Array.from({ length: FILES }, (_, index) => ordinary(index))
  const beyond = { reads: 0, bytes: 0 }
  lookAtAll(files, beyond)
  beyond.reads = 0
  beyond.bytes = 0
  const before = process.cpuUsage()
  for (let round = 0; round < ROUNDS; round += 1) lookAtAll(files, beyond)
  const used = process.cpuUsage(before)
  const looks = FILES * ROUNDS
  return await Promise.resolve([
    { name: 'recognisers', value: formats.length, unit: 'formats' },
    { name: 'judging one file', value: (used.user + used.system) / looks, unit: 'µs CPU', budget: 'at most 30' },
    { name: 'reads beyond the first 4 KiB', value: beyond.reads / looks, unit: 'a file' },
    { name: 'bytes read beyond them', value: beyond.bytes / looks, unit: 'bytes a file' },
  ])
}

function lookAtAll(files: readonly Ordinary[], beyond: { reads: number; bytes: number }): void {
  for (const { name, head } of files) {
    const source: ByteSource = {
      sizeBytes: SIZE_BYTES,
      read: (position, target) => {
        if (position > 0 || target.length > HEAD_BYTES) {
          beyond.reads += 1
          beyond.bytes += target.length
        }
        // Behind the head lies the same again and again, whatever piece of it is asked for.
        for (let at = 0; at < target.length; ) {
          const start = (position + at) % HEAD_BYTES
          const piece = head.subarray(start, start + target.length - at)
          target.set(piece, at)
          at += piece.length
        }
        return target.length
      },
    }
    const found = findReader(new Look(source, name))
    if (found !== null) throw new Error(`${name} was taken for ${found.id}`)
  }
}

function ordinary(index: number): Ordinary {
  const ending = ENDINGS[index % ENDINGS.length] ?? 'dat'
  const head = Buffer.alloc(HEAD_BYTES)
  headOf(ending, noise(HEAD_BYTES, index), index).copy(head)
  return { name: `file-${index}.${ending}`, head }
}

function headOf(ending: string, bytes: Buffer, index: number): Buffer {
  const words = bytes.toString('base64').replaceAll(/[0-9+/]/g, ' ')
  switch (ending) {
    case 'so':
      return Buffer.concat([Buffer.from('7f454c46020101000000000000000000', 'hex'), bytes])
    case 'txt':
      return Buffer.from(words.replaceAll('  ', '\n'))
    case 'json':
      return Buffer.from(JSON.stringify({ id: index, words: words.split(' ') }))
    case 'png':
      return Buffer.concat([Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), bytes])
    case 'gz':
      return gzipSync(words.repeat(4))
    case 'db':
      return Buffer.concat([Buffer.from('SQLite format 3\0'), bytes])
    case 'xml':
      return Buffer.from(`<?xml version="1.0"?>\n<${words.trim().slice(0, 3)}>${words}`)
    default:
      return bytes
  }
}

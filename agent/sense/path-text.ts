// Paths as bytes. On POSIX a name is any byte but NUL and `/`; inside the sensors it travels as a latin1 string, one
// character a byte, so that nothing is lost, and is made readable once, on the way out. Windows names stay plain text.

import { createHash } from 'node:crypto'
import { MAX_PATH_CHARS } from '../../contract/wire.ts'

const IS_BYTES = process.platform !== 'win32'
const ASCII = /^[\u0000-\u007f]*$/
/** A literal backslash that would read like an escape is escaped itself, so that two different names never print alike. */
const LOOKS_ESCAPED = /\\(?=x[0-9a-f]{2})/g

/** The encoding in which names are read from the system. */
export const NAME_ENCODING: BufferEncoding = IS_BYTES ? 'latin1' : 'utf8'

/** What paths inside containers begin with: `container:/NAME/path`. No path of a disk does, so no file can pose as one of them. */
export const IN_CONTAINERS = 'container:'

/** Turns a readable path (from a person, a setting or argv) into the sensors' byte form. */
export function bytesOf(path: string): string {
  return IS_BYTES && !ASCII.test(path) ? Buffer.from(path, 'utf8').toString('latin1') : path
}

/** What is handed to node:fs for a path in byte form. */
export function fileSystemPath(bytes: string): string | Buffer {
  return !IS_BYTES || ASCII.test(bytes) ? bytes : Buffer.from(bytes, 'latin1')
}

/**
 * Readable form of a name or path in byte form: UTF-8 where it is valid, `\xNN` for every byte that is not. Trees can be deeper
 * than any path that a report takes; such a path is cut, and a digest of all of it keeps two of them apart.
 */
export function readablePath(bytes: string): string {
  const text = readableText(bytes)
  if (text.length <= MAX_PATH_CHARS) return text
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 16)
  return `${text.slice(0, MAX_PATH_CHARS - 32)}…${digest}`
}

function readableText(bytes: string): string {
  if (ASCII.test(bytes) || !IS_BYTES) return bytes.includes('\\x') ? bytes.replace(LOOKS_ESCAPED, '\\x5c') : bytes
  const escaped = bytes.replace(LOOKS_ESCAPED, '\\x5c')
  const buffer = Buffer.from(escaped, 'latin1')
  const text = buffer.toString('utf8')
  if (!text.includes('\ufffd')) return text
  return escapeInvalid(buffer)
}

function escapeInvalid(buffer: Buffer): string {
  let text = ''
  let at = 0
  while (at < buffer.length) {
    const length = validSequenceLength(buffer, at)
    text +=
      length === 0 ? `\\x${(buffer[at] ?? 0).toString(16).padStart(2, '0')}` : buffer.toString('utf8', at, at + length)
    at += Math.max(1, length)
  }
  return text
}

/** Length of the valid UTF-8 sequence at a place, 0 when there is none (RFC 3629: no overlong forms, no surrogates). */
function validSequenceLength(buffer: Buffer, at: number): number {
  const first = buffer[at] ?? 0
  const length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0
  if (length === 0 || at + length > buffer.length) return 0
  const piece = buffer.subarray(at, at + length)
  return Buffer.from(piece.toString('utf8'), 'utf8').equals(piece) ? length : 0
}

/** A byte as readablePath writes it. */
const ESCAPED = /\\x([0-9a-f]{2})/g

/** The byte form of what readablePath gave, where that was not cut: a name that is no UTF-8 leads to its file again. */
export function bytesOfReadable(readable: string): string {
  return bytesOf(readable).replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Joins a folder and a name in byte form. */
export function joinBytes(folder: string, name: string): string {
  const separator = IS_BYTES ? '/' : '\\'
  return folder.endsWith('/') || folder.endsWith(separator) ? folder + name : folder + separator + name
}

/** True for one plain name: not a path, not `.` or `..`, no longer than any file system allows. */
export function isPlainName(name: string): boolean {
  if (name === '' || name === '.' || name === '..') return false
  return name.length <= 255 && !name.includes('/') && !name.includes('\0') && (IS_BYTES || !/[\\:]/.test(name))
}

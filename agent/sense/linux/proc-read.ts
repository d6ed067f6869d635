// The hands of the process scan: small synchronous reads of /proc with one reused buffer (28 ms where promise-based reads
// took 504 ms for 1,490 processes, see notes/feasibility.md section 3), each with a named limit.
import { closeSync, constants, openSync, readSync, readlinkSync } from 'node:fs'
import { errorCode } from './system-failure.ts'

/** Longest text of one /proc file that is read whole; mappings, which can be longer, are sieved (maps-read.ts). */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
/** seq_file writes what fits a page in one piece; stat and status are a tenth of it. */
const PIECE_BYTES = 4_096
const FIRST_BUFFER_BYTES = 64 * 1024
let buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES)

/** A text, or why there is none. */
export type Look<T> =
  | { readonly kind: 'seen'; readonly value: T; readonly isCut: boolean }
  | { readonly kind: 'denied' }
  | { readonly kind: 'gone' }

/** Reads one /proc file into the reused buffer and returns its bytes: a view that is valid until the next read. */
function readBytes(path: string, maxBytes = MAX_TEXT_BYTES): Look<Buffer> {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY)
    const length = readInto(fd, maxBytes)
    return { kind: 'seen', value: buffer.subarray(0, length), isCut: length >= maxBytes }
  } catch (error) {
    return refused(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** The same for files that the kernel writes in one piece (stat, status): one read instead of two in the warm path. */
export function readPiece(path: string): Look<Buffer> {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY)
    return { kind: 'seen', value: buffer.subarray(0, readSync(fd, buffer, 0, PIECE_BYTES, null)), isCut: false }
  } catch (error) {
    return refused(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Reads a file that is held open anew, from its start; null when the process behind it has ended. */
export function readPieceAgain(fd: number): Buffer | null {
  try {
    return buffer.subarray(0, readSync(fd, buffer, 0, PIECE_BYTES, 0))
  } catch {
    // ESRCH, whatever took its number since.
    return null
  }
}

function readInto(fd: number, maxBytes: number): number {
  let length = 0
  while (length < maxBytes) {
    if (length === buffer.length) grow()
    const read = readSync(fd, buffer, length, Math.min(buffer.length, maxBytes) - length, null)
    if (read === 0) break
    length += read
  }
  return length
}

/** Reads one /proc file through the reused buffer, whatever its length: each piece is valid until the next. Tells how much it was. */
export function readInPieces(path: string, maxBytes: number, take: (piece: Buffer) => void): Look<number> {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY)
    const length = handOver(fd, maxBytes, take)
    return { kind: 'seen', value: length, isCut: length >= maxBytes }
  } catch (error) {
    return refused(error)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function handOver(fd: number, maxBytes: number, take: (piece: Buffer) => void): number {
  let length = 0
  while (length < maxBytes) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, maxBytes - length), null)
    if (read === 0) break
    length += read
    take(buffer.subarray(0, read))
  }
  return length
}

function grow(): void {
  const larger = Buffer.allocUnsafe(Math.min(buffer.length * 4, MAX_TEXT_BYTES))
  buffer.copy(larger)
  buffer = larger
}

/** Gives back a buffer that one large process made large. */
export function shrinkBuffer(): void {
  if (buffer.length > FIRST_BUFFER_BYTES) buffer = Buffer.allocUnsafe(FIRST_BUFFER_BYTES)
}

/** Reads one /proc file as latin1 text. */
export function readText(path: string, maxBytes?: number): Look<string> {
  const bytes = readBytes(path, maxBytes)
  return bytes.kind === 'seen' ? { ...bytes, value: bytes.value.toString('latin1') } : bytes
}

/** Where a link of /proc leads, in byte form. */
export function readLink(path: string): Look<string> {
  try {
    return { kind: 'seen', value: readlinkSync(path, 'latin1'), isCut: false }
  } catch (error) {
    return refused(error)
  }
}

/** EACCES and EPERM are a refusal; everything else (ENOENT, ESRCH, EIO of a dying process) means that it is gone. */
export function isRefusal(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'EACCES' || code === 'EPERM'
}

/** What a failed look means. */
export function refused(error: unknown): { readonly kind: 'denied' } | { readonly kind: 'gone' } {
  return isRefusal(error) ? { kind: 'denied' } : { kind: 'gone' }
}

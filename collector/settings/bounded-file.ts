// Reads a small file that somebody else may have put there: a regular one, bounded before it is read, and never waited for.
import { type Stats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode } from '../error-code.ts'

export type FileRead =
  | { readonly kind: 'text'; readonly text: string; readonly stat: Stats }
  | { readonly kind: 'absent' }
  | { readonly kind: 'refused'; readonly detail: string; readonly cause?: unknown }

interface ReadOptions {
  readonly maxBytes: number
  /** Whether a symbolic link is followed to the file. */
  readonly links: 'followed' | 'refused'
}

/** The text of a file, or why there is none. */
export function readBoundedFile(file: string, { maxBytes, links }: ReadOptions): FileRead {
  // A FIFO of that name must not hold the program for ever.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (links === 'refused' ? constants.O_NOFOLLOW : 0)
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, flags)
    const stat = fstatSync(descriptor)
    if (!stat.isFile()) return { kind: 'refused', detail: `${file} is not a regular file` }
    if (stat.size > maxBytes) return { kind: 'refused', detail: `${file} has ${stat.size} bytes, limit ${maxBytes}` }
    const bytes = Buffer.alloc(stat.size)
    const read = readSync(descriptor, bytes, 0, bytes.length, 0)
    return { kind: 'text', text: bytes.toString('utf8', 0, read), stat }
  } catch (error) {
    const code = errorCode(error)
    if (code === undefined) throw error
    if (code === 'ENOENT') return { kind: 'absent' }
    return { kind: 'refused', detail: `${file}: ${code === 'ELOOP' ? 'a symbolic link' : code}`, cause: error }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

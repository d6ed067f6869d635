// Reads the long socket tables of /proc/net line by line, keeping the listeners only: a busy server has a hundred thousand
// connections there, and they are nobody's business.
import { closeSync, openSync, readSync } from 'node:fs'

const CHUNK_BYTES = 64 * 1024
/** The kernel lists TCP listeners before all connections, so a table cut here still names them (net/ipv4/tcp_ipv4.c). */
const MAX_TABLE_BYTES = 16 * 1024 * 1024
/** Listening sockets of one table. */
const MAX_LISTENERS = 4_096

/** The lines that were kept; null when the table cannot be read. */
export interface TableLines {
  readonly lines: readonly string[] | null
  readonly isCut: boolean
}

/** Reads a table and keeps the lines that `isWanted` accepts; `note` is shown all of them. */
export function readTable(
  path: string,
  isWanted: (line: string) => boolean,
  note?: (line: string) => void,
): TableLines {
  let fd: number | undefined
  try {
    fd = openSync(path, 'r')
    return keepLines(fd, isWanted, note)
  } catch {
    // tcp6 is absent where IPv6 is off; the caller tells an absent table from an empty one by the null.
    return { lines: null, isCut: false }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function keepLines(fd: number, isWanted: (line: string) => boolean, note?: (line: string) => void): TableLines {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  const lines: string[] = []
  let rest = ''
  let total = 0
  while (total < MAX_TABLE_BYTES && lines.length < MAX_LISTENERS) {
    const length = readSync(fd, chunk, 0, CHUNK_BYTES, null)
    if (length === 0) return { lines, isCut: false }
    total += length
    const pieces = (rest + chunk.toString('latin1', 0, length)).split('\n')
    rest = pieces.pop() ?? ''
    if (note !== undefined) pieces.forEach((line) => note(line))
    lines.push(...pieces.filter(isWanted))
  }
  return { lines: lines.slice(0, MAX_LISTENERS), isCut: true }
}

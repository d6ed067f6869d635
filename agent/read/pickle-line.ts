// Arguments of pickles that are lines: names, and the numbers and texts of protocols 0 and 1.
import type { Cursor } from './cursor.ts'

const LINE_END = 0x0a

export interface PickleLine {
  /** The first bytes, where it is long. */
  readonly text: string
  readonly at: number
  readonly size: number
  readonly isLong: boolean
}

/** The rest of the line under the cursor, which is left behind its end. */
export function readLine(cursor: Cursor, maxBytes: number): PickleLine {
  const at = cursor.position
  const size = lineSize(cursor)
  cursor.seek(at)
  const text = cursor.text(Math.min(size, maxBytes), 'utf8')
  cursor.seek(at + size + 1)
  return { text, at, size, isLong: size > maxBytes }
}

function lineSize(cursor: Cursor): number {
  const at = cursor.position
  const near = cursor.distanceTo(LINE_END)
  if (near >= 0) return near
  while (cursor.uint8() !== LINE_END) {
    const rest = cursor.distanceTo(LINE_END)
    cursor.skip(rest < 0 ? cursor.atHand : rest)
  }
  return cursor.position - at - 1
}

// Rows of the screens of `gnomon status` and `gnomon doctor`: one screen of 24 rows (40 where the terminal has them), as wide as the
// terminal, 100 columns at most. A long text goes on in the next row as long as there is room for it.
import { printable } from '../../contract/printable.ts'
import type { Terminal } from './terminal.ts'

const SCREEN_ROWS = 24
/** More is no screen that a person takes in at once. */
const MAX_ROWS = 40
const MAX_COLUMNS = 100
const MIN_COLUMNS = 60
/** Longer than a whole screen: what comes after is for --json (CWE-400). */
const MAX_TEXT_CHARS = MAX_ROWS * MAX_COLUMNS
/** One text takes no more lines than this: `--json` has the rest. */
const MAX_LINES = 3

/** How wide a row may be. */
export function columnsOf({ columns }: Pick<Terminal, 'columns'>): number {
  return Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, columns))
}

/** How many rows a screen may have; the prompt takes one. Where the terminal does not tell, as many as any has. */
export function rowsOf({ size }: Pick<Terminal, 'size'>): number {
  return Math.min(MAX_ROWS, Math.max(SCREEN_ROWS, (size?.()?.rows ?? 0) - 1))
}

/** The text made harmless, in lines of at most so many columns. */
export function wrapText(text: string, columns: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of printable(text.slice(0, MAX_TEXT_CHARS)).split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= columns) {
      line = longer
      continue
    }
    if (line !== '') lines.push(line)
    line = word
    // A path may be longer than a line.
    for (; line.length > columns; line = line.slice(columns)) lines.push(line.slice(0, columns))
  }
  return [...lines, line]
}

/** The first lines of a wrapped text; the last one that is shown says when there is more. */
export function cutLines(lines: readonly string[], most: number, columns: number): readonly string[] {
  if (lines.length <= most) return lines
  const shown = lines.slice(0, most)
  const last = shown.at(-1) ?? ''
  return [...shown.slice(0, -1), `${last.slice(0, columns - 1)}…`]
}

/** How many lines each text gets, one at least: what is left of the screen goes to those named first. */
export function shareLines(wanted: readonly number[], room: number): readonly number[] {
  let left = Math.max(0, room - wanted.length)
  return wanted.map((lines) => {
    const extra = Math.min(Math.max(0, Math.min(lines, MAX_LINES) - 1), left)
    left -= extra
    return 1 + extra
  })
}

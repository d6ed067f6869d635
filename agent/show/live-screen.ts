// A picture on the terminal that is drawn anew in its own place: below what was there, without the alternate screen, so that the last
// one stays when the program ends, and nothing else does.
import type { Terminal, TerminalSize } from './terminal.ts'

/** Where a terminal does not tell its size. */
const USUAL_SIZE: TerminalSize = { columns: 80, rows: 24 }
/** A line that is wider than was reckoned (wide letters) is cut by the terminal: wrapped, it would shift the next picture. */
const NO_WRAP = '\u001b[?7l'
const WRAP = '\u001b[?7h'
const ERASE_BELOW = '\u001b[J'
const ERASE_ALL = '\u001b[H\u001b[2J'

export interface LiveScreen {
  readonly size: () => TerminalSize
  /** Replaces the picture; lines beyond the height of the terminal are left out, and counted in its last line. */
  readonly draw: (lines: readonly string[]) => void
}

/** A screen without a picture. */
export function createLiveScreen(terminal: Terminal): LiveScreen {
  const size = (): TerminalSize => terminal.size?.() ?? USUAL_SIZE
  let drawn: { readonly lines: number; readonly size: TerminalSize } | null = null
  return {
    size,
    draw: (lines) => {
      const now = size()
      const shown = fitRows(lines, now.rows - 1)
      const isPulled = drawn !== null && (drawn.size.columns !== now.columns || drawn.size.rows !== now.rows)
      // After a change of size nobody knows where the old lines lie.
      const back = drawn === null ? '' : isPulled ? ERASE_ALL : `\u001b[${drawn.lines}A\r${ERASE_BELOW}`
      terminal.write(`${NO_WRAP}${back}${shown.map((line) => `${line}\n`).join('')}${WRAP}`)
      drawn = { lines: shown.length, size: now }
    },
  }
}

function fitRows(lines: readonly string[], rows: number): readonly string[] {
  const room = Math.max(2, rows)
  if (lines.length <= room) return lines
  return [...lines.slice(0, room - 1), `… and ${lines.length - room + 1} more`]
}

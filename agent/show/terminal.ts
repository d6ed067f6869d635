// What the terminal can do. Colours and moving progress only where a person looks; a pipe gets plain lines.
import type { Severity } from '../../contract/wire.ts'

export interface Terminal {
  readonly isInteractive: boolean
  readonly hasColour: boolean
  readonly columns: number
  readonly write: (text: string) => void
  /** Its true size now, which changes when a window is pulled; null where it is not known. */
  readonly size?: () => TerminalSize | null
}

export interface TerminalSize {
  readonly columns: number
  readonly rows: number
}

export interface TerminalStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** In a pipe nobody sees a margin: hardly anything is cut. */
const PIPE_COLUMNS = 240
/** Where a terminal does not tell. */
const USUAL_COLUMNS = 100

/** Describes a stream (stdout or stderr); NO_COLOR and TERM=dumb are honoured (no-color.org). */
export function terminalOf(
  stream: TerminalStream,
  environment: Readonly<Record<string, string | undefined>>,
): Terminal {
  const isInteractive = stream.isTTY === true && environment['TERM'] !== 'dumb'
  return {
    isInteractive,
    hasColour: isInteractive && (environment['NO_COLOR'] ?? '') === '',
    columns: isInteractive ? Math.min(Math.max(stream.columns || USUAL_COLUMNS, 60), 200) : PIPE_COLUMNS,
    write: (text) => void stream.write(text),
    size: () => {
      const { columns, rows } = stream
      // A terminal that nobody gave a size (script, a serial line, some CI) tells 0 by 0.
      return columns === undefined || rows === undefined || columns < 1 || rows < 1 ? null : { columns, rows }
    },
  }
}

type Ink = 'bold' | 'dim' | 'red' | 'yellow' | 'blue' | 'green'
const INKS: Readonly<Record<Ink, string>> = { bold: '1', dim: '2', red: '31', yellow: '33', blue: '34', green: '32' }

/** Colours a text where the terminal has colour. */
export function paint(terminal: Terminal, ink: Ink, text: string): string {
  return terminal.hasColour ? `\u001b[${INKS[ink]}m${text}\u001b[0m` : text
}

const SEVERITY_INK: Readonly<Record<Severity, Ink>> = {
  info: 'dim',
  low: 'blue',
  medium: 'yellow',
  high: 'red',
  critical: 'red',
}

/** A severity word in its colour, padded to one width. */
export function paintSeverity(terminal: Terminal, severity: Severity): string {
  return paint(terminal, SEVERITY_INK[severity], severity.padEnd(8))
}

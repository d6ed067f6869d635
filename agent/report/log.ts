// Log lines of the agent: JSON on stderr, one object a line, a constant message plus fields. Secrets never get in.
import { printable } from '../../contract/printable.ts'

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>

/** The message is a constant of the code; what varies goes into the fields. */
export type Log = Readonly<Record<LogLevel, (message: string, fields?: LogFields) => void>>

export interface LogOptions {
  readonly level: LogLevel
  /** Gets one line, with its line feed; the programs give `process.stderr.write`. */
  readonly write: (line: string) => void
  readonly now: () => Date
}

/** Longest text of one field: a hostile path must not fill the journal (CWE-400). */
const MAX_FIELD_CHARS = 2048
const SECRET = /token|secret|password|authori[sz]ation|cookie/i

/** Makes a log that drops lines below `level`. */
export function createLog({ level, write, now }: LogOptions): Log {
  const lowest = LOG_LEVELS.indexOf(level)
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(own) < lowest) return
      write(`${JSON.stringify({ ...cleaned(fields), time: now().toISOString(), level: own, message })}\n`)
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function cleaned(fields: LogFields): LogFields {
  const out: Record<string, LogFields[string]> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (SECRET.test(name)) out[name] = '[hidden]'
    else out[name] = typeof value === 'string' ? printable(value.slice(0, MAX_FIELD_CHARS)) : value
  }
  return out
}

// Every event that the daemon writes into its log: a name that programs may rely on, and the words that people read. docs/install.md
// lists them for whoever writes alerts; a test holds the two together.
import type { Log, LogFields, LogLevel } from './log.ts'

export const LOG_EVENTS = {
  'agent-started': 'started',
  'agent-stopped': 'stopped',
  'not-enrolled': 'not enrolled',
  'reader-started': 'reader started',
  'settings-applied': 'settings applied',
  'settings-refused': 'settings refused',
  swept: 'swept',
  'finding-new': 'new finding',
  'finding-ended': 'finding ended',
  'model-gone': 'model gone',
  'not-stored': 'sweep was not stored',
  'stored-again': 'sweeps are stored again',
  'delivery-failed': 'delivery failed',
  'delivery-works': 'delivery works again',
  gap: 'gap',
  'state-read-only': 'state takes no writes',
  'state-writable': 'state takes writes again',
  'worker-ended': 'worker ended',
  'worker-end-not-kept': 'end of the worker was not kept',
  refused: 'refused',
} as const

export type LogEvent = keyof typeof LOG_EVENTS

/** One line of the log. */
export function logEvent(log: Log, level: LogLevel, event: LogEvent, fields: LogFields = {}): void {
  log[level](LOG_EVENTS[event], { ...fields, event })
}

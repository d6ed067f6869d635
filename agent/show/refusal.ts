// How a command says that it refuses: a line for a person, JSON where JSON was asked for, a line of the log for a service.
import { describeFailure, type Failure, FAILURES } from '../../contract/failure.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import { createLog } from '../report/log.ts'
import { logEvent } from '../report/log-events.ts'

export type RefusalForm = 'line' | 'json' | 'log'

/** What the words of a command line ask for; known even where they cannot be understood. */
export function refusalForm(argv: readonly string[]): RefusalForm {
  const end = argv.indexOf('--')
  const words = end < 0 ? argv : argv.slice(0, end)
  if (!words.includes('--json') && !words.includes('--ndjson')) return 'line'
  return words[0] === 'run' ? 'log' : 'json'
}

/** With its line feed. */
export function renderRefusal({ code, detail }: Failure, form: RefusalForm, now: () => Date): string {
  const next = FAILURES[code].operator
  switch (form) {
    case 'line':
      return `${printable(describeFailure({ code, detail }))}\n`
    case 'json':
      return `${printableJson({ error: { code, detail, next } })}\n`
    case 'log': {
      let text = ''
      const log = createLog({ level: 'info', write: (line) => (text += line), now })
      logEvent(log, 'error', 'refused', { code, detail, next })
      return text
    }
  }
}

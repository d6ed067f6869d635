// The screen of `gnomon doctor`: a row for each check, and below a note or a fault what to do next. Bounded to 24 rows of 100 columns.
import type { Check } from '../doctor/check.ts'
import { fitText, SCREEN_ROWS } from './screen-row.ts'
import { paint, type Terminal } from './terminal.ts'

const STATE_COLUMNS = 6
const NAME_COLUMNS = 10
const INKS = { ok: 'green', note: 'yellow', broken: 'red' } as const
const ARROW = '-> '

export function renderChecks(checks: readonly Check[], terminal: Terminal): string {
  const advised = chooseAdvised(checks)
  return checks.flatMap((check) => rowsOf(check, advised.has(check), terminal)).join('\n')
}

/** Faults first: where there is not room for all advice, that of notes further down is in `--json` only. */
function chooseAdvised(checks: readonly Check[]): ReadonlySet<Check> {
  const wanting = checks.filter(({ next }) => next !== null)
  const ordered = [
    ...wanting.filter(({ state }) => state === 'broken'),
    ...wanting.filter(({ state }) => state !== 'broken'),
  ]
  return new Set(ordered.slice(0, Math.max(0, SCREEN_ROWS - checks.length)))
}

function rowsOf({ name, state, detail, next }: Check, isAdvised: boolean, terminal: Terminal): readonly string[] {
  const used = STATE_COLUMNS + NAME_COLUMNS + 2
  const head = `${paint(terminal, INKS[state], state.padEnd(STATE_COLUMNS))} ${name.padEnd(NAME_COLUMNS)} ${fitText(detail, used)}`
  if (!isAdvised || next === null) return [head]
  return [head, `${' '.repeat(used)}${paint(terminal, 'dim', `${ARROW}${fitText(next, used + ARROW.length)}`)}`]
}

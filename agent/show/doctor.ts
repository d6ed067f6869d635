// The screen of `gnomon doctor`: a row for each check, and below a note or a fault what to do next. Bounded to one screen of 100 columns; a
// next step is shown whole or not at all, since half a command is none.
import type { Check } from '../doctor/check.ts'
import { columnsOf, cutLines, rowsOf, shareLines, wrapText } from './screen-row.ts'
import { paint, type Terminal } from './terminal.ts'

const STATE_COLUMNS = 6
const NAME_COLUMNS = 10
const INDENT = STATE_COLUMNS + NAME_COLUMNS + 2
/** Commands are long: they begin further to the left. */
const STEP_INDENT = STATE_COLUMNS + 1
const INKS = { ok: 'green', note: 'yellow', broken: 'red' } as const
const ARROW = '-> '

export function renderChecks(checks: readonly Check[], terminal: Terminal): string {
  const columns = columnsOf(terminal) - INDENT
  const steps = chooseSteps(checks, terminal)
  const hasMore = steps.left > 0
  const used = [...steps.shown.values()].reduce((sum, lines) => sum + lines.length, hasMore ? 1 : 0)
  const details = new Map(checks.map((check) => [check, wrapText(check.detail, columns)]))
  const ordered = faultsFirst(checks)
  const shares = shareLines(
    ordered.map((check) => details.get(check)?.length ?? 1),
    rowsOf(terminal) - used,
  )
  const rows = checks.flatMap((check) => {
    const detail = cutLines(details.get(check) ?? [], shares[ordered.indexOf(check)] ?? 1, columns)
    return [...detailRows(check, detail, terminal), ...stepRows(steps.shown.get(check) ?? [], terminal)]
  })
  const more = `and ${steps.left} more with a next step: gnomon doctor --json`
  return [...rows, ...(hasMore ? stepRows([more], terminal) : [])].join('\n')
}

interface Steps {
  readonly shown: ReadonlyMap<Check, readonly string[]>
  /** Next steps for which there is no room. */
  readonly left: number
}

/** Those of faults first. */
function chooseSteps(checks: readonly Check[], terminal: Terminal): Steps {
  const columns = columnsOf(terminal) - STEP_INDENT - ARROW.length
  const wanting = faultsFirst(checks).flatMap((check) =>
    check.next === null ? [] : [{ check, lines: wrapText(check.next, columns) }],
  )
  const room = rowsOf(terminal) - checks.length
  const all = wanting.reduce((sum, { lines }) => sum + lines.length, 0)
  // A row says that there are more.
  let left = all <= room ? room : room - 1
  const shown = new Map<Check, readonly string[]>()
  for (const { check, lines } of wanting) {
    if (lines.length > left) continue
    shown.set(check, lines)
    left -= lines.length
  }
  return { shown, left: wanting.length - shown.size }
}

function faultsFirst(checks: readonly Check[]): readonly Check[] {
  const of = (wanted: Check['state']): readonly Check[] => checks.filter(({ state }) => state === wanted)
  return [...of('broken'), ...of('note'), ...of('ok')]
}

function detailRows({ name, state }: Check, lines: readonly string[], terminal: Terminal): readonly string[] {
  const head = `${paint(terminal, INKS[state], state.padEnd(STATE_COLUMNS))} ${name.padEnd(NAME_COLUMNS)} `
  return lines.map((line, at) => `${at === 0 ? head : ' '.repeat(INDENT)}${line}`)
}

function stepRows(lines: readonly string[], terminal: Terminal): readonly string[] {
  return lines.map((line, at) => {
    const arrow = at === 0 ? ARROW : ' '.repeat(ARROW.length)
    return `${' '.repeat(STEP_INDENT)}${paint(terminal, 'dim', `${arrow}${line}`)}`
  })
}

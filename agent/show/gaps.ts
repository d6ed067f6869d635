// Each gap of a sweep on a line of its own: how often, what, where, and why. As many as the state keeps.
import { printable } from '../../contract/printable.ts'
import type { Gap } from '../../contract/wire.ts'

export function renderGaps(gaps: readonly Gap[]): string {
  if (gaps.length === 0) return 'no gap in the last sweep'
  const ordered = [...gaps].sort((one, other) => one.code.localeCompare(other.code) || other.count - one.count)
  const width = Math.max(...ordered.map(({ code }) => code.length))
  return ordered
    .map(({ code, place, count, detail }) =>
      printable(`${String(count).padStart(6)} ${code.padEnd(width)}  ${place}: ${detail}`),
    )
    .join('\n')
}

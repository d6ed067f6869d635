// A table of measurements, for a terminal or for docs/performance.md. The ratio is ours by the peer's: below 1 we are cheaper.
import { cpus, loadavg, release, totalmem } from 'node:os'
import type { Measurement } from './measurement.ts'

const HEAD = ['what', 'measured', 'budget', 'peer in the same run', 'ratio']

/** The machine and its load, without which no figure means anything. */
export function describeMachine(at: Date): string {
  const [processor] = cpus()
  const memory = (totalmem() / 1e9).toFixed(1)
  const load = loadavg().map((value) => value.toFixed(1))
  return [
    `${at.toISOString().slice(0, 10)}, Node.js ${process.versions.node}, ${process.platform} ${release()} ${process.arch}`,
    `${cpus().length} x ${processor?.model.trim() ?? 'unknown processor'}, ${memory} GB, load average ${load.join(' ')}`,
  ].join('; ')
}

/** Columns of equal width. */
export function renderTable(rows: readonly Measurement[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)]
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  return cells.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd()).join('\n')
}

/** The same as a Markdown table. */
export function renderMarkdown(rows: readonly Measurement[]): string {
  return [HEAD, HEAD.map(() => '---'), ...rows.map(cellsOf)].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

function cellsOf({ name, value, unit, budget, peer }: Measurement): readonly string[] {
  const measured = `${describe(value)} ${unit}`
  if (peer === undefined) return [name, measured, budget ?? '', '', '']
  return [name, measured, budget ?? '', `${peer.name}: ${describe(peer.value)}`, describe(value / peer.value)]
}

/** Three digits that count; more would pretend to know. */
function describe(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}

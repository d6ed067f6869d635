// Plain tables: columns as wide as their content, the last one cut to the terminal. Every cell is escaped before it is measured.
import { printable, shorten } from '../../contract/printable.ts'

export interface Cell {
  /** Raw text; control characters are made visible here. */
  readonly text: string
  /** Colours the finished cell. */
  readonly paint?: (text: string) => string
}

/** Renders rows under a header, two spaces between columns, nothing wider than `columns`. */
export function renderTable(header: readonly string[], rows: readonly (readonly Cell[])[], columns: number): string {
  const escaped = rows.map((row) => row.map((cell) => ({ ...cell, text: printable(cell.text) })))
  const widths = fitWidths(
    header.map((title, index) => Math.max(title.length, ...escaped.map((row) => row[index]?.text.length ?? 0))),
    columns,
  )
  const line = (cells: readonly Cell[]): string =>
    cells
      .map((cell, index) => {
        const text = shorten(cell.text, widths[index] ?? 1).padEnd(index === cells.length - 1 ? 0 : (widths[index] ?? 1))
        return cell.paint === undefined ? text : cell.paint(text)
      })
      .join('  ')
      .trimEnd()
  return [line(header.map((text) => ({ text }))), ...escaped.map(line)].join('\n')
}

/** Takes from the widest column until the line fits; no column falls below 8. */
function fitWidths(widths: readonly number[], columns: number): readonly number[] {
  const fitted = [...widths]
  const total = (): number => fitted.reduce((sum, width) => sum + width + 2, -2)
  while (total() > columns) {
    const widest = fitted.indexOf(Math.max(...fitted))
    const width = fitted[widest] ?? 0
    if (width <= 8) break
    fitted[widest] = Math.max(8, width - (total() - columns))
  }
  return fitted
}

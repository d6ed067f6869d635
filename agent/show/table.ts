// Plain tables: columns as wide as their content, the last one cut to the terminal. Every cell is escaped before it is measured.
import { printable, shorten } from '../../contract/printable.ts'

/** Spaces between columns. */
const GUTTER = 2
/** Below this a cut text says nothing. */
const MIN_COLUMN = 8

export interface Cell {
  /** Raw text; control characters are made visible here. */
  readonly text: string
  /** Colours the finished cell. */
  readonly paint?: (text: string) => string
  /** A sentence is cut at its end; a path keeps both ends. */
  readonly isSentence?: true
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
        const text = cut(cell, widths[index] ?? 1).padEnd(index === cells.length - 1 ? 0 : (widths[index] ?? 1))
        return cell.paint === undefined ? text : cell.paint(text)
      })
      .join(' '.repeat(GUTTER))
      .trimEnd()
  return [line(header.map((text) => ({ text }))), ...escaped.map(line)].join('\n')
}

function cut({ text, isSentence }: Cell, width: number): string {
  if (isSentence === undefined || text.length <= width) return shorten(text, width)
  return `${text.slice(0, Math.max(0, width - 1))}…`
}

/** Takes from the widest column, again and again, until the line fits; no column falls below its least width. */
function fitWidths(widths: readonly number[], columns: number): readonly number[] {
  const fitted = widths.map((width) => Math.min(width, columns))
  const excess = (): number => fitted.reduce((sum, width) => sum + width + GUTTER, -GUTTER) - columns
  while (excess() > 0) {
    const widest = Math.max(...fitted)
    if (widest <= MIN_COLUMN) break
    fitted[fitted.indexOf(widest)] = widest - 1
  }
  return fitted
}

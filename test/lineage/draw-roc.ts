// The ROC picture of docs/identity.md as SVG, from the figures alone.
import type { Roc } from './score.ts'

export interface Line {
  readonly label: string
  readonly colour: string
  readonly dashes: string
  readonly roc: Pick<Roc, 'auc' | 'curve'>
}

const SIZE = 420
const LEFT = 64
const TOP = 56
/** The horizontal axis is logarithmic: what matters lies below one false alarm in a hundred. */
const LEAST_RATE = 0.0001

/** Draws the lines. */
export function drawRoc(title: string, subtitle: string, lines: readonly Line[]): string {
  const x = (rate: number) =>
    LEFT + (SIZE * Math.log10(Math.max(rate, LEAST_RATE) / LEAST_RATE)) / -Math.log10(LEAST_RATE)
  const y = (rate: number) => TOP + SIZE * (1 - rate)
  const text = (at: readonly [number, number], words: string, more = '') =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${words}</text>`
  const grid = [LEAST_RATE, 0.001, 0.01, 0.1, 1].flatMap((rate) => [
    `<line x1="${x(rate).toFixed(1)}" y1="${TOP}" x2="${x(rate).toFixed(1)}" y2="${TOP + SIZE}" stroke="#e3e6ea"/>`,
    text([x(rate), TOP + SIZE + 20], rate === LEAST_RATE ? '0' : `${rate * 100}%`, 'text-anchor="middle"'),
  ])
  const rows = [0, 0.25, 0.5, 0.75, 1].flatMap((rate) => [
    `<line x1="${LEFT}" y1="${y(rate)}" x2="${LEFT + SIZE}" y2="${y(rate)}" stroke="#e3e6ea"/>`,
    text([LEFT - 8, y(rate) + 4], `${rate * 100}%`, 'text-anchor="end"'),
  ])
  const drawn = lines.map(({ colour, dashes, roc }) => {
    const points = roc.curve.map(([falsely, truly]) => `${x(falsely).toFixed(1)},${y(truly).toFixed(1)}`)
    return `<polyline fill="none" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dashes}" points="${points.join(' ')}"/>`
  })
  const legend = lines.flatMap(({ label, colour, dashes, roc }, index) => {
    const at = TOP + SIZE - 20 - (lines.length - 1 - index) * 22
    return [
      `<line x1="${LEFT + 84}" y1="${at - 4}" x2="${LEFT + 116}" y2="${at - 4}" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dashes}"/>`,
      text([LEFT + 124, at], `${label}, AUC ${roc.auc.toFixed(4)}`),
    ]
  })
  const width = LEFT + SIZE + 32
  const height = TOP + SIZE + 56
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text([LEFT, 24], title, 'font-size="15" font-weight="600"'),
    text([LEFT, 42], subtitle, 'fill="#57606a"'),
    ...grid,
    ...rows,
    `<rect x="${LEFT + 72}" y="${TOP + SIZE - 20 - lines.length * 22}" width="${SIZE - 84}" height="${lines.length * 22 + 10}" fill="#ffffff" stroke="#d0d7de"/>`,
    ...drawn,
    ...legend,
    text([LEFT + SIZE / 2, height - 14], 'strangers called related (logarithmic)', 'text-anchor="middle"'),
    text(
      [16, TOP + SIZE / 2],
      'related pairs found',
      `text-anchor="middle" transform="rotate(-90 16 ${TOP + SIZE / 2})"`,
    ),
    '</svg>',
  ].join('\n')}\n`
}

// Draws what a terminal shows as an SVG: plain text, bold, dim and the six colours, and lines that were drawn over.

const COLUMN_WIDTH = 8.4
const LINE_HEIGHT = 19
const PADDING = 18
const FOREGROUND = '#d7dae0'
const BACKGROUND = '#16181d'
const COLOURS: Readonly<Record<number, string>> = {
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  34: '#79c0ff',
  35: '#d2a8ff',
  36: '#76e3ea',
}
/** Colour changes (SGR), erasing of a line, and whatever else a terminal is told, by their last letter; ends of lines; text. */
const TOKEN = /\u001b\[([0-9;?]*)([A-Za-z])|\r?\n|[\s\S]/g

interface Ink {
  readonly colour: string
  readonly isBold: boolean
  readonly isDim: boolean
}
interface Piece extends Ink {
  readonly text: string
}

const PLAIN: Ink = { colour: FOREGROUND, isBold: false, isDim: false }

function inkAfter(ink: Ink, codes: string): Ink {
  let next = ink
  for (const code of codes.split(';').map(Number)) {
    if (code === 0) next = PLAIN
    else if (code === 1) next = { ...next, isBold: true }
    else if (code === 2) next = { ...next, isDim: true }
    else next = { ...next, colour: COLOURS[code] ?? next.colour }
  }
  return next
}

/** The lines that are left on the screen: a carriage return or an erased line takes back what the line held. */
function linesOf(output: string): readonly (readonly Piece[])[] {
  const lines: Piece[][] = [[]]
  let ink = PLAIN
  for (const [token, codes, letter] of output.matchAll(TOKEN)) {
    if (letter === 'm') ink = inkAfter(ink, codes ?? '')
    else if (letter === 'K' || token === '\r') lines[lines.length - 1] = []
    else if (token.endsWith('\n')) lines.push([])
    else if (token >= ' ') lines.at(-1)?.push({ ...ink, text: token })
  }
  return lines.map(joined)
}

/** Neighbours of one ink become one piece. */
function joined(pieces: readonly Piece[]): readonly Piece[] {
  const result: Piece[] = []
  for (const piece of pieces) {
    const last = result.at(-1)
    const isSame = last?.colour === piece.colour && last.isBold === piece.isBold && last.isDim === piece.isDim
    if (isSame) result[result.length - 1] = { ...last, text: last.text + piece.text }
    else result.push(piece)
  }
  return result
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function drawn(piece: Piece): string {
  const weight = piece.isBold ? ' font-weight="bold"' : ''
  const opacity = piece.isDim ? ' opacity="0.6"' : ''
  return `<tspan fill="${piece.colour}"${weight}${opacity}>${escaped(piece.text)}</tspan>`
}

/** An SVG of the output, with the command line that made it on top. */
export function drawTerminal(command: string, output: string): string {
  const prompt: readonly Piece[] = [
    { ...PLAIN, isDim: true, text: '$ ' },
    { ...PLAIN, isBold: true, text: command },
  ]
  const lines = [prompt, ...linesOf(output.trimEnd())]
  const columns = Math.max(...lines.map((line) => line.reduce((sum, { text }) => sum + text.length, 0)), 80)
  const width = Math.ceil(columns * COLUMN_WIDTH + 2 * PADDING)
  const height = lines.length * LINE_HEIGHT + 2 * PADDING
  const rows = lines.map((line, index) => {
    const y = PADDING + (index + 0.75) * LINE_HEIGHT
    return `  <text x="${PADDING}" y="${y}" xml:space="preserve">${line.map(drawn).join('')}</text>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `  <rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `  <g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14">`,
    ...rows,
    '  </g>',
    '</svg>',
    '',
  ].join('\n')
}

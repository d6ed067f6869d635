// What is installed, as a person reads it on a terminal.
import type { Installation } from '../../contract/installation.ts'
import { countOf } from './measure.ts'
import { type Cell, renderTable } from './table.ts'
import { paint, type Terminal } from './terminal.ts'

/** Lines of the table; the rest is a number, and --json has them all. */
const MAX_LINES = 30

/** Installed products: those with a weakness or without a guard first. */
export function renderInstallations(installations: readonly Installation[], terminal: Terminal): readonly string[] {
  if (installations.length === 0) return []
  const sorted = [...installations].sort((left, right) => gravity(right) - gravity(left))
  const rows = sorted.slice(0, MAX_LINES).map((installation): readonly Cell[] => {
    const notes = notesOf(installation)
    return [
      { text: `${installation.product} (${installation.confidence})` },
      { text: installation.version ?? '-' },
      { text: installation.category },
      { text: installation.scope },
      { text: [...new Set(installation.parts.map(({ source }) => source))].join(', ') },
      {
        text: notes.join('; ') || '-',
        isSentence: true,
        ...(gravity(installation) > 0 ? { paint: (text: string) => paint(terminal, 'yellow', text) } : {}),
      },
    ]
  })
  const left = installations.length - rows.length
  const more = left > 0 ? [`… and ${left} more; --json lists all`] : []
  return [
    renderTable(['installed', 'version', 'kind', 'where', 'seen as', 'notes'], rows, terminal.columns),
    ...more,
    '',
  ]
}

function gravity({ vulnerabilities, riskySettings, confidence }: Installation): number {
  return vulnerabilities.length * 2 + riskySettings.length * 2 + (confidence === 'possible' ? -1 : 0)
}

function notesOf({ vulnerabilities, riskySettings, mcpServers, pointsAtLocalModel }: Installation): readonly string[] {
  const guards = [...new Set(riskySettings.flatMap(({ turnsOff }) => turnsOff))]
  return [
    ...vulnerabilities.map(({ id }) => id),
    ...guards.map((guard) => `${guard.replace('-', ' ')} off`),
    ...(mcpServers.length === 0 ? [] : [countOf(mcpServers.length, 'MCP server')]),
    ...(pointsAtLocalModel === true ? ['uses a local model'] : []),
  ]
}

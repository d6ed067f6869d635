// `gnomon settings`: each setting, its value and who said it, with everything that could not be used.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { describeFailure } from '../../contract/failure.ts'
import { printable, printableJson, shorten } from '../../contract/printable.ts'
import { whyNoState } from '../report/find-state.ts'
import { settingsPlaces, settingsPlacesIn, stateOf } from '../session.ts'
import { failureOf, type SettingSource, type SettingsTrouble } from '../settings/choose-settings.ts'
import { loadAnyway, type LoadedSettings } from '../settings/load-settings.ts'
import { SETTINGS } from '../settings/settings.ts'
import { SOURCE_WORDS } from '../settings/source-words.ts'
import { paint, type Terminal } from '../show/terminal.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, PLACE_OPTIONS, report } from './command.ts'

/** A list of a thousand folders is for --json. */
const MAX_SHOWN_CHARS = 100

export const settings: Command = {
  spec: {
    name: 'settings',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Show every setting, its value, and who decided it; with everything that could not be used.',
    details: [
      'In this order: managed policy, the policy of the collector, this machine (command line, then its file), the default.',
      'Exit code 2 when something could not be used. docs/settings.md tells what each setting takes.',
    ],
    options: { json: JSON_OPTION, ...PLACE_OPTIONS },
  },
  run: (invocation, context) => Promise.resolve(runSettings(invocation, context)),
}

interface Row {
  readonly name: string
  readonly value: unknown
  readonly from: SettingSource
  readonly summary: string
}

function runSettings(invocation: Invocation, context: CommandContext): ExitCode {
  const places = settingsPlaces(invocation, context)
  const first = loadAnyway(places)
  // Without a state nothing is known of a collector's policy, and showing settings makes none.
  const state = whyNoState(first.settings.stateFolder) === null ? stateOf(first.settings, context) : null
  if (state?.ok === false) report(context, state.failure)
  const loaded = state?.ok === true ? loadAnyway(settingsPlacesIn(state.value, places)) : first
  if (state?.ok === true) state.value.close()
  const rows = rowsOf(loaded)
  const troubles = loaded.troubles.map(({ failure, place }) => ({ place, code: failure.code, detail: failure.detail }))
  const text = hasOption(invocation, 'json')
    ? printableJson({ file: loaded.file, settings: rows, troubles }, 2)
    : [...renderRows(rows, context.stdout), ...loaded.troubles.map(describeTrouble)].join('\n')
  context.stdout.write(`${text}\n`)
  return troubles.length === 0 ? EXIT.done : EXIT.usage
}

function describeTrouble(trouble: SettingsTrouble): string {
  return printable(describeFailure(failureOf(trouble)))
}

function rowsOf({ settings: values, sources }: LoadedSettings): readonly Row[] {
  const byName: ReadonlyMap<string, unknown> = new Map(Object.entries(values))
  return Object.entries(SETTINGS).map(([name, { summary }]) => ({
    name,
    value: byName.get(name),
    from: sources.get(name) ?? 'default',
    summary,
  }))
}

function renderRows(rows: readonly Row[], terminal: Terminal): readonly string[] {
  const width = Math.max(...rows.map(({ name }) => name.length))
  return rows.map(({ name, value, from }) => {
    const shown = shorten(printable(JSON.stringify(value)), MAX_SHOWN_CHARS)
    return `${paint(terminal, 'dim', name.padEnd(width))}  ${SOURCE_WORDS[from].padEnd(14)}  ${shown}`
  })
}

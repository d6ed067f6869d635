// The reference of all settings as Markdown and as JSON Schema (docs/settings.md, docs/schemas/agent-settings.schema.json), kept
// current by a test.
import { type CollectorRight, type Place, SETTINGS, type SettingSpec } from './settings.ts'

/** Any machine will do: defaults that depend on it have words of their own. */
const ANY_PLACE: Place = { environment: {}, platform: 'linux', homeFolder: '/home/someone', isRoot: false }

/** Renders the table of settings. */
export function renderSettingsReference(): string {
  const rows = Object.entries(SETTINGS).map(([name, spec]) => row(name, spec))
  return [
    '# Settings of the agent',
    '',
    'Generated from `agent/settings/settings.ts` by `npm run golden`; a test keeps it current.',
    '',
    'All settings are optional. Who says a setting first in this order decides it:',
    '',
    '1. **managed policy**: one JSON object in `/etc/gnomon/managed/settings.json` (Linux),',
    '   `/Library/Application Support/Gnomon/managed/settings.json` (macOS) or `%ProgramData%\\Gnomon\\managed\\settings.json` (Windows).',
    '   On Linux and macOS the file and the two folders above it must belong to root and be writable by nobody else, or it is not believed.',
    '2. **the policy of the collector** (its setting `agentPolicy`), fetched after deliveries, at most every five minutes. Only what the',
    '   table allows: *sets* a value, *adds* to the list of this machine, or *raises* it to a word further right; never the rest.',
    '3. **this machine**: options of the command line, then one JSON object in `/etc/gnomon/settings.json` for root, else in',
    '   `$XDG_CONFIG_HOME/gnomon/settings.json` or `~/.config/gnomon/settings.json`; another file is named with `--settings FILE`.',
    '4. the default.',
    '',
    '`gnomon settings` shows every setting, its value and who said it. Names that begin with `$` are left aside, so',
    '`"$schema": "agent-settings.schema.json"` lets editors complete the file (`docs/schemas/`).',
    '',
    'A command stops at an unknown name or an unusable value with one line and exit code 2. The daemon as it runs as a service',
    '(`gnomon run --json`) does not: detection goes on with what the same document last said of that setting, else with the default;',
    'while a file cannot be read at all and nothing is known of it, `privacyLevel` is `counts`. The trouble is logged once, told with',
    'every report as a gap of the agent (`GNO_SETTINGS_INVALID`, `GNO_SETTINGS_UNREADABLE`) and shown by `gnomon settings`, until it is mended.',
    'A running daemon looks at the files every few seconds: what applies at the *next turn* needs no restart and no signal.',
    '',
    '| setting | what it is for | value | default | collector | a change applies at the |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
    '```json',
    JSON.stringify(EXAMPLE, null, 2),
    '```',
    '',
  ].join('\n')
}

/** A settings file as people write them. */
export const EXAMPLE = {
  $schema: 'agent-settings.schema.json',
  collectorUrl: 'https://collector.example:8443',
  excludes: ['node_modules', '/srv/backup'],
  approvals: [{ kind: 'family', value: 'whisper', reason: 'dictation, approved by IT on 2026-11-01' }],
}

function row(name: string, spec: SettingSpec<unknown>): string {
  const value = spec.defaultText ?? `\`${JSON.stringify(spec.defaultValue(ANY_PLACE))}\``
  return `| ${[`\`${name}\``, spec.summary, spec.expected, value, spec.collector, spec.applies].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

const RIGHTS: Readonly<Record<CollectorRight, string>> = {
  never: 'A collector cannot set it.',
  sets: 'A collector may set it.',
  adds: 'A collector may add to it.',
  raises: 'A collector may choose a more careful word.',
}

/** The JSON Schema of a settings file (draft 07, which editors know). */
export function settingsSchema(): Readonly<Record<string, unknown>> {
  const properties = Object.entries(SETTINGS).map(([name, spec]): [string, unknown] => {
    const { schema, summary, expected, collector }: SettingSpec<unknown> = spec
    return [name, { ...schema, description: `${summary} Value: ${expected}. ${RIGHTS[collector]}` }]
  })
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Settings of the Gnomon agent',
    type: 'object',
    properties: Object.fromEntries(properties),
    patternProperties: { '^\\$': true },
    additionalProperties: false,
  }
}

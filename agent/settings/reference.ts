// The reference of all settings as Markdown: docs/settings.md, kept current by a test.
import { type Place, SETTINGS, type SettingSpec } from './settings.ts'

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
    'One JSON object in `/etc/gnomon/settings.json` for root, else in `$XDG_CONFIG_HOME/gnomon/settings.json` or',
    '`~/.config/gnomon/settings.json`; another file is named with `--settings FILE`. All settings are optional. An unknown name or',
    'an unusable value stops the program with one line and exit code 2; names that begin with `$` are left aside. Options of the',
    'command line win over the file.',
    '',
    '| setting | what it is for | value | default |',
    '|---|---|---|---|',
    ...rows,
    '',
    '```json',
    JSON.stringify(EXAMPLE, null, 2),
    '```',
    '',
  ].join('\n')
}

const EXAMPLE = {
  collectorUrl: 'https://collector.example:8443',
  excludes: ['node_modules', '/srv/backup'],
  approvals: [{ kind: 'family', value: 'whisper', reason: 'dictation, approved by IT on 2026-11-01' }],
}

function row(name: string, spec: SettingSpec<unknown>): string {
  const value = spec.defaultText ?? `\`${JSON.stringify(spec.defaultValue(ANY_PLACE))}\``
  return `| ${[`\`${name}\``, spec.summary, spec.expected, value].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

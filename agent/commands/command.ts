// What every command of `gnomon` is: its declaration and one function. Nothing global comes in but through the context.
import type { CommandSpec, ExitCode, Invocation, OptionSpec } from '../../contract/command-line.ts'
import { EXIT } from '../../contract/command-line.ts'
import type { Failure } from '../../contract/failure.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Platform } from '../../contract/observation.ts'
import { SEVERITIES } from '../../contract/wire.ts'
import type { KeyStream } from '../show/quit-keys.ts'
import { type RefusalForm, renderRefusal } from '../show/refusal.ts'
import type { Terminal } from '../show/terminal.ts'
import type { SupervisorLink } from '../supervisor/supervisor-link.ts'

export interface CommandContext {
  readonly stdout: Terminal
  readonly stderr: Terminal
  /** How a refusal is said; default: a line. */
  readonly refusals?: RefusalForm
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: Platform
  readonly isRoot: boolean
  readonly homeFolder: string
  readonly hostName: string
  readonly now: () => Date
  readonly signal: AbortSignal
  /** Who watches this process; null for a program that ends by itself. */
  readonly supervisor: SupervisorLink | null
  /** The keyboard, opened by who asks for it. */
  readonly keys: () => KeyStream
}

export interface Command {
  readonly spec: CommandSpec
  readonly run: (invocation: Invocation, context: CommandContext) => Promise<ExitCode>
}

/** Options that all commands with settings and state share. */
export const PLACE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  settings: {
    type: 'string',
    value: 'FILE',
    summary: 'Settings file; default /etc/gnomon/settings.json for root, else ~/.config/gnomon/settings.json.',
  },
  state: {
    type: 'string',
    value: 'DIR',
    summary:
      'State folder; default GNOMON_STATE (in a checkout: that of npm start), else /var/lib/gnomon or ~/.local/state/gnomon.',
  },
}

export const JSON_OPTION: OptionSpec = { type: 'boolean', summary: 'Print one JSON document.' }
export const NDJSON_OPTION: OptionSpec = { type: 'boolean', summary: 'Print one JSON object a line.' }
export const FAIL_ON_OPTION: OptionSpec = {
  type: 'string',
  value: 'SEVERITY',
  summary: `Exit with 1 on a finding of at least this severity (${SEVERITIES.join(', ')}); default never.`,
}

/** A string option, or undefined when it was not given. */
export function textOption(invocation: Invocation, name: string): string | undefined {
  const value = invocation.values[name]
  return typeof value === 'string' ? value : undefined
}

/** A repeatable string option. */
export function listOption(invocation: Invocation, name: string): readonly string[] {
  const value = invocation.values[name]
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

/** True when a switch was given. */
export function hasOption(invocation: Invocation, name: string): boolean {
  return invocation.values[name] === true
}

/** Prints the one line of a failure and gives the exit code that belongs to it. */
export function report(context: CommandContext, failure: Failure): ExitCode {
  context.stderr.write(renderRefusal(failure, context.refusals ?? 'line', context.now))
  const isUsage = failure.code === 'GNO_USAGE' || failure.code.startsWith('GNO_SETTINGS_')
  return isUsage ? EXIT.usage : EXIT.failure
}

/** 1 when a finding reaches `--fail-on`, else 0. The word itself was checked before the work (`checkFailOn`). */
export function exitFor(findings: readonly Finding[], invocation: Invocation): ExitCode {
  const floor = SEVERITIES.findIndex((severity) => severity === textOption(invocation, 'fail-on'))
  const reaches = (finding: Finding): boolean => SEVERITIES.indexOf(finding.severity) >= floor
  return floor >= 0 && findings.some(reaches) ? EXIT.findings : EXIT.done
}

/** Refuses a bad `--fail-on` before any work is done. */
export function checkFailOn(invocation: Invocation): Failure | null {
  const wanted = textOption(invocation, 'fail-on')
  if (wanted === undefined || wanted === 'never' || SEVERITIES.some((severity) => severity === wanted)) return null
  return { code: 'GNO_USAGE', detail: `--fail-on takes ${SEVERITIES.join(', ')} or never` }
}

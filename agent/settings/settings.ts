// The settings of the agent.
import { type Result, failed } from '../../contract/failure.ts'
import type { Approval } from '../../contract/finding.ts'
import type { Platform } from '../../contract/observation.ts'

export interface Settings {
  readonly collectorUrl: string | null
  readonly stateFolder: string
  /** Empty: every user's home and the known model stores. */
  readonly roots: readonly string[]
  readonly excludes: readonly string[]
  readonly sweepIntervalSeconds: number
  readonly processIntervalSeconds: number
  readonly watch: boolean
  readonly approvals: readonly Approval[]
  readonly maxSpoolBytes: number
  readonly deep: boolean
}

export interface LoadSettingsOptions {
  /** A file named by the user must exist; the default file need not. */
  readonly file?: string
  /** From the command line: wins over the file. Numbers and booleans may be text. */
  readonly overrides?: Readonly<Partial<Record<keyof Settings, unknown>>>
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: Platform
  readonly homeFolder: string
  readonly isRoot: boolean
}

export interface LoadedSettings {
  readonly settings: Settings
  /** The file that was read; null when there was none. */
  readonly file: string | null
  readonly sources: Readonly<Record<keyof Settings, 'default' | 'file' | 'override'>>
  /** Keys left aside on purpose: `$schema`, `$comment` and the like. */
  readonly ignored: readonly string[]
}

/** Reads the settings file, checks every value, and fills in the defaults. */
export function loadSettings(_options: LoadSettingsOptions): Result<LoadedSettings> {
  return failed('GNO_INTERNAL', 'being written')
}

/** The reference of all settings as Markdown (docs/settings.md). */
export function renderSettingsReference(): string {
  return ''
}

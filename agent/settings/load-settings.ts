// Reads the documents that settings come from and joins them: managed policy over the collector's policy over this machine (its
// command line over its file) over the defaults. What cannot be used is trouble: a command ends with it, the daemon keeps what it had.
import { type Failure, type Result, failed, success } from '../../contract/failure.ts'
import { chooseSettings, type Choice, type Documents } from './choose-settings.ts'
import type { Place, Settings } from './settings.ts'
import { readSettingsFile, stampOf } from './settings-file.ts'
import { localFileOf, type ManagedPlace, managedPlaceOf } from './settings-places.ts'

export type Overrides = Readonly<Partial<Record<keyof Settings, unknown>>>

export interface LoadSettingsOptions extends Place {
  /** A file named by the user must exist; the default file need not. */
  readonly file?: string
  /** From the command line: wins over the file. Digits and the words true and false stand for what they mean. */
  readonly overrides?: Overrides
  /** Where managed policy lies; by default the place of the system. */
  readonly managed?: ManagedPlace
  /** What the collector asks for, as it was last fetched. */
  readonly collector?: ReadonlyMap<string, unknown>
  /** Documents as they last were of use: they stand in for what cannot be used now. */
  readonly kept?: Documents
}

export interface LoadedSettings extends Omit<Choice, 'refused'> {
  /** The file that was read; null when there was none. */
  readonly file: string | null
}

/** Loads the settings; any trouble but that of the collector's policy is a failure. */
export function loadSettings(options: LoadSettingsOptions): Result<LoadedSettings> {
  const { refused, ...loaded } = load(options)
  return refused === undefined ? success(loaded) : { ok: false, failure: refused }
}

/** Loads the settings for whoever must not stop: trouble is told beside them, and what was good before stands. */
export function loadAnyway(options: LoadSettingsOptions): LoadedSettings {
  const { refused: _told, ...loaded } = load(options)
  return loaded
}

/** Changes whenever one of the files that `loadSettings` reads did. */
export function stampSettings(options: LoadSettingsOptions): string {
  return [stampOf(managedOf(options).file), stampOf(options.file ?? localFileOf(options))].join('\n')
}

function managedOf(options: LoadSettingsOptions): ManagedPlace {
  return options.managed ?? managedPlaceOf(options)
}

function load(options: LoadSettingsOptions): LoadedSettings & { readonly refused: Failure | undefined } {
  const { file: managedFile, owner } = managedOf(options)
  const localFile = options.file ?? localFileOf(options)
  const managed = readSettingsFile(managedFile, owner)
  const local = readLocal(localFile, options.file !== undefined)
  const chosen = chooseSettings({
    place: options,
    overrides: options.overrides ?? {},
    kept: options.kept ?? {},
    layers: {
      managed: { place: managedFile, values: managed },
      collector: { place: 'collector policy', values: success(options.collector ?? null) },
      file: { place: localFile, values: local },
    },
  })
  return { ...chosen, file: local.ok && local.value !== null ? localFile : null }
}

function readLocal(file: string, mustExist: boolean): Result<ReadonlyMap<string, unknown> | null> {
  const read = readSettingsFile(file)
  if (read.ok && read.value === null && mustExist) return failed('GNO_SETTINGS_UNREADABLE', `${file} does not exist`)
  return read
}

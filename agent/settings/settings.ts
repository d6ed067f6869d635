// The agent's settings: the one table of what each is called, what it may be, what it is when nobody says, and what it is for;
// and their loading: defaults, then the file, then the command line. Help and docs/settings.md are made from the table too.
import { posix, win32 } from 'node:path'
import { type Result, failed, success } from '../../contract/failure.ts'
import type { Approval } from '../../contract/finding.ts'
import type { Platform } from '../../contract/observation.ts'
import { checkCollectorUrl } from '../report/collector-url.ts'
import { type LabelledFolder, readLabelledFolders } from './labelled-folder.ts'
import { nearestName } from './nearest-name.ts'
import { isPlain, listOf, type ReadValue, readApprovals, readSwitch, wholeBetween } from './read-value.ts'
import { readSettingsFile } from './settings-file.ts'

/** Every setting with a usable value. */
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
  readonly hashBytesPerSecond: number
  /** Empty: nobody looks which files inference has open there. */
  readonly labelledFolders: readonly LabelledFolder[]
}

/** What the defaults depend on. */
export interface Place {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: Platform
  readonly homeFolder: string
  readonly isRoot: boolean
}

export interface SettingSpec<T> {
  /** In words, for the reference and for the error line. */
  readonly expected: string
  readonly summary: string
  /** The default in words, where it depends on the machine. */
  readonly defaultText?: string
  readonly defaultValue: (place: Place) => T
  readonly reader: (place: Place) => ReadValue<T>
}

export const SETTINGS: { readonly [Name in keyof Settings]: SettingSpec<Settings[Name]> } = {
  collectorUrl: {
    expected: 'an address like https://collector.example:8443; plain http to loopback only',
    summary:
      'Where `gnomon enroll` enrols this machine when no --collector is given. Reports go to the collector it is enrolled at; until then they are kept here.',
    defaultText: 'none',
    defaultValue: () => null,
    reader: () => (value) => {
      const checked = typeof value === 'string' ? checkCollectorUrl(value) : undefined
      return checked?.ok === true ? checked.value : undefined
    },
  },
  stateFolder: {
    expected: 'an absolute path',
    summary: 'Where the agent keeps its database. The folder is made private to the user that runs the agent.',
    defaultText:
      '`$GNOMON_STATE`, else `/var/lib/gnomon` for root, else `$XDG_STATE_HOME/gnomon` or `~/.local/state/gnomon`',
    defaultValue: stateFolderOf,
    reader: (place) => (value) =>
      typeof value === 'string' && isPlain(value) && pathOf(place).isAbsolute(value)
        ? pathOf(place).normalize(value)
        : undefined,
  },
  roots: {
    expected: 'a list of absolute paths',
    summary: 'The folders that a sweep walks. Empty: the home of every user and the known model stores.',
    defaultValue: () => [],
    reader: (place) => listOf((text) => pathOf(place).isAbsolute(text)),
  },
  excludes: {
    expected: 'a list of absolute paths (with `*` and `?` inside a component) or of names without a slash',
    summary: 'What a walk leaves out, with everything below it. Every exclude that was met is told as a gap.',
    defaultValue: () => [],
    reader: (place) => listOf((text) => pathOf(place).isAbsolute(text) || !/[/\\]/.test(text)),
  },
  sweepIntervalSeconds: {
    expected: 'a whole number from 60 to 604800',
    summary: 'How often `gnomon run` walks all folders.',
    defaultValue: () => 3600,
    reader: () => wholeBetween(60, 604_800),
  },
  processIntervalSeconds: {
    expected: 'a whole number from 1 to 3600',
    summary: 'How often `gnomon run` looks at the processes.',
    defaultValue: () => 10,
    reader: () => wholeBetween(1, 3600),
  },
  watch: {
    expected: 'true or false',
    summary: 'Whether `gnomon run` watches the model stores and download folders between sweeps.',
    defaultValue: () => true,
    reader: () => readSwitch,
  },
  approvals: {
    expected:
      'a list of {"kind": "sha256"|"family"|"license"|"path", "value", "reason"}; a sha256 has 64 lower-case hex digits',
    summary: 'What is allowed here. Only a sha256 silences a finding; the other kinds lower its severity.',
    defaultValue: () => [],
    reader: () => readApprovals,
  },
  maxSpoolBytes: {
    expected: 'a whole number from 1048576 (1 MiB) to 1099511627776 (1 TiB)',
    summary:
      'How much may wait for the collector. Beyond it the oldest reports without findings are emptied, and counted.',
    defaultValue: () => 1_073_741_824,
    reader: () => wholeBetween(1_048_576, 1_099_511_627_776),
  },
  deep: {
    expected: 'true or false',
    summary: 'Whether sweeps hash every model file as a whole (rung 6), which approvals by sha256 need.',
    defaultValue: () => false,
    reader: () => readSwitch,
  },
  hashBytesPerSecond: {
    expected: 'a whole number from 1000000 (1 MB) to 10000000000 (10 GB)',
    summary:
      'How fast `gnomon run` reads large files in the background to hash them. A digest is kept as long as its file stays the same; a scan by hand hashes at full speed.',
    defaultValue: () => 50_000_000,
    reader: () => wholeBetween(1_000_000, 10_000_000_000),
  },
  labelledFolders: {
    expected: 'a list of at most 32 {"path": an absolute path, "label": 1 to 64 characters}',
    summary:
      'Folders with regulated data. Of processes that run a model it is told how many files they have open in each, by its label and never by a name of a file. Off while the list is empty; see docs/works-council.md.',
    defaultValue: () => [],
    reader: (place) =>
      readLabelledFolders((path) => (pathOf(place).isAbsolute(path) ? pathOf(place).normalize(path) : null)),
  },
}

/** The path rules of the platform that is asked for, not of the one that runs. */
function pathOf({ platform }: Pick<Place, 'platform'>): typeof posix {
  return platform === 'win32' ? win32 : posix
}

function stateFolderOf(place: Place): string {
  const path = pathOf(place)
  const named = place.environment['GNOMON_STATE']
  if (named !== undefined && path.isAbsolute(named)) return path.normalize(named)
  const given = place.environment['XDG_STATE_HOME']
  if (place.isRoot && place.platform !== 'win32') return '/var/lib/gnomon'
  // The XDG base directory specification 0.8: a relative value is invalid and ignored.
  if (given !== undefined && path.isAbsolute(given)) return path.join(given, 'gnomon')
  return path.join(place.homeFolder, '.local', 'state', 'gnomon')
}

export interface LoadSettingsOptions extends Place {
  /** A file named by the user must exist; the default file need not. */
  readonly file?: string
  /** From the command line: wins over the file. Numbers and booleans may be text. */
  readonly overrides?: Readonly<Partial<Record<keyof Settings, unknown>>>
}

type SettingSource = 'default' | 'file' | 'override'

export interface LoadedSettings {
  readonly settings: Settings
  /** The file that was read; null when there was none. */
  readonly file: string | null
  /** Where each value came from; a name that is not in it has its default. */
  readonly sources: ReadonlyMap<string, SettingSource>
  /** Keys left aside on purpose: `$schema`, `$comment` and the like. */
  readonly ignored: readonly string[]
}

/** Reads the settings file, checks every value, and fills in the defaults. */
export function loadSettings(options: LoadSettingsOptions): Result<LoadedSettings> {
  const place = options.file ?? defaultFile(options)
  const read = readSettingsFile(place)
  if (!read.ok) return read
  if (read.value === null && options.file !== undefined)
    return failed('GNO_SETTINGS_UNREADABLE', `${place} does not exist`)
  const given = read.value ?? new Map<string, unknown>()
  const ignored = [...given.keys()].filter((name) => name.startsWith('$'))
  for (const name of given.keys()) {
    if (name.startsWith('$') || Object.hasOwn(SETTINGS, name)) continue
    const nearest = nearestName(name, Object.keys(SETTINGS))
    return failed('GNO_SETTINGS_INVALID', `${place}: unknown setting "${name}"; the nearest is "${nearest}"`)
  }
  return choose({ options, file: read.value === null ? null : place, given, ignored })
}

function defaultFile(place: Place): string {
  const path = pathOf(place)
  if (place.isRoot && place.platform !== 'win32') return '/etc/gnomon/settings.json'
  const given = place.environment['XDG_CONFIG_HOME']
  const folder = given !== undefined && path.isAbsolute(given) ? given : path.join(place.homeFolder, '.config')
  return path.join(folder, 'gnomon', 'settings.json')
}

interface Choice {
  readonly options: LoadSettingsOptions
  readonly file: string | null
  readonly given: ReadonlyMap<string, unknown>
  readonly ignored: readonly string[]
}

function choose({ options, file, given, ignored }: Choice): Result<LoadedSettings> {
  const troubles: string[] = []
  const sources = new Map<string, SettingSource>()
  const sourceOf = (name: keyof Settings): SettingSource => {
    if (options.overrides?.[name] !== undefined) return 'override'
    return given.has(name) ? 'file' : 'default'
  }
  const pick = <Name extends keyof Settings>(name: Name): Settings[Name] => {
    const spec: SettingSpec<Settings[Name]> = SETTINGS[name]
    const source = sourceOf(name)
    if (source !== 'default') sources.set(name, source)
    if (source === 'default') return spec.defaultValue(options)
    const value = spec.reader(options)(source === 'override' ? options.overrides?.[name] : given.get(name))
    if (value !== undefined) return value
    troubles.push(`${source === 'override' ? 'command line' : String(file)}: ${name}: expected ${spec.expected}`)
    return spec.defaultValue(options)
  }
  const settings = eachSetting(pick)
  const [trouble] = troubles
  if (trouble !== undefined) return failed('GNO_SETTINGS_INVALID', trouble)
  return success({ settings, file, sources, ignored })
}

/** Written out, because TypeScript cannot follow a loop over names of different types. */
function eachSetting(pick: <Name extends keyof Settings>(name: Name) => Settings[Name]): Settings {
  return {
    collectorUrl: pick('collectorUrl'),
    stateFolder: pick('stateFolder'),
    roots: pick('roots'),
    excludes: pick('excludes'),
    sweepIntervalSeconds: pick('sweepIntervalSeconds'),
    processIntervalSeconds: pick('processIntervalSeconds'),
    watch: pick('watch'),
    approvals: pick('approvals'),
    maxSpoolBytes: pick('maxSpoolBytes'),
    deep: pick('deep'),
    hashBytesPerSecond: pick('hashBytesPerSecond'),
    labelledFolders: pick('labelledFolders'),
  }
}

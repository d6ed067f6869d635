// The agent's settings: the one table of what each is called, what it may be, what it is when nobody says, what it is for, and who
// may set it. docs/settings.md, the JSON Schema for editors and `gnomon settings` are made from it; load-settings.ts applies it.
import { posix, win32 } from 'node:path'
import type { Approval } from '../../contract/finding.ts'
import type { Platform } from '../../contract/observation.ts'
import { type PrivacyLevel, PRIVACY_LEVELS } from '../../contract/privacy.ts'
import { checkCollectorUrl } from '../report/collector-url.ts'
import { LIMITS_SCHEMA, type LimitsChoice, readLimitsChoice } from '../supervisor/limits.ts'
import { type LabelledFolder, MAX_LABEL_CHARS, MAX_LABELLED_FOLDERS, readLabelledFolders } from './labelled-folder.ts'
import {
  isPlain,
  listOf,
  MAX_APPROVALS,
  MAX_PLACES,
  type ReadValue,
  readApprovals,
  readSwitch,
  wholeBetween,
  wordOf,
} from './read-value.ts'

/** Every setting with a usable value. */
export interface Settings {
  readonly collectorUrl: string | null
  readonly stateFolder: string
  /** Empty: every user's home and the known model stores. */
  readonly roots: readonly string[]
  readonly excludes: readonly string[]
  readonly sweepIntervalSeconds: number
  readonly processIntervalSeconds: number
  readonly fullSweepIntervalSeconds: number
  readonly rescanIntervalSeconds: number
  readonly watch: boolean
  readonly maxRulesAgeDays: number
  readonly approvals: readonly Approval[]
  readonly maxSpoolBytes: number
  readonly deep: boolean
  readonly hashBytesPerSecond: number
  /** Empty: nobody looks which files inference has open there. */
  readonly labelledFolders: readonly LabelledFolder[]
  readonly privacyLevel: PrivacyLevel
  readonly pseudonymKeyFile: string | null
  readonly limits: LimitsChoice
  readonly metrics: Metrics
  readonly pace: Pace
  readonly separateReader: SeparateReading
  readonly startSpreadSeconds: number
}

/** Where the agent's own figures are told as OpenMetrics. */
const METRICS = ['off', 'file', 'socket'] as const
export type Metrics = (typeof METRICS)[number]

/** Whether weights are read in a process of their own that has no rights. */
const SEPARATE_READING = ['auto', 'always', 'never'] as const
export type SeparateReading = (typeof SEPARATE_READING)[number]

/** How much of the machine whole sweeps may take. */
const PACES = ['guest', 'full'] as const
export type Pace = (typeof PACES)[number]

/** What the defaults depend on. */
export interface Place {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: Platform
  readonly homeFolder: string
  readonly isRoot: boolean
}

/**
 * What a collector may do with a setting: nothing; set it; add members to the list of this machine; choose a later one of the
 * words, since they are ordered from the most that is told to the least.
 */
export type CollectorRight = 'never' | 'sets' | 'adds' | 'raises'

/** A JSON Schema (draft 07) of one value. */
export type ValueSchema = Readonly<Record<string, unknown>>

/** What a value may be: in words, as JSON Schema, and as a function. */
interface ValueForm<T> {
  /** In words, for the reference and for the error line. */
  readonly expected: string
  readonly schema: ValueSchema
  readonly reader: (place: Place) => ReadValue<T>
}

export interface SettingSpec<T> extends ValueForm<T> {
  readonly summary: string
  /** The default in words, where it depends on the machine. */
  readonly defaultText?: string
  readonly defaultValue: (place: Place) => T
  readonly collector: CollectorRight
  /** When a change is taken over by a daemon that runs. */
  readonly applies: 'next turn' | 'next start'
  /** What it is where a file that may set it cannot be understood and nothing better is known. Default: the default. */
  readonly inDoubt?: T
}

const ABSOLUTE_PATH: ValueForm<string> = {
  expected: 'an absolute path',
  schema: { type: 'string', minLength: 1 },
  reader: (place) => (value) =>
    typeof value === 'string' && isPlain(value) && pathOf(place).isAbsolute(value)
      ? pathOf(place).normalize(value)
      : undefined,
}

const SWITCH: ValueForm<boolean> = {
  expected: 'true or false',
  schema: { type: 'boolean' },
  reader: () => readSwitch,
}

function whole(min: number, max: number, expected = `a whole number from ${min} to ${max}`): ValueForm<number> {
  return { expected, schema: { type: 'integer', minimum: min, maximum: max }, reader: () => wholeBetween(min, max) }
}

/** One text alone counts as a list of one. */
function listSchema(max: number): ValueSchema {
  const item = { type: 'string', minLength: 1 }
  return { anyOf: [item, { type: 'array', maxItems: max, items: item }] }
}

export const SETTINGS: { readonly [Name in keyof Settings]: SettingSpec<Settings[Name]> } = {
  collectorUrl: {
    expected: 'an address like https://collector.example:8443; plain http to loopback only',
    schema: { type: 'string', pattern: '^https?://' },
    reader: () => (value) => {
      const checked = typeof value === 'string' ? checkCollectorUrl(value) : undefined
      return checked?.ok === true ? checked.value : undefined
    },
    summary:
      'Where `gnomon enroll` enrols this machine when no --collector is given. Reports go to the collector it is enrolled at; until then they are kept here.',
    defaultText: 'none',
    defaultValue: () => null,
    collector: 'never',
    applies: 'next start',
  },
  stateFolder: {
    ...ABSOLUTE_PATH,
    summary: 'Where the agent keeps its database. The folder is made private to the user that runs the agent.',
    defaultText:
      '`$GNOMON_STATE`, else `/var/lib/gnomon` for root, else `$XDG_STATE_HOME/gnomon` or `~/.local/state/gnomon`',
    defaultValue: stateFolderOf,
    collector: 'never',
    applies: 'next start',
  },
  roots: {
    expected: 'a list of absolute paths',
    schema: listSchema(MAX_PLACES),
    reader: (place) => listOf((text) => pathOf(place).isAbsolute(text)),
    summary:
      'The folders that a sweep walks. Empty: the home of every user, the known model stores, media that are mounted and file systems in memory, on Linux also what only containers see.',
    defaultValue: () => [],
    collector: 'never',
    applies: 'next turn',
  },
  excludes: {
    expected: 'a list of absolute paths (with `*` and `?` inside a component) or of names without a slash',
    schema: listSchema(MAX_PLACES),
    reader: (place) => listOf((text) => pathOf(place).isAbsolute(text) || !/[/\\]/.test(text)),
    summary: 'What a walk leaves out, with everything below it. Every exclude that was met is told as a gap.',
    defaultValue: () => [],
    collector: 'adds',
    applies: 'next turn',
  },
  sweepIntervalSeconds: {
    ...whole(60, 604_800),
    summary: 'How often `gnomon run` walks all folders.',
    defaultValue: () => 3600,
    collector: 'sets',
    applies: 'next turn',
  },
  fullSweepIntervalSeconds: {
    ...whole(60, 2_592_000),
    summary:
      'How long a sweep of `gnomon run` may believe a folder whose times did not change. After it, at the latest, every regular file there is looked at anew: a small file that grew in place moves no folder. Folders become due one after the other, between half of it and all of it.',
    defaultValue: () => 86_400,
    collector: 'sets',
    applies: 'next start',
  },
  rescanIntervalSeconds: {
    ...whole(5, 3600),
    summary:
      'How often `gnomon run` compares the times of folders that are not watched, and known model files, without listing anything. The pause is longer where comparing took long, so that it stays below half a percent of one core.',
    defaultValue: () => 30,
    collector: 'sets',
    applies: 'next turn',
  },
  processIntervalSeconds: {
    ...whole(1, 3600),
    summary: 'How often `gnomon run` looks at the processes.',
    defaultValue: () => 10,
    collector: 'sets',
    applies: 'next turn',
  },
  maxRulesAgeDays: {
    ...whole(1, 3650),
    summary:
      'How many days may have passed since the rules were last brought up to date (the date in the rule pack) before `gnomon run` tells of it.',
    defaultValue: () => 180,
    collector: 'sets',
    applies: 'next turn',
  },
  watch: {
    ...SWITCH,
    summary: 'Whether `gnomon run` watches the model stores and download folders between sweeps.',
    defaultValue: () => true,
    collector: 'sets',
    applies: 'next turn',
  },
  approvals: {
    expected:
      'a list of {"kind": "sha256"|"family"|"license"|"path", "value", "reason"}; a sha256 has 64 lower-case hex digits',
    schema: {
      type: 'array',
      maxItems: MAX_APPROVALS,
      items: {
        type: 'object',
        required: ['kind', 'value', 'reason'],
        properties: {
          kind: { enum: ['sha256', 'family', 'license', 'path'] },
          value: { type: 'string', minLength: 1 },
          reason: { type: 'string' },
        },
      },
    },
    reader: () => readApprovals,
    summary: 'What is allowed here. Only a sha256 silences a finding; the other kinds lower its severity.',
    defaultValue: () => [],
    collector: 'sets',
    applies: 'next turn',
  },
  maxSpoolBytes: {
    ...whole(1_048_576, 1_099_511_627_776, 'a whole number from 1048576 (1 MiB) to 1099511627776 (1 TiB)'),
    summary:
      'How much may wait for the collector. Beyond it the oldest reports without findings are emptied, and counted.',
    defaultValue: () => 1_073_741_824,
    collector: 'never',
    applies: 'next start',
  },
  deep: {
    ...SWITCH,
    summary: 'Whether sweeps hash every model file as a whole (rung 6), which approvals by sha256 need.',
    defaultValue: () => false,
    collector: 'sets',
    applies: 'next turn',
  },
  hashBytesPerSecond: {
    ...whole(1_000_000, 10_000_000_000, 'a whole number from 1000000 (1 MB) to 10000000000 (10 GB)'),
    summary:
      'How fast `gnomon run` reads large files in the background to hash them. A digest is kept as long as its file stays the same; a scan by hand hashes at full speed.',
    defaultValue: () => 50_000_000,
    collector: 'sets',
    applies: 'next turn',
  },
  labelledFolders: {
    expected: 'a list of at most 32 {"path": an absolute path, "label": 1 to 64 characters}',
    schema: {
      type: 'array',
      maxItems: MAX_LABELLED_FOLDERS,
      items: {
        type: 'object',
        required: ['path', 'label'],
        additionalProperties: false,
        properties: {
          path: { type: 'string', minLength: 1 },
          label: { type: 'string', minLength: 1, maxLength: MAX_LABEL_CHARS },
        },
      },
    },
    reader: (place) =>
      readLabelledFolders((path) => (pathOf(place).isAbsolute(path) ? pathOf(place).normalize(path) : null)),
    summary:
      'Folders with regulated data. Of processes that run a model it is told how many files they have open in each, by its label and never by a name of a file. Off while the list is empty; see docs/works-council.md.',
    defaultValue: () => [],
    collector: 'never',
    applies: 'next turn',
  },
  privacyLevel: {
    expected: `one of ${PRIVACY_LEVELS.map((level) => `"${level}"`).join(', ')}`,
    schema: { enum: PRIVACY_LEVELS },
    reader: () => wordOf(PRIVACY_LEVELS),
    summary:
      'What leaves this machine: everything; names of users and of this machine and paths below homes as keyed pseudonyms; or numbers alone. See docs/works-council.md.',
    defaultValue: () => 'full',
    collector: 'raises',
    applies: 'next turn',
    inDoubt: 'counts',
  },
  pseudonymKeyFile: {
    ...ABSOLUTE_PATH,
    summary:
      'The key of the pseudonyms: a file of 32 to 4096 bytes that only the account of the agent can read. Without a usable one the level `pseudonymous` becomes `counts`.',
    defaultText: 'none',
    defaultValue: () => null,
    collector: 'never',
    applies: 'next turn',
  },
  limits: {
    expected:
      '"normal", "restrictive", "off", or {"memoryBytes", "processorPercent", "forSeconds", "graceSeconds", "respawnSeconds"} in whole numbers',
    schema: LIMITS_SCHEMA,
    reader: () => readLimitsChoice,
    summary:
      'What the worker of `gnomon run` may use before its supervisor ends it and starts it again: memory over what it had at its start, and a share of all cores that lasts. Normal: 200 MiB, 10 % for 12 s; restrictive: 100 MiB, 5 % for 6 s; the share counts from 60 s after the start. The file that was being read is set aside for a day.',
    defaultValue: () => 'normal',
    collector: 'never',
    applies: 'next start',
  },
  metrics: {
    expected: `one of ${METRICS.map((word) => `"${word}"`).join(', ')}`,
    schema: { enum: METRICS },
    reader: () => wordOf(METRICS),
    summary:
      'Whether and where `gnomon run` tells what it uses (processor, memory, files, bytes, what waits), measured every ten seconds, as OpenMetrics text: `file` writes `metrics.prom` in the state folder, `socket` answers GET /metrics on the Unix socket `metrics.sock` there. Both are for the account of the agent alone; where no socket can be had, the file is written.',
    defaultValue: () => 'off',
    collector: 'sets',
    applies: 'next turn',
  },
  pace: {
    expected: `one of ${PACES.map((word) => `"${word}"`).join(', ')}`,
    schema: { enum: PACES },
    reader: () => wordOf(PACES),
    summary:
      'How much of the machine whole sweeps of `gnomon run` may take. `guest`: below 5 % of all cores on average, half of that under load, a quarter on battery, in a call and on a nearly full disk. `full`: three quarters of what `limits` allows. Looks at single files and processes wait for neither; a scan by hand is not paced.',
    defaultValue: () => 'guest',
    collector: 'sets',
    applies: 'next turn',
  },
  separateReader: {
    expected: `one of ${SEPARATE_READING.map((word) => `"${word}"`).join(', ')}`,
    schema: { enum: SEPARATE_READING },
    reader: () => wordOf(SEPARATE_READING),
    summary:
      'Whether `gnomon run` reads weights in a process of their own, which has no capabilities and no files: it gets bytes of what the daemon opened. `auto`: where the daemon runs as root or with capabilities.',
    defaultValue: () => 'auto',
    collector: 'never',
    applies: 'next start',
  },
  startSpreadSeconds: {
    ...whole(0, 86_400),
    summary:
      'The first whole sweep of the service (`gnomon run --json`) begins at a random moment within this time, and every further one up to a tenth of its interval later, so that a fleet never sweeps at once. Processes and changed files are looked at from the start.',
    defaultValue: () => 300,
    collector: 'sets',
    applies: 'next start',
  },
}

/** The path rules of the platform that is asked for, not of the one that runs. */
export function pathOf({ platform }: Pick<Place, 'platform'>): typeof posix {
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

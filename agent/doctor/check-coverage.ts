// What is covered and what is not: rights, sensors, places, watches. From the life record and the last whole sweep; no place is looked at.
import type { Gap } from '../../contract/wire.ts'
import { OWN_SENSOR } from '../../contract/report.ts'
import { type OwnRights, type ReadingWay, RIGHTS } from '../self/own-work.ts'
import { describeCoverage } from '../show/own-work.ts'
import { coveredSensors } from './covered-sensors.ts'
import { nextStep } from './next-step.ts'
import { type Check, type KnownState, note, ok, type Surroundings } from './check.ts'

const WANTED_WATCHES = 65_536
/** Processes end while they are looked at, on every machine and at any time. */
const NO_PLACE = new Set<string>(['GNO_SENSE_VANISHED'])

export function checkCoverage(known: KnownState, around: Surroundings): readonly Check[] {
  const rights = checkRights(known, around)
  const hasRights = rights.state === 'ok'
  return [rights, checkSensors(known), checkPlaces(known, hasRights), checkWatching(known, around)]
}

/** The daemon's rights where one runs, else those of whoever asks. */
export function checkRights(known: KnownState | null, { platform, rights: ownRights }: Surroundings): Check {
  const work = known === null || known.daemon === null ? null : (known.life?.work ?? null)
  const running = work?.rights
  const reading = work?.reading ?? null
  const who = running === undefined ? 'this program' : 'the daemon'
  const { uid, capabilities } = running ?? ownRights
  if (platform === 'win32') return ok('rights', `${who} runs with the rights of its account`)
  if (uid === 0) return besideReader(`${who} runs as root: all processes and homes`, reading)
  const missing = missingOf({ uid, capabilities })
  if (platform === 'linux' && missing.length === 0)
    return besideReader(`${who} runs as user ${uid}, sees what root sees`, reading)
  const without = platform === 'linux' ? `without ${missing.join(', ')}` : 'not root'
  const next = 'run it as the installed service: systemctl enable --now gnomon-agent'
  return note('rights', `${who} runs as user ${uid}, ${without}: processes and homes of others are gaps`, next)
}

/** A daemon with many rights lets a process with few read what may be crafted. */
function besideReader(told: string, reading: ReadingWay | null): Check {
  if (reading === null) return ok('rights', told)
  if (reading === 'in-process') return note('rights', `${told}; reader: the same process`, 'set separateReader to auto')
  if (reading === 'no-new-rights' || reading === 'permission-model')
    return note('rights', `${told}; reader: ${READERS[reading]}`, 'install util-linux (setpriv)')
  return ok('rights', `${told}; reader: ${READERS[reading]}`)
}

const READERS = {
  'not-yet': 'not needed so far',
  'own-user': 'other user, no rights',
  'no-capabilities': 'same user, no rights',
  'no-new-rights': 'same rights, none to gain',
  'permission-model': 'same rights, opens no file',
} as const satisfies Record<Exclude<ReadingWay, 'in-process'>, string>

function missingOf({ capabilities }: OwnRights): readonly string[] {
  return Object.keys(RIGHTS).filter((name) => !capabilities.includes(name))
}

function checkSensors({ status: { lastSweep } }: KnownState): Check {
  if (lastSweep === null)
    return note('sensors', 'nothing was swept yet', 'systemctl start gnomon-agent, or by hand: gnomon scan')
  const { partly, told } = coveredSensors(lastSweep.coverage)
  const summary = `${told}, at ${lastSweep.finishedAt.slice(0, 16)}Z`
  if (partly.length === 0) return ok('sensors', summary)
  const why = partly.map(({ sensor, state, detail }) => `${sensor} ${state}${detail === '' ? '' : ` (${detail})`}`)
  return note('sensors', `${summary}: ${why.join('; ')}`, 'gnomon status --gaps lists what each could not see')
}

function checkPlaces({ status: { lastSweep } }: KnownState, hasRights: boolean): Check {
  const gaps = (lastSweep?.gaps ?? []).filter(({ code, sensor }) => sensor !== OWN_SENSOR && !NO_PLACE.has(code))
  if (lastSweep === null) return note('places', 'not known before the first sweep', null)
  if (gaps.length === 0) return ok('places', 'no place was left out in the last sweep')
  const kinds = kindsOf(gaps)
  const [first] = kinds
  const told = kinds.map(
    ({ code, count, gap }) => `${count} ${code.replace(/^GNO_/, '')} (${gap.place}: ${gap.detail})`,
  )
  return note('places', `left out: ${told.join('; ')}`, first === undefined ? null : nextStep(first.gap, hasRights))
}

interface Kind {
  readonly code: string
  readonly count: number
  /** The first one. */
  readonly gap: Gap
}

function kindsOf(gaps: readonly Gap[]): readonly Kind[] {
  const kinds = new Map<string, Kind>()
  for (const gap of gaps) {
    const { code } = gap
    const known = kinds.get(code)
    kinds.set(code, { code, count: (known?.count ?? 0) + gap.count, gap: known?.gap ?? gap })
  }
  return [...kinds.values()].sort((one, other) => other.count - one.count)
}

function checkWatching({ daemon, life }: KnownState, { loaded, nowMs, watchLimit }: Surroundings): Check {
  if (!loaded.settings.watch)
    return note(
      'watching',
      'off: new files wait for a rescan or a sweep',
      'set watch to true in the settings file that gnomon settings names',
    )
  const work = daemon === null ? null : (life?.work ?? null)
  if (work === null) return checkLimit(watchLimit)
  const told = describeCoverage(work.watches, work.rescan, nowMs)
  if (work.watches?.isWhole !== false) return ok('watching', told)
  return note('watching', told, raise(watchLimit))
}

function checkLimit(watchLimit: number | null): Check {
  if (watchLimit === null) return ok('watching', 'no daemon runs; this system has no limit of watches')
  const detail = `no daemon runs; the system grants ${watchLimit} watches, half of them for it`
  return watchLimit >= 8_192 ? ok('watching', detail) : note('watching', detail, raise(watchLimit))
}

function raise(watchLimit: number | null): string {
  const now = watchLimit === null ? '' : ` (now ${watchLimit})`
  return `sysctl fs.inotify.max_user_watches=${Math.max(WANTED_WATCHES, 2 * (watchLimit ?? 0))}${now}, then systemctl restart gnomon-agent`
}

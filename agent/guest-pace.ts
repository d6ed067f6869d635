// How much of the machine the daemon's whole sweeps may take now: less while others work, on battery, while somebody talks or presents,
// and when the disk is nearly full.
import { availableParallelism, constants, loadavg, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Platform } from '../contract/observation.ts'
import { paceBy } from './pacer.ts'
import { signsOfAttention } from './sense/attention.ts'
import { takeIdleDiskClass } from './sense/idle-disk-class.ts'
import { isOnBattery } from './sense/power-supply.ts'
import type { Settings } from './settings/settings.ts'
import { limitsOf } from './supervisor/limits.ts'

/** Of all cores: what a guest takes at most, with what cannot be paced on top of it below 5 %. */
const GUEST_PERCENT = 4
/** Of the limit of the supervisor: the rest is for looks at processes and for hashing. */
const SHARE_OF_LIMIT = 0.75
/** More processes want to run than there are cores: somebody waits. */
const CROWDED_LOAD = 1
/** How often it is asked for what is around. */
const LOOK_EVERY_MS = 30_000
/** A rest in pieces, so that looks at changed files find their turn within a second. */
const MAX_SLEEP_MS = 500

export interface Surroundings {
  /** Processes that run or want to, by core; 0 where the system does not tell (Windows). */
  readonly loadPerCore: number
  readonly isOnBattery: boolean
  /** Signs that somebody talks, films or presents at this machine. */
  readonly signs: readonly string[]
  /** The disk of the state has little room left. */
  readonly isDiskLow: boolean
}

/** In parts of one core: 0.1 is a tenth of it. */
export function paceShare(
  { pace, limits }: Pick<Settings, 'pace' | 'limits'>,
  around: Surroundings,
  cores: number,
): number {
  const most = limitsOf(limits).processorPercent * SHARE_OF_LIMIT
  if (pace === 'full') return (most / 100) * cores
  const divisor = Math.max(1, ...reasonsToSlow(around).map(([, by]) => by))
  return (Math.min(most, GUEST_PERCENT) / 100 / divisor) * cores
}

/** What makes a guest slower, in words, and by how much. */
function reasonsToSlow(around: Surroundings): readonly (readonly [reason: string, divisor: number])[] {
  return [
    ...(around.loadPerCore > CROWDED_LOAD ? [['load of others', 2] as const] : []),
    ...(around.isOnBattery ? [['battery', 4] as const] : []),
    ...around.signs.map((sign) => [sign, 4] as const),
    ...(around.isDiskLow ? [['a full disk', 4] as const] : []),
  ]
}

export interface GuestPace {
  /** To be called between pieces of a whole sweep. */
  readonly pause: () => Promise<void>
  /** What is done in every pause, however short: single looks that cannot wait. */
  readonly between: (look: () => Promise<void>) => void
  /** What makes whole sweeps slower at the moment, in words. */
  readonly slowedBy: () => readonly string[]
}

export interface GuestOptions {
  /** Always the present ones. */
  readonly settings: Settings
  readonly platform: Platform
  readonly isDiskLow: () => boolean
  /** Processor time of the process that reads for this one. */
  readonly readerMs: () => number
  /** Nobody waits for the first sweep. */
  readonly isService: boolean
  readonly signal: AbortSignal
}

/** Begins to be a guest: low priority, and a pace. */
export function beGuest({ settings, platform, isDiskLow, readerMs, isService, signal }: GuestOptions): GuestPace {
  const cores = availableParallelism()
  let look: () => Promise<void> = () => Promise.resolve()
  let around: Surroundings = { loadPerCore: 0, isOnBattery: false, signs: [], isDiskLow: false }
  let lookedMs = Number.NEGATIVE_INFINITY
  let hasSteppedBack = false
  // A priority that was given up is not had again without rights: a pace that becomes `full` later keeps it.
  const stepBackOnce = (): void => {
    if (hasSteppedBack || settings.pace !== 'guest') return
    hasSteppedBack = true
    stepBack(signal)
  }
  stepBackOnce()
  const lookAround = async (): Promise<void> => {
    if (performance.now() - lookedMs < LOOK_EVERY_MS) return
    lookedMs = performance.now()
    stepBackOnce()
    if (settings.pace !== 'guest') return
    around = {
      loadPerCore: (loadavg()[0] ?? 0) / cores,
      isOnBattery: await isOnBattery(platform, signal),
      signs: platform === 'linux' ? signsOfAttention() : [],
      isDiskLow: isDiskLow(),
    }
  }
  const rest = async (milliseconds: number): Promise<void> => {
    const untilMs = performance.now() + milliseconds
    for (let leftMs = milliseconds; leftMs > 0 && !signal.aborted; leftMs = untilMs - performance.now()) {
      // Only the signal ends this wait early, and it is asked for.
      await sleep(Math.min(MAX_SLEEP_MS, leftMs), undefined, { signal }).catch(() => undefined)
      await look()
    }
  }
  const pace = paceBy({
    share: () => paceShare(settings, around, cores),
    freeMs: isService && settings.pace === 'guest' ? 0 : limitsOf(settings.limits).graceSeconds * 1000,
    sleep: rest,
    besideMs: readerMs,
  })
  return {
    pause: async () => {
      await lookAround()
      await look()
      await pace()
    },
    between: (work) => {
      look = work
    },
    slowedBy: () => {
      // Between sweeps nobody asks what is around.
      const isKnown = settings.pace === 'guest' && performance.now() - lookedMs < 2 * LOOK_EVERY_MS
      return isKnown ? reasonsToSlow(around).map(([reason]) => reason) : []
    },
  }
}

function stepBack(signal: AbortSignal): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Some containers forbid it: the pace holds all the same.
  }
  void takeIdleDiskClass(process.pid, signal)
}

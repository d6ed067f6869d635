// The settings of a daemon that runs: its files are looked at again, the collector is asked for its policy, and what changed is there
// when the next turn begins. What cannot be used is told once, kept as a condition of the agent, and never stops anything.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gap } from '../contract/wire.ts'
import { OWN_SENSOR } from '../contract/report.ts'
import type { CommandContext } from './commands/command.ts'
import { askPolicy } from './report/agent-policy.ts'
import type { AskCollector } from './report/ask-collector.ts'
import type { DeliveryOutcome } from './report/deliver.ts'
import { readEnrolment } from './report/identity.ts'
import { openConditions } from './report/own-conditions.ts'
import { keepGoodSettings, keepPolicy, readPolicy } from './report/settings-memory.ts'
import type { StateStore } from './report/state-store.ts'
import { type Session, settingsPlacesIn, usePrivacy } from './session.ts'
import { stampOf } from './settings/settings-file.ts'
import { loadAnyway, type LoadedSettings, type LoadSettingsOptions, stampSettings } from './settings/load-settings.ts'
import { type Settings, SETTINGS } from './settings/settings.ts'

/** Two system calls a look. */
const LOOK_EVERY_MS = 3_000
const POLICY_EVERY_MS = 5 * 60 * 1000

export interface LiveOptions {
  readonly places: LoadSettingsOptions
  readonly context: Pick<CommandContext, 'hostName' | 'platform' | 'now' | 'signal'>
  readonly fetch: AskCollector
  /** Told once for each trouble. */
  readonly onTrouble: (gap: Gap) => void
  /** Told of each change: what is otherwise now, and what waits for the next start. */
  readonly onApplied: (now: readonly string[], later: readonly string[]) => void
  readonly lookEveryMs?: number
  readonly policyEveryMs?: number
}

export interface LiveSettings {
  /** Each property is what it is at the moment of asking; what a change of applies at the next start is what it was at this one. */
  readonly settings: Settings
  /** Whether somebody says now what a setting is. */
  readonly isSet: (name: keyof Settings) => boolean
  /** Looks at the files now. True when something is otherwise than before. */
  readonly look: () => boolean
  /** Looks again and again, until the signal fires. */
  readonly follow: () => Promise<void>
  /** After a delivery that worked the collector is asked for its policy, at a low rate. */
  readonly afterDelivery: (outcome: DeliveryOutcome) => Promise<void>
  /** True once after a change of what is looked at, or of what may be told: the next turn is to be a whole sweep. */
  readonly isWholeDue: () => boolean
  /** Called after each change that asks for a whole sweep. */
  readonly onChange: (listener: () => void) => void
}

/** Settings on which depends what a sweep finds and tells; a change of others needs no sweep. */
const LOOKS: ReadonlySet<string> = new Set<keyof Settings>([
  'roots',
  'excludes',
  'watch',
  'approvals',
  'deep',
  'privacyLevel',
  'pseudonymKeyFile',
])

/** Makes the settings of a session live. */
export function createLiveSettings({ state, loaded }: Session, options: LiveOptions): LiveSettings {
  const { context, places } = options
  let current: LoadedSettings = loaded
  let stamp = stampSettings(places)
  let keyStamp = ''
  let isDue = false
  const listeners: (() => void)[] = []
  const tell = createTroubleTeller(state, options.onTrouble)

  const take = (next: LoadedSettings): void => {
    current = next
    keepGoodSettings(state, next.good)
    // Before the key is read: what is put there later is another stamp.
    keyStamp = stampKey(next.settings)
    const privacy = usePrivacy(state, next.settings, context)
    const failure = privacy.ok ? privacy.value : privacy.failure
    tell(next.troubles, failure === null ? [] : [{ failure, place: 'privacyLevel' }])
  }
  const load = (): void => {
    const next = loadAnyway({ ...settingsPlacesIn(state, places), kept: current.good })
    const mark = JSON.stringify(state.concealment.mark)
    const names = changedNames(current.settings, next.settings)
    take(next)
    // The same file may hold a key now, none, or another one.
    const isOtherKey = names.length === 0 && JSON.stringify(state.concealment.mark) !== mark
    const changed = isOtherKey ? ['pseudonymKeyFile'] : names
    const [now, later] = [
      changed.filter((name) => !ofThisStart.has(name)),
      changed.filter((name) => ofThisStart.has(name)),
    ]
    if (changed.length > 0) options.onApplied(now, later)
    if (!changed.some((name) => LOOKS.has(name))) return
    isDue = true
    for (const listener of listeners) listener()
  }
  const look = (): boolean => {
    const now = stampSettings(places)
    if (now === stamp && stampKey(current.settings) === keyStamp) return false
    stamp = now
    load()
    return true
  }
  take(loaded)
  return {
    settings: liveView(() => current.settings),
    isSet: (name) => current.sources.has(name),
    look,
    follow: async () => {
      const { signal } = context
      while (!signal.aborted) {
        await sleep(options.lookEveryMs ?? LOOK_EVERY_MS, undefined, { signal }).catch(endOf(signal))
        look()
      }
    },
    afterDelivery: createPolicyAsker(state, options, load),
    isWholeDue: () => {
      const was = isDue
      isDue = false
      return was
    },
    onChange: (listener) => void listeners.push(listener),
  }
}

/** Changes whenever the key of the pseudonyms did, where there is to be one. */
function stampKey({ privacyLevel, pseudonymKeyFile }: Settings): string {
  return privacyLevel === 'pseudonymous' && pseudonymKeyFile !== null ? stampOf(pseudonymKeyFile) : ''
}

/** Keeps the conditions of the agent true, and tells each trouble once; `others` are conditions that somebody else keeps. */
function createTroubleTeller(
  state: StateStore,
  onTrouble: LiveOptions['onTrouble'],
): (troubles: LoadedSettings['troubles'], others: LoadedSettings['troubles']) => void {
  const own = openConditions(state)
  let told: ReadonlySet<string> = new Set()
  return (troubles, others) => {
    for (const code of ['GNO_SETTINGS_INVALID', 'GNO_SETTINGS_UNREADABLE'] as const) own.end(code)
    for (const { failure, place } of troubles)
      own.note({ code: failure.code, place, detail: failure.detail, until: null })
    const all = [...troubles, ...others]
    for (const { failure, place } of all) {
      const { code, detail } = failure
      if (!told.has(lineOf(detail, place))) onTrouble({ code, place, count: 1, detail, sensor: OWN_SENSOR })
    }
    told = new Set(all.map(({ failure, place }) => lineOf(failure.detail, place)))
  }
}

function lineOf(detail: string, place: string): string {
  return `${place} ${detail}`
}

/** Asks for the policy after a delivery that worked, unless it did so lately. */
function createPolicyAsker(
  state: StateStore,
  { context: { now, signal }, fetch, policyEveryMs = POLICY_EVERY_MS }: LiveOptions,
  onNew: () => void,
): LiveSettings['afterDelivery'] {
  let askedAtMs = Number.NEGATIVE_INFINITY
  return async ({ kind }) => {
    const nowMs = now().getTime()
    if (kind !== 'delivered' || nowMs - askedAtMs < policyEveryMs) return
    askedAtMs = nowMs
    const enrolment = readEnrolment(state)
    if (!enrolment.ok || enrolment.value === null) return
    const asked = await askPolicy(enrolment.value, { fetch, signal, etag: readPolicy(state)?.etag ?? null })
    // That a collector does not answer is told by delivery; the policy that is known stands.
    if (!asked.ok || asked.value === null) return
    keepPolicy(state, enrolment.value.collectorUrl, asked.value)
    onNew()
  }
}

function endOf(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error
  }
}

function changedNames(before: Settings, after: Settings): readonly string[] {
  const old = new Map<string, unknown>(Object.entries(before))
  return Object.entries(after)
    .filter(([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(old.get(name)))
    .map(([name]) => name)
}

/** Those that would be half of one kind and half of another in a daemon that runs: its state, what its supervisor was told. */
const ofThisStart: ReadonlySet<string | symbol> = new Set(
  Object.entries(SETTINGS)
    .filter(([, { applies }]) => applies === 'next start')
    .map(([name]) => name),
)

/** An object that looks like settings and always is the present ones. */
function liveView(current: () => Settings): Settings {
  return new Proxy(current(), {
    get: (first, name) => Reflect.get(ofThisStart.has(name) ? first : current(), name) as unknown,
    ownKeys: () => Reflect.ownKeys(current()),
  })
}

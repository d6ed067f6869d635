// What most commands need before they can start: settings, rule pack, state, and who this machine is.
import { resolve } from 'node:path'
import type { Invocation } from '../contract/command-line.ts'
import { type Failure, type Result, success } from '../contract/failure.ts'
import type { Pack } from '../rules/pack.ts'
import { chooseConcealment } from './choose-concealment.ts'
import { type CommandContext, textOption } from './commands/command.ts'
import { adoptPrivacy } from './report/conceal-sweep.ts'
import { hostIdOf } from './report/identity.ts'
import { openConditions } from './report/own-conditions.ts'
import { openState, type StateStore } from './report/state-store.ts'
import { openPack } from './rule-pack.ts'
import { proposeHostId } from './sense/machine-id.ts'
import { readGoodSettings, readPolicy } from './report/settings-memory.ts'
import {
  loadAnyway,
  loadSettings,
  type LoadedSettings,
  type LoadSettingsOptions,
  type Overrides,
} from './settings/load-settings.ts'
import type { Settings } from './settings/settings.ts'

/** What is known without the rules: the settings, the state, and who this machine is. */
export interface KnownSelf {
  readonly settings: Settings
  /** The settings with where they come from and what was wrong with them. */
  readonly loaded: LoadedSettings
  readonly state: StateStore
  readonly hostId: string
}

export interface Session extends KnownSelf {
  readonly pack: Pack
}

/** Reads the settings with the command line on top. */
export function settingsOf(
  invocation: Invocation,
  context: CommandContext,
  overrides: Overrides = {},
): Result<LoadedSettings> {
  return loadSettings(settingsPlaces(invocation, context, overrides))
}

/** Where this program reads its settings. */
export function settingsPlaces(
  invocation: Invocation,
  context: CommandContext,
  overrides: Overrides = {},
): LoadSettingsOptions {
  const file = textOption(invocation, 'settings')
  const stateFolder = textOption(invocation, 'state')
  return {
    ...(file === undefined ? {} : { file }),
    overrides: { ...overrides, ...(stateFolder === undefined ? {} : { stateFolder: resolve(stateFolder) }) },
    environment: context.environment,
    platform: context.platform,
    homeFolder: context.homeFolder,
    isRoot: context.isRoot,
  }
}

/** The same, with what the state keeps: the collector's policy, and the documents as they last were of use. */
export function settingsPlacesIn(state: StateStore, places: LoadSettingsOptions): LoadSettingsOptions {
  const policy = readPolicy(state)
  return { ...places, kept: readGoodSettings(state), ...(policy === null ? {} : { collector: policy.values }) }
}

/** Opens the state; whoever asked closes it. */
export function stateOf(settings: Settings, context: CommandContext): Result<StateStore> {
  return openState({ folder: settings.stateFolder, now: context.now, maxSpoolBytes: settings.maxSpoolBytes })
}

export interface SessionOptions {
  readonly overrides?: Overrides
  /** `goes-on`: settings that cannot be used do not stop the program; they are in `loaded.troubles`. Default: `stops`. */
  readonly badSettings?: 'stops' | 'goes-on'
}

/** Opens everything; the state is to be closed by the caller. */
export function openSession(
  invocation: Invocation,
  context: CommandContext,
  options: SessionOptions = {},
): Result<Session> {
  const self = openSelf(invocation, context, options)
  if (!self.ok) return self
  const pack = openPack()
  if (!pack.ok) self.value.state.close()
  return pack.ok ? success({ ...self.value, pack: pack.value }) : pack
}

/** The same without the rules, which take longest. */
export function openSelf(
  invocation: Invocation,
  context: CommandContext,
  { overrides = {}, badSettings = 'stops' }: SessionOptions = {},
): Result<KnownSelf> {
  const places = settingsPlaces(invocation, context, overrides)
  const load = (options: LoadSettingsOptions): Result<LoadedSettings> =>
    badSettings === 'stops' ? loadSettings(options) : success(loadAnyway(options))
  const first = load(places)
  if (!first.ok) return first
  const state = stateOf(first.value.settings, context)
  if (!state.ok) return state
  const self = finish(state.value, load(settingsPlacesIn(state.value, places)), context)
  if (!self.ok) state.value.close()
  return self
}

function finish(state: StateStore, loaded: Result<LoadedSettings>, context: CommandContext): Result<KnownSelf> {
  if (!loaded.ok) return loaded
  // Before anything else is done with the state: what waits in it may have been written under another level.
  const adopted = usePrivacy(state, loaded.value.settings, context)
  if (!adopted.ok) return adopted
  const hostId = hostIdOf(state, proposeHostId)
  if (!hostId.ok) return hostId
  return success({ settings: loaded.value.settings, loaded: loaded.value, state, hostId: hostId.value })
}

const PRIVACY = 'privacyLevel'

/** Sets what may be told by the privacy level. Gives why it is less than was asked for, if it is. */
export function usePrivacy(
  state: StateStore,
  settings: Settings,
  { hostName, platform }: Pick<CommandContext, 'hostName' | 'platform'>,
): Result<Failure | null> {
  const { concealment, failure } = chooseConcealment(settings, { hostName, platform })
  state.concealment = concealment
  const adopted = adoptPrivacy(state)
  if (!adopted.ok) return adopted
  const own = openConditions(state)
  if (failure === null) own.end('GNO_AGENT_PRIVACY_KEY')
  else own.note({ code: 'GNO_AGENT_PRIVACY_KEY', place: PRIVACY, detail: failure.detail, until: null })
  return success(failure)
}

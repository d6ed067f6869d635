// What most commands need before they can start: settings, rule pack, state, and who this machine is.
import { resolve } from 'node:path'
import type { Invocation } from '../contract/command-line.ts'
import { type Result, success } from '../contract/failure.ts'
import type { Pack } from '../rules/pack.ts'
import { type CommandContext, textOption } from './commands/command.ts'
import { hostIdOf } from './report/identity.ts'
import { openState, type StateStore } from './report/state-store.ts'
import { openPack } from './rule-pack.ts'
import { proposeHostId } from './sense/machine-id.ts'
import { type LoadedSettings, loadSettings, type Settings } from './settings/settings.ts'

export interface Session {
  readonly settings: Settings
  readonly pack: Pack
  readonly state: StateStore
  readonly hostId: string
}

/** Reads the settings with the command line on top. */
export function settingsOf(
  invocation: Invocation,
  context: CommandContext,
  overrides: Readonly<Partial<Record<keyof Settings, unknown>>> = {},
): Result<LoadedSettings> {
  const file = textOption(invocation, 'settings')
  const stateFolder = textOption(invocation, 'state')
  return loadSettings({
    ...(file === undefined ? {} : { file }),
    overrides: { ...overrides, ...(stateFolder === undefined ? {} : { stateFolder: resolve(stateFolder) }) },
    environment: context.environment,
    platform: context.platform,
    homeFolder: context.homeFolder,
    isRoot: context.isRoot,
  })
}

/** Opens the state; whoever asked closes it. */
export function stateOf(settings: Settings, context: CommandContext): Result<StateStore> {
  return openState({ folder: settings.stateFolder, now: context.now, maxSpoolBytes: settings.maxSpoolBytes })
}

/** Opens everything; the state is to be closed by the caller. */
export function openSession(
  invocation: Invocation,
  context: CommandContext,
  overrides: Readonly<Partial<Record<keyof Settings, unknown>>> = {},
): Result<Session> {
  const loaded = settingsOf(invocation, context, overrides)
  if (!loaded.ok) return loaded
  const pack = openPack()
  if (!pack.ok) return pack
  const { settings } = loaded.value
  const state = stateOf(settings, context)
  if (!state.ok) return state
  const hostId = hostIdOf(state.value, proposeHostId)
  if (!hostId.ok) {
    state.value.close()
    return hostId
  }
  return success({ settings, pack: pack.value, state: state.value, hostId: hostId.value })
}

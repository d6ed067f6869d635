// The one option that all commands share: where the state lives.
import type { OptionSpec } from '../../contract/command-line.ts'
import type { Result } from '../../contract/failure.ts'
import { type StateFolder, defaultStatePath, openStateFolder } from '../settings/state-folder.ts'
import { type CommandContext, textOption } from './command.ts'

export const STATE_OPTION: OptionSpec = {
  type: 'string',
  value: 'DIR',
  summary:
    'State folder; default GNOMON_COLLECTOR_STATE, else /var/lib/gnomon-collector for root, else ~/.local/state/gnomon-collector.',
}

/** Opens the state folder that the command line or the environment names. */
export function openState({ invocation, environment }: CommandContext): Result<StateFolder> {
  return openStateFolder(textOption(invocation, 'state') ?? defaultStatePath(environment))
}

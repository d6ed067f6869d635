// `gnomon-collector feed test NAME`: sends one marked event and says whether the receiver took it.
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { EXIT } from '../../contract/command-line.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import { openChannel } from '../feeds/feeds.ts'
import { testEvent } from '../feeds/test-event.ts'
import { readSettingsFile } from '../settings/settings.ts'
import { COLLECTOR_VERSION } from '../version.ts'
import type { Command, CommandContext } from './command.ts'
import { STATE_OPTION, openState } from './state-option.ts'

export const feed: Command = {
  spec: {
    name: 'feed',
    operands: 'test NAME',
    minOperands: 2,
    maxOperands: 2,
    summary: 'Send one event, marked as a test, to a feed.',
    details: ['NAME is a feed of settings.json in the state folder, or an address such as syslog://10.0.0.5:601.'],
    options: { state: STATE_OPTION },
  },
  run: runFeed,
}

async function runFeed(context: CommandContext): Promise<Result<0>> {
  const [action, name = ''] = context.invocation.operands
  if (action !== 'test') return failed('GNO_USAGE', 'usage: gnomon-collector feed test NAME')
  const address = name.includes('://') ? success(name) : feedNamed(name, context)
  if (!address.ok) return address
  const channel = openChannel(address.value, { version: COLLECTOR_VERSION })
  if (!channel.ok) return channel
  const event = testEvent(context.now().toISOString(), randomUUID(), hostname())
  const sent = await channel.value.send([event], context.signal)
  channel.value.close()
  if (!sent.ok) return sent
  context.print(`${address.value} took the test event ${event.eventId}`)
  return success(EXIT.done)
}

function feedNamed(name: string, context: CommandContext): Result<string> {
  const folder = openState(context)
  if (!folder.ok) return folder
  const settings = readSettingsFile(folder.value)
  if (!settings.ok) return settings
  const address = settings.value.feeds?.[name]
  if (address !== undefined) return success(address)
  return failed('GNO_SETTINGS_INVALID', `${folder.value.settingsFile} names no feed "${name}"`)
}

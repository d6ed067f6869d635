// `gnomon-collector serve`: the centre as a program, until it is told to stop.
import { EXIT } from '../../contract/command-line.ts'
import { type Result, success } from '../../contract/failure.ts'
import { startServer } from '../server.ts'
import { readSettingsFile, resolveServeSettings } from '../settings/settings.ts'
import { type Command, type CommandContext, listOption, textOption } from './command.ts'
import { STATE_OPTION, openState } from './state-option.ts'

/** How long a stop may take before it is forced; acknowledged reports are on the disk already. */
const STOP_WITHIN_MS = 1_800

export const serve: Command = {
  spec: {
    name: 'serve',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Run the collector: ingest, API, page and feeds.',
    details: [
      'Listens on loopback. TLS and enrolment certificates belong to a later version, so other addresses need --allow-remote.',
      'Answers only requests whose Host header is 127.0.0.1, [::1] or localhost with its port, any host with --allow-remote.',
      'The admin token is in the file admin-token of the state folder, which only its owner can read.',
      'On a terminal the page address that is printed holds it behind #; elsewhere, where output is kept, the file is named.',
    ],
    options: {
      listen: {
        type: 'string',
        value: 'HOST:PORT',
        summary: 'Address to listen on; default 127.0.0.1:8787, port 0 takes a free one.',
      },
      state: STATE_OPTION,
      feed: {
        type: 'string',
        multiple: true,
        value: 'URL',
        summary: 'Send findings there, e.g. syslog://10.0.0.5:601; repeatable.',
      },
      'allow-remote': {
        type: 'boolean',
        summary: 'Listen beyond loopback, and answer to any host name, although there is no TLS yet.',
      },
      json: { type: 'boolean', summary: 'Print one JSON line when listening.' },
    },
  },
  run: runServe,
}

async function runServe(context: CommandContext): Promise<Result<0>> {
  const { invocation, signal, print, note, now } = context
  const folder = openState(context)
  if (!folder.ok) return folder
  const file = readSettingsFile(folder.value)
  if (!file.ok) return file
  const settings = resolveServeSettings(file.value, {
    listen: textOption(invocation, 'listen'),
    allowRemote: invocation.values['allow-remote'] === true,
    feeds: listOption(invocation, 'feed'),
  })
  if (!settings.ok) return settings
  const log = (message: string, fields: Readonly<Record<string, string | number>>): void =>
    note(JSON.stringify({ at: now().toISOString(), message, ...fields }))
  const started = await startServer({ folder: folder.value, settings: settings.value, now, log })
  if (!started.ok) return started
  const { url, adminToken, stop } = started.value
  const { path: stateFolder, adminTokenFile } = folder.value
  if (invocation.values['json'] === true)
    print(JSON.stringify({ listening: url, adminTokenFile, stateFolder, pid: process.pid }))
  else {
    print(`collector listening on ${url}, state in ${stateFolder}`)
    print(context.isTerminal ? `page: ${url}/#token=${adminToken}` : `page: ${url}/ (admin token in ${adminTokenFile})`)
  }
  await aborted(signal)
  const forced = setTimeout(() => process.exit(EXIT.done), STOP_WITHIN_MS)
  await stop()
  clearTimeout(forced)
  return success(EXIT.done)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

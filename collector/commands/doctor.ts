// `gnomon-collector doctor`: whether this collector can do its work, one line a check.
import { statfsSync } from 'node:fs'
import { EXIT, type ExitCode } from '../../contract/command-line.ts'
import { type Result, describeFailure, success } from '../../contract/failure.ts'
import { openChannel } from '../feeds/feeds.ts'
import { readSettingsFile, resolveServeSettings } from '../settings/settings.ts'
import { type StateFolder, readAdminToken } from '../settings/state-folder.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { COLLECTOR_VERSION } from '../version.ts'
import type { Command, CommandContext } from './command.ts'
import { STATE_OPTION, openState } from './state-option.ts'

/** Below this much free space the next reports are in danger. */
const LOW_DISK_BYTES = 256 * 1_048_576

interface Check {
  readonly name: string
  readonly isFine: boolean
  readonly detail: string
}

export const doctor: Command = {
  spec: {
    name: 'doctor',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Check state, settings, database and feeds; exit code 3 when something is wrong.',
    options: { state: STATE_OPTION, json: { type: 'boolean', summary: 'Print one JSON document.' } },
  },
  run: runDoctor,
}

async function runDoctor(context: CommandContext): Promise<Result<ExitCode>> {
  const folder = openState(context)
  if (!folder.ok) return folder
  const checks: readonly Check[] = [
    { name: 'version', isFine: true, detail: `${COLLECTOR_VERSION} on Node.js ${process.versions.node}` },
    checkDisk(folder.value),
    checkToken(folder.value),
    await checkStore(folder.value, context.now().toISOString()),
    ...checkSettings(folder.value),
  ]
  const isFine = checks.every((check) => check.isFine)
  if (context.invocation.values['json'] === true) context.print(JSON.stringify({ isFine, checks }))
  else
    for (const check of checks)
      context.print(`${check.isFine ? 'ok   ' : 'WRONG'}  ${check.name.padEnd(10)} ${check.detail}`)
  return success(isFine ? EXIT.done : EXIT.failure)
}

function checkDisk({ path }: StateFolder): Check {
  const { bavail, bsize } = statfsSync(path)
  const free = bavail * bsize
  return { name: 'disk', isFine: free >= LOW_DISK_BYTES, detail: `${Math.floor(free / 1_048_576)} MiB free in ${path}` }
}

function checkToken(folder: StateFolder): Check {
  const token = readAdminToken(folder)
  if (!token.ok) return { name: 'token', isFine: false, detail: describeFailure(token.failure) }
  return { name: 'token', isFine: true, detail: folder.adminTokenFile }
}

async function checkStore(folder: StateFolder, at: string): Promise<Check> {
  const store = openSqliteStore(folder.databaseFile)
  if (!store.ok) return { name: 'database', isFine: false, detail: describeFailure(store.failure) }
  const checked = await store.value.check()
  const { hosts } = await store.value.summarise(at)
  await store.value.close()
  if (!checked.ok) return { name: 'database', isFine: false, detail: describeFailure(checked.failure) }
  return { name: 'database', isFine: true, detail: `${folder.databaseFile}, ${hosts.enrolled} hosts enrolled` }
}

function checkSettings(folder: StateFolder): readonly Check[] {
  const file = readSettingsFile(folder)
  const settings = file.ok
    ? resolveServeSettings(file.value, { listen: undefined, allowRemote: true, feeds: [] })
    : file
  if (!settings.ok) return [{ name: 'settings', isFine: false, detail: describeFailure(settings.failure) }]
  const { listen, feeds } = settings.value
  const listening = {
    name: 'settings',
    isFine: true,
    detail: `listens on ${listen.host}:${listen.port}, ${feeds.length} feeds`,
  }
  const opened = feeds.map(({ name, url }): Check => {
    const channel = openChannel(url, { version: COLLECTOR_VERSION })
    const detail = channel.ok ? `${url}; gnomon-collector feed test ${name} tries it` : describeFailure(channel.failure)
    return { name: `feed ${name}`, isFine: channel.ok, detail }
  })
  return [listening, ...opened]
}

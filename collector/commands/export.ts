// `gnomon-collector export cyclonedx --host ID`: what was known of one host at an instant, for an auditor.
import { writeFileSync } from 'node:fs'
import { EXIT } from '../../contract/command-line.ts'
import { type Result, failed, success } from '../../contract/failure.ts'
import { exports } from '../exports/exports.ts'
import type { HostSnapshot } from '../records.ts'
import { openSqliteStore } from '../store/sqlite-store.ts'
import { COLLECTOR_VERSION } from '../version.ts'
import { type Command, type CommandContext, textOption } from './command.ts'
import { STATE_OPTION, openState } from './state-option.ts'

export const exportCommand: Command = {
  spec: {
    name: 'export',
    operands: 'FORMAT',
    minOperands: 1,
    maxOperands: 1,
    summary: 'Write what is known of a host for an auditor.',
    details: [
      ...exports.map(({ name, summary }) => `FORMAT ${name}: ${summary}.`),
      'The same host and the same --as-of give the same bytes, however much later.',
    ],
    options: {
      host: { type: 'string', value: 'ID', summary: 'The host; its id is on the page and in /api/v1/hosts.' },
      'as-of': { type: 'string', value: 'INSTANT', summary: 'As known then, e.g. 2026-11-23T08:00:00Z; default now.' },
      out: { type: 'string', value: 'FILE', summary: 'Write there instead of to standard output.' },
      state: STATE_OPTION,
    },
  },
  run: runExport,
}

async function runExport(context: CommandContext): Promise<Result<0>> {
  const { invocation, now, print } = context
  const [name = ''] = invocation.operands
  const wanted = exports.find((candidate) => candidate.name === name)
  if (wanted === undefined)
    return failed('GNO_USAGE', `there is no export "${name}"; there are: ${exports.map((one) => one.name).join(', ')}`)
  const hostId = textOption(invocation, 'host')
  if (hostId === undefined) return failed('GNO_USAGE', '--host ID is missing')
  const asOf = readInstant(textOption(invocation, 'as-of'), now())
  if (!asOf.ok) return asOf
  const snapshot = await readSnapshot(context, hostId, asOf.value)
  if (!snapshot.ok) return snapshot
  const text = wanted.render(snapshot.value, { version: COLLECTOR_VERSION })
  const out = textOption(invocation, 'out')
  if (out === undefined) {
    print(text.trimEnd())
    return success(EXIT.done)
  }
  try {
    writeFileSync(out, text, { mode: 0o600 })
  } catch (error) {
    return failed('GNO_EXPORT_FAILED', `${out}: ${String(error)}`, error)
  }
  context.note(`wrote ${out}, ${Buffer.byteLength(text)} bytes, as of ${asOf.value}`)
  return success(EXIT.done)
}

async function readSnapshot(context: CommandContext, hostId: string, asOf: string): Promise<Result<HostSnapshot>> {
  const folder = openState(context)
  if (!folder.ok) return folder
  const store = openSqliteStore(folder.value.databaseFile)
  if (!store.ok) return store
  const snapshot = await store.value.snapshotHost(hostId, asOf)
  await store.value.close()
  if (snapshot !== null) return success(snapshot)
  return failed('GNO_EXPORT_FAILED', `no host "${hostId}" was enrolled at ${asOf}`)
}

function readInstant(value: string | undefined, now: Date): Result<string> {
  if (value === undefined) return success(now.toISOString())
  const isInstant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?Z$/.test(value) && !Number.isNaN(Date.parse(value))
  if (!isInstant) return failed('GNO_USAGE', '--as-of takes an instant in UTC such as 2026-11-23T08:00:00Z')
  // What is not known yet may change: an export as of the future could not be repeated.
  if (Date.parse(value) > now.getTime()) return failed('GNO_USAGE', '--as-of lies in the future')
  return success(new Date(value).toISOString())
}

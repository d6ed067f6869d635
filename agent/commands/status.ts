// `gnomon status`: what the agent did, what waits, and what went wrong, from its own state. Works without a collector.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import { findDaemon, type RunningDaemon } from '../report/daemon-lock.ts'
import { type AgentStatus, readStatus } from '../report/status.ts'
import { settingsOf, stateOf } from '../session.ts'
import { describeGap } from '../show/inspection.ts'
import { describeBytes } from '../show/measure.ts'
import { paint, type Terminal } from '../show/terminal.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, PLACE_OPTIONS, report } from './command.ts'

export const status: Command = {
  spec: {
    name: 'status',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Show enrolment, the last sweep and its blind spots, what waits for delivery, and the last trouble.',
    options: { json: JSON_OPTION, ...PLACE_OPTIONS },
  },
  run: (invocation, context) => Promise.resolve(runStatus(invocation, context)),
}

function runStatus(invocation: Invocation, context: CommandContext): ExitCode {
  const loaded = settingsOf(invocation, context)
  if (!loaded.ok) return report(context, loaded.failure)
  const state = stateOf(loaded.value.settings, context)
  if (!state.ok) return report(context, state.failure)
  try {
    const read = readStatus(state.value)
    if (!read.ok) return report(context, read.failure)
    const { stateFolder } = loaded.value.settings
    const daemon = findDaemon(stateFolder)
    if (!daemon.ok) return report(context, daemon.failure)
    const text = hasOption(invocation, 'json')
      ? printableJson({ stateFolder, daemon: daemon.value, ...read.value }, 2)
      : renderStatus(read.value, { stateFolder, daemon: daemon.value }, context.stdout)
    context.stdout.write(`${text}\n`)
    return EXIT.done
  } finally {
    state.value.close()
  }
}

interface Whereabouts {
  readonly stateFolder: string
  readonly daemon: RunningDaemon | null
}

function renderStatus(seen: AgentStatus, { stateFolder, daemon }: Whereabouts, terminal: Terminal): string {
  const { enrolment, lastSweep, known, spool, delivery } = seen
  const rows: readonly (readonly [string, string])[] = [
    ['state', stateFolder],
    ['daemon', daemon === null ? 'does not run' : describeDaemon(daemon)],
    ['host', seen.hostId ?? 'no sweep yet'],
    ['enrolled', enrolment === null ? 'no: run gnomon enroll' : `${enrolment.agentId} at ${enrolment.collectorUrl}`],
    ['last sweep', lastSweep === null ? 'none yet' : lastSweep.finishedAt],
    ...(lastSweep?.coverage ?? []).map((entry): readonly [string, string] => [
      `  ${entry.sensor}`,
      [entry.state, entry.detail].filter(Boolean).join(': '),
    ]),
    ...(lastSweep?.gaps ?? []).slice(0, 8).map((gap): readonly [string, string] => ['  gap', describeGap(gap)]),
    ['known now', `${known.artifacts} models, ${known.runtimes} runtimes, ${known.findings} findings`],
    [
      'spool',
      `${spool.reports} report(s), ${describeBytes(spool.bytes)}${spool.oldestAt === null ? '' : `, oldest of ${spool.oldestAt}`}, next number ${spool.nextSequence}`,
    ],
    ['delivery', describeDelivery(delivery)],
    ...delivery.refused.map((item): readonly [string, string] => [
      '  refused',
      `${item.what}: ${item.detail} (${item.at})`,
    ]),
    ...(seen.damagedFile === null
      ? []
      : [['damaged', `the state was damaged and set aside as ${seen.damagedFile}`] as const]),
    ['lost', seen.lostReports === 0 ? 'nothing' : `${seen.lostReports} report(s) since the last one that said so`],
  ]
  return rows.map(([label, value]) => `${paint(terminal, 'dim', label.padEnd(18))} ${printable(value)}`).join('\n')
}

function describeDaemon({ pid, supervisorPid, since }: RunningDaemon): string {
  return `runs since ${since}, pid ${pid}${supervisorPid === null ? '' : `, watched by pid ${supervisorPid}`}`
}

function describeDelivery(delivery: AgentStatus['delivery']): string {
  if (delivery.lastAttemptAt === null) return 'not tried yet'
  if (delivery.lastFailure === null || delivery.consecutiveFailures === 0)
    return `ok, last at ${delivery.lastSuccessAt ?? delivery.lastAttemptAt}`
  const { code, detail } = delivery.lastFailure
  const next = delivery.nextAttemptAt === null ? '' : `, next try ${delivery.nextAttemptAt}`
  return `${code}: ${detail}; ${delivery.consecutiveFailures} failure(s) in a row${next}`
}

// `gnomon status`: what the agent did, what waits, and what went wrong, from its own state. Works without a collector.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { printableJson } from '../../contract/printable.ts'
import { findDaemon } from '../report/daemon-lock.ts'
import { whyNoState } from '../report/find-state.ts'
import { openConditions } from '../report/own-conditions.ts'
import { readStatus } from '../report/status.ts'
import { readLife } from '../self/life-record.ts'
import { readRestarts } from '../self/restarts.ts'
import { settingsPlaces, stateOf } from '../session.ts'
import { failureOf } from '../settings/choose-settings.ts'
import { loadAnyway } from '../settings/load-settings.ts'
import { renderGaps } from '../show/gaps.ts'
import { renderStatus } from '../show/status.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, PLACE_OPTIONS, report } from './command.ts'

const GAPS_OPTION = {
  type: 'boolean',
  summary: 'List each gap of the last sweep: what could not be looked at, where and why.',
} as const

export const status: Command = {
  spec: {
    name: 'status',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Show on one screen what is covered, what is not, what waits, what went wrong, and what the agent costs.',
    details: ['Exit code 3 where there is no state; none is made.'],
    options: { gaps: GAPS_OPTION, json: JSON_OPTION, ...PLACE_OPTIONS },
  },
  run: (invocation, context) => Promise.resolve(runStatus(invocation, context)),
}

function runStatus(invocation: Invocation, context: CommandContext): ExitCode {
  const { settings, troubles } = loadAnyway(settingsPlaces(invocation, context))
  // A typing error must not make a folder, and an empty screen of it.
  const absent = whyNoState(settings.stateFolder)
  if (absent !== null) return report(context, absent)
  const state = stateOf(settings, context)
  if (!state.ok) return report(context, state.failure)
  try {
    const read = readStatus(state.value)
    if (!read.ok) return report(context, read.failure)
    const { stateFolder } = settings
    const daemon = findDaemon(stateFolder)
    if (!daemon.ok) return report(context, daemon.failure)
    const life = readLife(stateFolder)
    const conditions = openConditions(state.value).list()
    const restarts = readRestarts(state.value)
    const nowMs = context.now().getTime()
    const own = { stateFolder, daemon: daemon.value, life, conditions, restarts }
    const text = hasOption(invocation, 'json')
      ? printableJson({ ...own, ...read.value }, 2)
      : hasOption(invocation, 'gaps')
        ? renderGaps(read.value.lastSweep?.gaps ?? [])
        : renderStatus(read.value, { ...own, nowMs }, context.stdout)
    context.stdout.write(`${text}\n`)
    for (const trouble of troubles.slice(0, 1)) report(context, failureOf(trouble))
    return EXIT.done
  } finally {
    state.value.close()
  }
}

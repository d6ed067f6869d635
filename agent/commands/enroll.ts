// `gnomon enroll`: exchanges an enrolment token for this agent's own identity at a collector.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import { enroll as enrollAt } from '../report/enroll.ts'
import { openSession } from '../session.ts'
import {
  type Command,
  type CommandContext,
  hasOption,
  JSON_OPTION,
  PLACE_OPTIONS,
  report,
  textOption,
} from './command.ts'

export const enroll: Command = {
  spec: {
    name: 'enroll',
    operands: '',
    minOperands: 0,
    maxOperands: 0,
    summary: 'Enrol this machine at a collector with a token from `gnomon-collector token`.',
    details: ['The token is exchanged for one that belongs to this machine alone and is kept in the state folder.'],
    options: {
      collector: {
        type: 'string',
        value: 'URL',
        summary: 'Address of the collector; default: the setting collectorUrl.',
      },
      token: {
        type: 'string',
        value: 'TOKEN',
        summary: 'The enrolment token; default: the environment variable GNOMON_ENROLMENT_TOKEN.',
      },
      json: JSON_OPTION,
      ...PLACE_OPTIONS,
    },
  },
  run: runEnroll,
}

async function runEnroll(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const collectorUrl = textOption(invocation, 'collector')
  const opened = openSession(invocation, context, collectorUrl === undefined ? {} : { overrides: { collectorUrl } })
  if (!opened.ok) return report(context, opened.failure)
  const { state, settings, hostId } = opened.value
  try {
    const token = textOption(invocation, 'token') ?? context.environment['GNOMON_ENROLMENT_TOKEN']
    if (token === undefined)
      return report(context, { code: 'GNO_USAGE', detail: 'enroll needs --token or GNOMON_ENROLMENT_TOKEN' })
    if (settings.collectorUrl === null)
      return report(context, { code: 'GNO_USAGE', detail: 'enroll needs --collector URL' })
    const enrolled = await enrollAt(state, {
      collectorUrl: settings.collectorUrl,
      token,
      hostId,
      hostName: state.concealment.hostName(context.hostName, hostId),
      fetch: globalThis.fetch,
      signal: context.signal,
    })
    if (!enrolled.ok) return report(context, enrolled.failure)
    const { agentId } = enrolled.value
    const line = hasOption(invocation, 'json')
      ? printableJson({ agentId, hostId, collectorUrl: settings.collectorUrl })
      : `Enrolled as ${printable(agentId)} at ${printable(settings.collectorUrl)}.`
    context.stdout.write(`${line}\n`)
    return EXIT.done
  } finally {
    state.close()
  }
}

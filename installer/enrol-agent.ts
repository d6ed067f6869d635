// Enrols the agent of the quickstart at its collector, by the two command lines that an administrator would type.
import { runProgram } from './programs.ts'

export interface EnrolAgentOptions {
  /** The built programs. */
  readonly agent: string
  readonly collector: string
  readonly agentState: string
  readonly collectorState: string
  readonly collectorUrl: string
  readonly signal: AbortSignal
}

const COMMAND_WITHIN_MS = 60_000

/** Does nothing when the agent's state says that it is enrolled there already. A text is the reason why it failed. */
export async function enrolAgent(options: EnrolAgentOptions): Promise<string | null> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(COMMAND_WITHIN_MS)])
  const { agent, collector, agentState, collectorState, collectorUrl } = options
  const status = await runProgram({ name: 'agent', args: [agent, 'status', '--json', '--state', agentState] }, signal)
  if (enrolledAt(status.stdout) === collectorUrl) return null
  // Both states are the quickstart's own; a machine whose agent state was removed enrols again.
  const making = {
    name: 'collector',
    args: [collector, 'token', '--replace', 'any', '--json', '--state', collectorState],
  }
  const made = await runProgram(making, signal)
  const token = /"token":\s*"([^"]+)"/.exec(made.stdout)?.[1]
  if (token === undefined) return made.stderr.trim()
  const enrolling = {
    name: 'agent',
    args: [agent, 'enroll', '--collector', collectorUrl, '--state', agentState],
    // Not as an argument: command lines are public on most systems.
    environment: { GNOMON_ENROLMENT_TOKEN: token },
  }
  const enrolled = await runProgram(enrolling, signal)
  return enrolled.code === 0 ? null : enrolled.stderr.trim()
}

/** The collector that `gnomon status --json` names. */
function enrolledAt(statusJson: string): string | null {
  try {
    const status: unknown = JSON.parse(statusJson)
    if (typeof status !== 'object' || status === null || !('enrolment' in status)) return null
    const { enrolment } = status
    if (typeof enrolment !== 'object' || enrolment === null || !('collectorUrl' in enrolment)) return null
    return typeof enrolment.collectorUrl === 'string' ? enrolment.collectorUrl.replace(/\/$/, '') : null
  } catch {
    return null
  }
}

// `gnomon explain FINDING`: the evidence of a finding, back to the bytes.
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import type { Finding } from '../../contract/finding.ts'
import { printable, printableJson } from '../../contract/printable.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Threat } from '../../contract/threat.ts'
import { whyNoState } from '../report/find-state.ts'
import type { StateStore } from '../report/state-store.ts'
import { type Explanation, explainFinding, readFindings } from '../report/status.ts'
import { settingsOf, stateOf } from '../session.ts'
import { artifactTrail, runtimeTrail } from '../show/byte-trail.ts'
import { renderFindings } from '../show/findings.ts'
import { renderInspection } from '../show/inspection.ts'
import { describeBytes } from '../show/measure.ts'
import { paint, paintSeverity, type Terminal } from '../show/terminal.ts'
import { threatListings } from '../show/threats.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, PLACE_OPTIONS, report } from './command.ts'

/** A page that a person reads; a browser with an engine in each of its libraries would fill ten (CWE-400). */
const MAX_STEPS = 64

export const explain: Command = {
  spec: {
    name: 'explain',
    operands: '[FINDING]',
    minOperands: 0,
    maxOperands: 1,
    summary: 'Show why a finding was raised; without an id, list the findings.',
    details: [
      'What was observed, where, and what to do. The first characters of the id suffice.',
      'Back to the bytes: offsets, ranges and inodes, each with a command that checks it (Linux).',
    ],
    options: { json: JSON_OPTION, ...PLACE_OPTIONS },
  },
  run: (invocation, context) => Promise.resolve(runExplain(invocation, context)),
}

function runExplain(invocation: Invocation, context: CommandContext): ExitCode {
  const loaded = settingsOf(invocation, context)
  if (!loaded.ok) return report(context, loaded.failure)
  const absent = whyNoState(loaded.value.settings.stateFolder)
  if (absent !== null) return report(context, absent)
  const state = stateOf(loaded.value.settings, context)
  if (!state.ok) return report(context, state.failure)
  try {
    const [wanted] = invocation.operands
    if (wanted === undefined) return listFindings(state.value, invocation, context)
    const found = explainFinding(state.value, wanted)
    if (!found.ok) return report(context, found.failure)
    const text = hasOption(invocation, 'json')
      ? printableJson(found.value, 2)
      : renderExplanation(found.value, context.stdout)
    context.stdout.write(`${text}\n`)
    return EXIT.done
  } finally {
    state.value.close()
  }
}

function listFindings(state: StateStore, invocation: Invocation, context: CommandContext): ExitCode {
  const findings = readFindings(state)
  if (!findings.ok) return report(context, findings.failure)
  const isJson = hasOption(invocation, 'json')
  const text = isJson ? printableJson(findings.value, 2) : renderFindings(findings.value, context.stdout)
  context.stdout.write(`${text}\n`)
  return EXIT.done
}

function renderExplanation(explanation: Explanation, terminal: Terminal): string {
  const { finding } = explanation
  return [
    `${paintSeverity(terminal, finding.severity).trimEnd()}  ${paint(terminal, 'bold', printable(finding.title))}`,
    ...renderFacts(finding, terminal),
    ...explanation.runtimes.flatMap((runtime) => ['', ...renderStory(runtime, terminal)]),
    ...explanation.artifacts.flatMap((artifact) => ['', renderInspection(artifact, terminal)]),
    ...explanation.artifacts.flatMap(({ threats }) => renderListings(threats, terminal)),
    ...renderTrail(explanation, terminal),
    '',
    `${paint(terminal, 'bold', 'What to do')}  ${printable(finding.advice)}`,
    `${paint(terminal, 'bold', 'If it is a mistake')}  ${printable(finding.falsePositives)}`,
  ].join('\n')
}

/** Opcodes as they were read at the scan; `>` marks the one at the byte. */
function renderListings(threats: readonly Threat[], terminal: Terminal): readonly string[] {
  return threatListings(threats).flatMap(([heading, lines]) => [
    '',
    `${paint(terminal, 'bold', 'Opcodes')}  ${printable(heading)}`,
    ...lines.map((line) => `    ${printable(line)}`),
  ])
}

/** What an analyst checks alone, step by step. */
function renderTrail({ runtimes, artifacts }: Explanation, terminal: Terminal): readonly string[] {
  const steps = [...runtimes.flatMap(runtimeTrail), ...artifacts.flatMap(artifactTrail)]
  if (steps.length === 0) return []
  const [shown, hidden] = [steps.slice(0, MAX_STEPS), steps.length - MAX_STEPS]
  return [
    '',
    paint(terminal, 'bold', 'Back to the bytes'),
    '  As seen at the last look; nothing was opened for this. Each is checked by the command under it (bash, as root).',
    ...shown.flatMap(({ says, lines, check }) => [
      `  ${printable(says)}`,
      ...lines.map((line) => `      ${printable(line)}`),
      check === null ? '      no command leads there' : `    $ ${paint(terminal, 'dim', printable(check))}`,
    ]),
    ...(hidden > 0 ? [`  and ${hidden} more steps, see --json`] : []),
  ]
}

function renderFacts(finding: Finding, terminal: Terminal): readonly string[] {
  const flag = finding.simulated
    ? [`  ${paint(terminal, 'yellow', 'simulated')}: a fire drill of this agent raised it`]
    : []
  const lowered = finding.loweredBy === null ? [] : [`  lowered by ${printable(finding.loweredBy)}`]
  return [
    `  ${finding.findingId}, policy ${finding.policyId}, ${finding.confidence}, seen ${finding.observedAt}`,
    ...flag,
    ...lowered,
    paint(terminal, 'bold', 'Because'),
    ...finding.because.map((sentence) => `  ${printable(sentence)}`),
    paint(terminal, 'bold', 'Evidence'),
    ...finding.evidence.map(
      (item) => `  ${printable(item.kind)} at ${printable(item.place)}: ${printable(item.detail)}`,
    ),
  ]
}

function renderStory(runtime: Runtime, terminal: Terminal): readonly string[] {
  const memory = runtime.memory === null ? 'memory not seen' : `${describeBytes(runtime.memory.residentBytes)} resident`
  const evidence = runtime.identification?.evidence ?? []
  return [
    paint(terminal, 'bold', printable(`Process ${runtime.pid} "${runtime.name}"`)),
    `  ${printable(runtime.executable?.path ?? 'executable not seen')}${runtime.executable?.isDeleted === true ? ' (deleted)' : ''}`,
    `  command line (redacted): ${printable(runtime.commandLine.join(' '))}`,
    `  user ${runtime.user.uid}${runtime.user.name === null ? '' : ` (${printable(runtime.user.name)})`}, since ${runtime.startedAt}, ${memory}`,
    ...runtime.weights.map(
      (held) =>
        `  ${held.how} ${printable(held.path)} (${describeBytes(held.sizeBytes)}${held.model === null ? '' : `, ${printable(held.model)}`})`,
    ),
    ...runtime.listeners.map(
      (listener) => `  listens on ${printable(listener.address)}:${listener.port} (${listener.scope})`,
    ),
    ...evidence.map((item) => `  ${item.kind} (weight ${item.weight}): ${printable(item.detail)}`),
  ]
}

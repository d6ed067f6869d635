// `gnomon inspect FILE…`: what is this file. Reads only; nothing is executed, rendered or followed.
import type { Inspection } from '../../contract/artifact.ts'
import { EXIT, type ExitCode, type Invocation } from '../../contract/command-line.ts'
import { printableJson } from '../../contract/printable.ts'
import { createTemplateIsolate } from '../isolate/template-isolate.ts'
import { type Answer, inspectOperand, type InspectOptions, unreadable } from '../inspect-operand.ts'
import { openPack } from '../rule-pack.ts'
import { renderInspection } from '../show/inspection.ts'
import { renderNotes, renderRest } from '../show/inspection-notes.ts'
import type { Terminal } from '../show/terminal.ts'
import { type Command, type CommandContext, hasOption, JSON_OPTION, NDJSON_OPTION, report } from './command.ts'

export const inspect: Command = {
  spec: {
    name: 'inspect',
    operands: 'FILE…',
    minOperands: 1,
    maxOperands: Number.MAX_SAFE_INTEGER,
    summary: 'Say what each file is: format, structure, tokenizer, identity, and what could not be read.',
    details: [
      'A folder is inspected as one thing where it is one (Hugging Face layout, split files), a store model by model. Every file of a folder is looked at, whatever its size and name, and what could not be is told last. Files are opened read-only and never run.',
    ],
    options: {
      deep: { type: 'boolean', summary: 'Also hash everything (SHA-256, rung 6).' },
      json: JSON_OPTION,
      ndjson: NDJSON_OPTION,
    },
  },
  run: runInspect,
}

async function runInspect(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  const pack = openPack()
  if (!pack.ok) return report(context, pack.failure)
  const isStream = hasOption(invocation, 'ndjson')
  const isDocument = hasOption(invocation, 'json') && !isStream
  const options: InspectOptions = {
    pack: pack.value,
    deep: hasOption(invocation, 'deep'),
    signal: context.signal,
    platform: context.platform,
    scanTemplate: createTemplateIsolate().scan,
  }
  const collected: Inspection[] = []
  let exit: ExitCode = EXIT.done
  for (const operand of invocation.operands) {
    if (context.signal.aborted) return EXIT.failure
    const found = await inspectOperand(operand, options)
    if (!found.ok) exit = report(context, found.failure)
    const objects = found.ok ? objectsOf(found.value) : [unreadable(operand, found.failure)]
    if (isDocument) collected.push(...objects)
    else if (isStream) context.stdout.write(objects.map((object) => `${printableJson(object)}\n`).join(''))
    else if (found.ok) context.stdout.write(render(found.value, context.stdout))
  }
  if (isDocument) context.stdout.write(`${printableJson(collected, 2)}\n`)
  return exit
}

/** One object an artifact; the folder follows with what in it was not looked at. */
function objectsOf({ artifacts, rest }: Answer): readonly Inspection[] {
  return rest === undefined ? artifacts : [...artifacts, rest]
}

function render({ artifacts, rest }: Answer, terminal: Terminal): string {
  const shown = artifacts.map(
    (artifact) => `${renderInspection(artifact, terminal)}\n${renderNotes(artifact, terminal)}`,
  )
  return [...shown, ...(rest === undefined ? [] : [renderRest(rest, terminal)])].join('')
}

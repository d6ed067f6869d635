// Redaction and rules must fit: what a rule asks of a command line has to survive the sensor.
import { describe, expect, it } from '@jest/globals'
import { redactCommandLine } from '../../../agent/sense/redact.ts'
import { identifyRuntime } from '../../../rules/identify-runtime.ts'
import { factsOf } from '../../../rules/workbench/test-entries.ts'
import { realPack, realTree } from '../../rules/real-pack.ts'

const examples = realTree.runtimes.flatMap((entry) =>
  [...entry.examples, ...entry.counterexamples]
    .map(({ facts }) => factsOf(facts))
    .filter(({ commandLine }) => commandLine.length > 0)
    .map((facts) => ({ title: `${entry.id}: ${facts.commandLine.join(' ')}`, facts })),
)

describe('a redacted command line', () => {
  it('is tried with the examples of the rule pack', () => {
    expect(examples.length).toBeGreaterThan(30)
  })

  it.each(examples)('identifies the same as the whole one of $title', ({ facts }) => {
    const commandLine = redactCommandLine(facts.commandLine, { name: facts.name, executable: facts.executablePath })

    const identified = identifyRuntime({ ...facts, commandLine }, realPack)

    const wanted = identifyRuntime(facts, realPack)
    expect([identified?.entryId, identified?.confidence]).toEqual([wanted?.entryId, wanted?.confidence])
  })
})

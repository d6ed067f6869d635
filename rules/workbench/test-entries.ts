// Holds every entry against its own examples, with the same functions that an endpoint runs.
import type { ModelEntry, PolicyEntry, RuntimeEntry } from '../../contract/rule-pack.ts'
import type { ThreatEntry } from '../../contract/threat-entry.ts'
import { identifyArtifact } from '../identify-artifact.ts'
import type { GraphicsFacts } from '../graphics-facts.ts'
import { type RuntimeFacts, activityOf, identifyRuntime } from '../identify-runtime.ts'
import { type FieldValue, holds } from '../operators.ts'
import type { Pack } from '../pack.ts'
import { threatOf } from '../threat-index.ts'
import type { Problem } from './read-tree.ts'

export interface TestOutcome {
  readonly passed: number
  readonly problems: readonly Problem[]
}

type ExampleFacts = RuntimeEntry['examples'][number]['facts']
type ExampleModel = ModelEntry['counterexamples'][number]

/** Every example matches its entry and yields exactly its values; no counterexample does; no example is another entry's. */
export function testEntries(pack: Pack): TestOutcome {
  const problems: Problem[] = []
  let passed = 0
  const expect = (file: string, detail: string | null): void => {
    if (detail === null) passed += 1
    else problems.push({ file, detail })
  }
  for (const entry of pack.runtimes) testRuntime(entry, pack, expect)
  for (const entry of pack.models) testModel(entry, pack, expect)
  for (const policy of pack.policies) testPolicy(policy, pack, expect)
  for (const entry of pack.threatEntries) testThreat(entry, pack, expect)
  return { passed, problems }
}

type Expect = (file: string, detail: string | null) => void

function testRuntime(entry: RuntimeEntry, pack: Pack, expect: Expect): void {
  const file = `runtimes/${entry.id}.yaml`
  for (const [index, example] of entry.examples.entries()) {
    const facts = factsOf(example.facts)
    const found = identifyRuntime(facts, pack)
    const got = `${found?.entryId ?? 'nothing'} ${found?.confidence ?? ''} ${activityOf(facts, found)}`
    const wanted = `${entry.id} ${example.expect.confidence} ${example.expect.activity}`
    expect(file, got === wanted ? null : `example ${index + 1} gives ${got}, not ${wanted}`)
  }
  for (const [index, example] of entry.counterexamples.entries()) {
    const found = identifyRuntime(factsOf(example.facts), pack)
    expect(file, found?.entryId === entry.id ? `counterexample ${index + 1} matches (${found.confidence})` : null)
  }
}

/** The facts of an example; what it leaves out was not seen. */
export function factsOf(example: ExampleFacts): RuntimeFacts {
  return {
    name: example.name,
    executablePath: example.executablePath ?? null,
    commandLine: example.commandLine ?? [],
    libraries: example.libraries ?? [],
    weights: example.weights ?? [],
    listeners: example.listeners ?? [],
    parent: example.parent ?? null,
    memory: example.anonymousBytes === undefined ? null : { anonymousBytes: example.anonymousBytes },
    graphics: graphicsOf(example),
    memoryTest: { fits: example.memoryFits ?? null, copies: example.memoryCopy ?? [] },
    containerLabels: example.containerLabels ?? [],
    ...(example.containerImage === undefined ? {} : { containerImage: example.containerImage }),
    binaryEngines: example.binaryEngines ?? [],
    httpAnswers: example.httpAnswers ?? [],
    stateFiles: example.stateFiles ?? [],
    packages: example.packages ?? [],
  }
}

function graphicsOf({ graphicsBytes, graphicsBusy, graphicsFit }: ExampleFacts): GraphicsFacts {
  return { bytes: graphicsBytes ?? null, busyPercent: graphicsBusy ?? null, fitsWeights: graphicsFit ?? null }
}

function testModel(entry: ModelEntry, pack: Pack, expect: Expect): void {
  const file = `models/${entry.id}.yaml`
  for (const [index, example] of entry.examples.entries()) {
    const [found, ...others] = structureAnswers(example, entry.kind, pack)
    const got = `${found?.entryId ?? 'nothing'}: ${(found?.candidates ?? []).join(', ')}${others.length > 0 ? ', and other entries' : ''}`
    const wanted = `${entry.id}: ${example.expect.candidates.join(', ')}`
    expect(file, got === wanted ? null : `example ${index + 1} gives ${got}, not ${wanted}`)
  }
  for (const [index, example] of entry.counterexamples.entries()) {
    const isMatch = structureAnswers(example, entry.kind, pack).some((found) => found.entryId === entry.id)
    expect(file, isMatch ? `counterexample ${index + 1} matches` : null)
  }
}

function structureAnswers(
  example: ExampleModel,
  kind: ModelEntry['kind'],
  pack: Pack,
): ReturnType<typeof identifyArtifact> {
  const { experts, feedForwardWidth } = example.structure
  const landmarks = (example.landmarks ?? []).map(({ name, count = 1, shape = [] }) => ({ name, count, shape }))
  const structure = {
    ...example.structure,
    ...(experts === undefined ? {} : { expertFeedForwardWidth: feedForwardWidth }),
    ...(landmarks.length === 0 ? {} : { landmarks }),
    kind: kind === 'text' ? ('text' as const) : ('other' as const),
    tensorCount: 1,
    parameterCount: 1,
  }
  return identifyArtifact({ format: 'gguf', path: '/example', sizeBytes: 1, fingerprint: { structure } }, pack)
}

function testPolicy(policy: PolicyEntry, pack: Pack, expect: Expect): void {
  const file = `policies/${policy.id}.yaml`
  for (const [index, example] of policy.examples.entries()) {
    const matching = pack.policies.filter((each) => each.subject === policy.subject && matches(each, example.fields))
    const names = matching.map((each) => each.id).join(', ')
    expect(
      file,
      matching.includes(policy)
        ? null
        : `example ${index + 1} does not match (it matches ${names === '' ? 'nothing' : names})`,
    )
  }
  for (const [index, example] of policy.counterexamples.entries()) {
    expect(file, matches(policy, example.fields) ? `counterexample ${index + 1} matches` : null)
  }
}

/** Every example is spoken for by its own entry, and no counterexample is. */
function testThreat(entry: ThreatEntry, pack: Pack, expect: Expect): void {
  const file = `threats/${entry.id}.yaml`
  for (const [index, { action }] of entry.examples.entries()) {
    const found = threatOf(pack.threats, action)
    expect(file, found === entry ? null : `example ${index + 1} is spoken for by ${found?.id ?? 'nothing'}`)
  }
  for (const [index, { action }] of entry.counterexamples.entries()) {
    expect(file, threatOf(pack.threats, action) === entry ? `counterexample ${index + 1} matches` : null)
  }
}

function matches(policy: PolicyEntry, fields: PolicyEntry['examples'][number]['fields']): boolean {
  const values = new Map<string, readonly FieldValue[]>(
    Object.entries(fields).map(([name, value]) => [
      name,
      Array.isArray(value) ? (value as readonly FieldValue[]) : [value as FieldValue],
    ]),
  )
  return holds(policy.match, { values: (field) => values.get(field) ?? [], command: null })
}

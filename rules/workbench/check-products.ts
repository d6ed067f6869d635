// What the product facts of runtime entries owe one another: probes that exist once and see more than a status, ids that lead
// somewhere, names that mean something, and no weight on what nobody read in a source.
import type { Condition } from '../../contract/rule-condition.ts'
import type { EvidenceRule, RuntimeEntry } from '../../contract/rule-pack.ts'
import { names } from '../trigger-index.ts'
import type { Problem, RuleTree } from './read-tree.ts'

/** Names that thousands of programs have: no evidence of any product. */
const GENERIC_NAMES: readonly string[] = [
  'python',
  'python3',
  'node',
  'chat',
  'main',
  'server',
  'dotnet',
  'java',
  'code',
]
/** Most that a rule may weigh whose field is general knowledge: two of a kind name at most `possible`. */
const MAX_UNVERIFIED_WEIGHT = 15
/** The field of the facts that a kind of evidence rests on. */
const RESTS_ON: Readonly<Partial<Record<EvidenceRule['kind'], string>>> = {
  'process-name': 'processes',
  'http-answer': 'http',
  package: 'packages',
}

/** Problems of all runtime entries with their products' facts. */
export function checkProducts({ runtimes, vocabulary }: RuleTree): readonly Problem[] {
  const ids = runtimes.flatMap(({ probes = [] }) => probes.map(({ id }) => id))
  const engines = vocabulary.find(({ id }) => id === 'engines')?.words ?? []
  const withStrings = runtimes.filter(({ strings }) => strings !== undefined)
  const known: KnownIds = {
    probes: new Set(ids),
    doubles: new Set(ids.filter((id, index) => ids.indexOf(id) !== index)),
    signatures: new Set([...engines, ...withStrings].map(({ id }) => id)),
  }
  return runtimes.flatMap((entry) => {
    const details = [
      ...probeTroubles(entry, known),
      ...askedTroubles(entry, known),
      ...entry.match.flatMap((rule) => ruleTroubles(entry, rule)),
    ]
    return details.map((detail) => ({ file: `runtimes/${entry.id}.yaml`, detail }))
  })
}

interface KnownIds {
  readonly probes: ReadonlySet<string>
  readonly doubles: ReadonlySet<string>
  readonly signatures: ReadonlySet<string>
}

function probeTroubles({ probes = [] }: RuntimeEntry, known: KnownIds): readonly string[] {
  return probes.flatMap(({ id, answer, strength, unless = [] }) => [
    ...(known.doubles.has(id) ? [`the probe ${id} is there twice`] : []),
    ...(Object.keys(answer).length === 1 && strength !== 'weak'
      ? [`the probe ${id} sees a status only, so it is weak`]
      : []),
    ...unless.filter((other) => !known.probes.has(other)).map((other) => `there is no probe ${other}`),
  ])
}

function askedTroubles(entry: RuntimeEntry, known: KnownIds): readonly string[] {
  const probes = valuesAskedOf(entry, 'httpAnswer').filter((id) => !known.probes.has(id))
  const engines = valuesAskedOf(entry, 'binaryEngine').filter((id) => !known.signatures.has(id))
  return [
    ...probes.map((id) => `there is no probe ${id}`),
    ...engines.map((id) => `${id} is no engine and no entry with strings`),
  ]
}

function ruleTroubles(entry: RuntimeEntry, rule: EvidenceRule): readonly string[] {
  if (!names(rule)) return []
  const asked = 'field' in rule.when && rule.when.field === 'name' ? valuesOf(rule.when.equals) : []
  const generic = asked.filter((name) => GENERIC_NAMES.includes(name))
  return [
    ...generic.map((name) => `the name ${name} is that of too many programs`),
    ...(isTooHeavy(entry, rule)
      ? [`${rule.kind} is unverified here, so it weighs ${MAX_UNVERIFIED_WEIGHT} at most`]
      : []),
  ]
}

function isTooHeavy({ status, unverifiedFields = [] }: RuntimeEntry, { kind, weight, when }: EvidenceRule): boolean {
  const field = RESTS_ON[kind]
  if (status === 'draft' || weight <= MAX_UNVERIFIED_WEIGHT || field === undefined) return false
  // A script is an entry point of the Python package, and a bundle is known by its own id: other fields of the facts.
  const isOther = 'programName' in when || valuesIn(when, 'package').some((name) => name.startsWith('bundle:'))
  return !isOther && unverifiedFields.includes(field)
}

function valuesAskedOf(entry: RuntimeEntry, field: string): readonly string[] {
  return entry.match.flatMap(({ when }) => valuesIn(when, field))
}

function valuesIn(condition: Condition, field: string): readonly string[] {
  if ('all' in condition) return condition.all.flatMap((member) => valuesIn(member, field))
  if ('any' in condition) return condition.any.flatMap((member) => valuesIn(member, field))
  if ('none' in condition) return condition.none.flatMap((member) => valuesIn(member, field))
  return 'field' in condition && condition.field === field ? valuesOf(condition.equals) : []
}

function valuesOf(operand: unknown): readonly string[] {
  return operand === undefined ? [] : [operand].flat().map(String)
}

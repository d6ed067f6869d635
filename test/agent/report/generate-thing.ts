// Makes a value out of a published schema with a planted text in every field that can hold one: what a later field brings is planted too.
import { jsonSchemaOf } from '../../../contract/json-schema.ts'

/** Fields that hold words of closed lists, ids and texts of rules, versions of our own or encodings, and never a name. */
const NO_NAMES: ReadonlySet<string> = new Set(
  [
    'kind level category entryId policyId artifactId artifactIds format dialect code sensor hostId vendor product family advice',
    'falsePositives platform agentVersion packVersion dev inode procLink roles outerRoles tensors normSketch firstBytes ids',
  ].flatMap((line) => line.split(' ')),
)

const PLACES: ReadonlySet<string> = new Set(['path', 'scope', 'place', 'places', 'artifactPath', 'address', 'member'])

export interface Planted {
  /** For a field that says where something is. */
  readonly path: string
  /** For any other text, as long as it may be. */
  readonly sentence: string
  readonly word: string
}

type Schema = Readonly<Record<string, unknown>>

export function generate(schema: Parameters<typeof jsonSchemaOf>[0], planted: Planted): unknown {
  return valueOf(jsonSchemaOf(schema), '', planted)
}

function valueOf(given: unknown, field: string, planted: Planted): unknown {
  const schema = asSchema(given)
  if (schema['const'] !== undefined) return schema['const']
  if (Array.isArray(schema['enum'])) return schema['enum'][0]
  const choices = schema['anyOf'] ?? schema['oneOf']
  if (Array.isArray(choices)) return valueOf(choices[0], field, planted)
  switch (schema['type']) {
    case 'object':
      return objectOf(schema, planted)
    case 'array':
      return [valueOf(schema['items'], field, planted)]
    case 'string':
      return textOf(schema, field, planted)
    case 'boolean':
      return true
    case 'integer':
    case 'number':
      return field === 'uid' ? 4711 : Math.max(1, Number(schema['minimum'] ?? 1))
    default:
      return null
  }
}

function objectOf(schema: Schema, planted: Planted): unknown {
  const properties = Object.entries(asSchema(schema['properties'] ?? {}))
  if (properties.length === 0) return { field: valueOf(schema['additionalProperties'] ?? {}, 'field', planted) }
  return Object.fromEntries(properties.map(([name, inner]) => [name, valueOf(inner, name, planted)]))
}

function textOf(schema: Schema, field: string, { path, sentence, word }: Planted): string {
  if (schema['format'] === 'date-time') return '2026-11-23T08:00:00.000Z'
  if (schema['format'] === 'date') return '2026-11-23'
  const pattern = typeof schema['pattern'] === 'string' ? schema['pattern'] : ''
  if (pattern.includes('[0-9a-f]{64}')) return 'ab'.repeat(32)
  if (pattern.includes('[a-z]+[0-9]+:')) return `arch1:${'ab'.repeat(16)}`
  if (pattern.includes('[0-9a-f]{2}')) return 'abcd'
  if (field === 'runtimeKey') return `run1:${'cd'.repeat(16)}`
  if (field === 'findingId') return `fnd1:${'ef'.repeat(16)}`
  if (field === 'installationKey') return `x@${path}`
  if (NO_NAMES.has(field)) return 'x'
  const most = Number(schema['maxLength'] ?? 4096)
  if (PLACES.has(field)) return path
  return sentence.length <= most ? sentence : word
}

function asSchema(value: unknown): Schema {
  if (typeof value !== 'object' || value === null) return {}
  return value as Schema
}

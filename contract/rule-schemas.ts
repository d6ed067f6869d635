// JSON Schemas (draft 2020-12) of rule entries, generated from the zod declarations: editors complete and check YAML with them.
import { z } from 'zod'
import {
  digestRowSchema,
  modelEntrySchema,
  packFileSchema,
  policyEntrySchema,
  runtimeEntrySchema,
  vocabularySchema,
} from './rule-pack.ts'
import { threatEntrySchema } from './threat-entry.ts'

/** File name in rules/schemas -> schema. */
export function ruleSchemas(): ReadonlyMap<string, unknown> {
  const schemas = {
    runtimes: runtimeEntrySchema,
    models: modelEntrySchema,
    policies: policyEntrySchema,
    threats: threatEntrySchema,
    vocabulary: vocabularySchema,
    digests: digestRowSchema,
    pack: packFileSchema,
  }
  return new Map(
    Object.entries(schemas).map(([name, schema]) => [
      `${name}.schema.json`,
      z.toJSONSchema(schema, { reused: 'ref', io: 'input' }),
    ]),
  )
}

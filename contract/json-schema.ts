// JSON Schema of a wire schema, for the validators and documents that do not speak zod.
import { z } from 'zod'

/** A JSON Schema document (draft 7: what ajv in fastify reads by default). */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The JSON Schema of a wire type. `readOnly` marks are left out: they say how TypeScript sees it, not who may send it. */
export function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...document } = z.toJSONSchema(schema, {
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      delete jsonSchema.readOnly
    },
  })
  return document
}

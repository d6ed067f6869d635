// The literal operators of rule entries as a schema. No regular expressions: a hostile text must not be able to slow a match
// down (CWE-1333); what they mean is in rules/operators.ts.
import { z } from 'zod'
import { text } from './wire.ts'

export const oneOrMore = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1).max(128).readonly()])
export const word = text(512)

/** All operators that are given must hold for the same value. */
export const literalOperators = {
  equals: oneOrMore(z.union([word, z.number(), z.boolean()])).optional(),
  prefix: oneOrMore(word).optional(),
  suffix: oneOrMore(word).optional(),
  contains: oneOrMore(word).optional(),
  between: z.tuple([z.number(), z.number()]).readonly().optional(),
}

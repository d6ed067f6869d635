// What entries of every kind share: the head that says what they are, and the conditions by which they match.
import { z } from 'zod'
import { literalOperators, oneOrMore, word } from './literal-operators.ts'
import { nameText, text } from './wire.ts'

/** Lower-case words joined by hyphens, never reused. */
export const entryIdSchema = z
  .string()
  .max(96)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/)
/** draft: identifies at most `possible` and never alerts. trial, stable: alert. retired: kept, never evaluated. */
export const entryStatusSchema = z.enum(['draft', 'trial', 'stable', 'retired'])
/** What every entry begins with. */
export const entryHead = {
  id: entryIdSchema,
  status: entryStatusSchema,
  /** Why it is there, for the next engineer. */
  why: text(2_000),
  references: z.array(text(500)).min(1).max(64).readonly(),
}

/** Literal operators on one value of a field; all operators that are given must hold for the same value. */
const fieldTest = z.strictObject({ field: nameText, ...literalOperators }).readonly()
/** Argument-level operators on a redacted command line. */
const programTest = z.strictObject({ programName: oneOrMore(word) }).readonly()
const subCommandTest = z.strictObject({ subCommand: oneOrMore(word) }).readonly()
const switchTest = z.strictObject({ hasSwitch: oneOrMore(word) }).readonly()
const switchValueTest = z
  .strictObject({ switchValue: z.strictObject({ switch: oneOrMore(word), ...literalOperators }).readonly() })
  .readonly()
export const testSchema = z.union([fieldTest, programTest, subCommandTest, switchTest, switchValueTest])
export type Test = z.infer<typeof testSchema>

const combine = <T extends z.ZodType>(member: T) => {
  const list = z.array(member).min(1).max(64).readonly()
  return z.union([
    z.strictObject({ all: list }).readonly(),
    z.strictObject({ any: list }).readonly(),
    z.strictObject({ none: list }).readonly(),
  ])
}
/** Three levels at most, spelled out instead of recursive: no pack can nest deep enough to exhaust a stack (CWE-674). */
const level1 = z.union([testSchema, combine(testSchema)])
const level2 = z.union([level1, combine(level1)])
export const conditionSchema = z.union([level2, combine(level2)])
export type Condition = z.infer<typeof conditionSchema>

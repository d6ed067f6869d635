// The literal operators of rule entries: equals, prefix, suffix, contains, between; all, any, none; and those on arguments.
// No regular expressions: a hostile command line must not be able to slow the match down (CWE-1333).
import type { Condition, Test } from '../contract/rule-condition.ts'
import type { CommandWords } from './command-words.ts'

export type FieldValue = string | number | boolean

/** What a condition is held against. */
export interface Subject {
  /** All values of a field; none when it was not seen. */
  readonly values: (field: string) => readonly FieldValue[]
  readonly command: CommandWords | null
}

interface Operators {
  readonly equals?: FieldValue | readonly FieldValue[] | undefined
  readonly prefix?: string | readonly string[] | undefined
  readonly suffix?: string | readonly string[] | undefined
  readonly contains?: string | readonly string[] | undefined
  readonly between?: readonly [number, number] | undefined
}

/** True when the condition holds. A field that was not seen fulfils no test. */
export function holds(condition: Condition, subject: Subject): boolean {
  if ('all' in condition) return condition.all.every((member) => holds(member, subject))
  if ('any' in condition) return condition.any.some((member) => holds(member, subject))
  if ('none' in condition) return !condition.none.some((member) => holds(member, subject))
  return passes(condition, subject)
}

/** What made a test true; the field is null for tests on arguments. */
export interface Spoken {
  readonly field: string | null
  readonly value: string
}

/** The values that made a test of one field true, to be shown as evidence. */
export function speaking(condition: Condition, subject: Subject): readonly string[] {
  return [...new Set(spoken(condition, subject).map(({ value }) => value))]
}

/** The same, with the field that each is of. That something is true or false is what the test itself says, and no value to be shown. */
export function spoken(condition: Condition, subject: Subject): readonly Spoken[] {
  if ('none' in condition) return []
  const members = 'all' in condition ? condition.all : 'any' in condition ? condition.any : null
  if (members !== null) {
    return members.filter((member) => holds(member, subject)).flatMap((member) => spoken(member, subject))
  }
  if (!holds(condition, subject)) return []
  const test = condition as Test
  const field = 'field' in test ? test.field : null
  return spokenBy(test, subject).map((value) => ({ field, value }))
}

/** Runs some hundred times a process: it only asks, and lists nothing. */
function passes(test: Test, subject: Subject): boolean {
  const { command } = subject
  if ('field' in test) {
    return subject.values(test.field).some((value) => fits(value, test))
  }
  if (command === null) return false
  if ('programName' in test) return command.programs.some((program) => isOneOf(program, test.programName))
  if ('subCommand' in test) return isOneOf(command.subCommand, test.subCommand)
  return switchesSpoken(test, command).length > 0
}

function spokenBy(test: Test, subject: Subject): readonly string[] {
  const { command } = subject
  if ('field' in test) {
    const values = subject.values(test.field).filter((value) => typeof value !== 'boolean' && fits(value, test))
    return values.map(String)
  }
  if (command === null) return []
  if ('programName' in test) return command.programs.filter((program) => isOneOf(program, test.programName))
  if ('subCommand' in test) return isOneOf(command.subCommand, test.subCommand) ? [command.subCommand ?? ''] : []
  return switchesSpoken(test, command)
}

type SwitchTest = Extract<Test, { hasSwitch: unknown } | { switchValue: unknown }>

function switchesSpoken(test: SwitchTest, command: CommandWords): readonly string[] {
  if ('hasSwitch' in test) return listed(test.hasSwitch).filter((name) => command.switches.has(name))
  const { switch: names, ...operators } = test.switchValue
  return listed(names).flatMap((name) => {
    const values = command.switches.get(name) ?? []
    return values.filter((value) => fits(value, operators)).map((value) => `${name} ${value}`)
  })
}

/** True when one value fulfils every operator that is given; with no operator, any value does. */
export function fits(value: FieldValue, operators: Operators): boolean {
  const { equals, prefix, suffix, contains, between } = operators
  if (equals !== undefined && !isOneOf(value, equals)) return false
  if (between !== undefined && !(typeof value === 'number' && value >= between[0] && value <= between[1])) return false
  if (prefix === undefined && suffix === undefined && contains === undefined) return true
  if (typeof value !== 'string') return false
  if (prefix !== undefined && !someOf(prefix, (text) => value.startsWith(text))) return false
  if (suffix !== undefined && !someOf(suffix, (text) => value.endsWith(text))) return false
  return contains === undefined || someOf(contains, (text) => value.includes(text))
}

function someOf(texts: string | readonly string[], test: (text: string) => boolean): boolean {
  return typeof texts === 'string' ? test(texts) : texts.some(test)
}

function listed(value: string | readonly string[]): readonly string[] {
  return typeof value === 'string' ? [value] : value
}

function isOneOf(value: FieldValue | null, wanted: FieldValue | readonly FieldValue[]): boolean {
  if (value === null) return false
  return typeof wanted === 'object' ? wanted.includes(value) : wanted === value
}

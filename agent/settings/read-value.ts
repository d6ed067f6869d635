// Readers of single setting values, as JSON gives them. Undefined means "not usable": a number written as a text is a mistake, and guessing
// what was meant would hide the next one.
import type { Approval } from '../../contract/finding.ts'
import { approvalSchema } from '../../contract/finding.ts'
import { MAX_PATH_CHARS } from '../../contract/wire.ts'

/** More places or approvals than this in one settings file is a mistake, and would slow every sweep. */
export const MAX_PLACES = 1_024
export const MAX_APPROVALS = 10_000

export type ReadValue<T> = (value: unknown) => T | undefined

/** A whole number from `min` to `max`. */
export function wholeBetween(min: number, max: number): ReadValue<number> {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined
}

/** True or false. */
export function readSwitch(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

/** What digits and the words true and false mean on a command line, which has texts only; undefined for others. */
export function meaningOfText(value: unknown): number | boolean | undefined {
  if (typeof value !== 'string') return undefined
  if (/^\d{1,15}$/.test(value)) return Number(value)
  return value === 'true' || value === 'false' ? value === 'true' : undefined
}

/** One of the words of a closed list. */
export function wordOf<Word extends string>(words: readonly Word[]): ReadValue<Word> {
  return (value) => words.find((word) => word === value)
}

/** A list of texts that all pass; one text alone counts as a list of one. */
export function listOf(accepts: (text: string) => boolean): ReadValue<readonly string[]> {
  return (value) => {
    const list: readonly unknown[] | undefined =
      typeof value === 'string' ? [value] : Array.isArray(value) ? value : undefined
    if (list === undefined || list.length > MAX_PLACES) return undefined
    const texts = list.filter((item): item is string => typeof item === 'string' && isPlain(item) && accepts(item))
    return texts.length === list.length ? texts : undefined
  }
}

export function readApprovals(value: unknown): readonly Approval[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_APPROVALS) return undefined
  const approvals: Approval[] = []
  for (const item of value) {
    const parsed = approvalSchema.safeParse(item)
    if (!parsed.success || parsed.data.value === '') return undefined
    if (parsed.data.kind === 'sha256' && !/^[0-9a-f]{64}$/.test(parsed.data.value)) return undefined
    approvals.push(parsed.data)
  }
  return approvals
}

/** Not empty, no NUL (which ends a path for the system calls), not longer than any path. */
export function isPlain(text: string): boolean {
  return text !== '' && !text.includes('\0') && text.length <= MAX_PATH_CHARS
}

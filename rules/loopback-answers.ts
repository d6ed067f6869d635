// What the answers of a loopback listener say: which probes of the pack were answered as expected, and what a runtime tells of itself.
// Pure; every text here was chosen by whoever listens.
import type { Probe } from '../contract/product-facts.ts'
import { type FieldValue, fits } from './operators.ts'

/** One answer, bounded by whoever asked. */
export interface AnswerText {
  readonly status: number
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

/** What a runtime tells of itself; claims, as all that it says. */
export interface Told {
  readonly version?: string
  readonly model?: string
  readonly contextTokens?: number
  readonly loadedBytes?: number
  readonly gpuBytes?: number
}

export interface JudgedAnswers {
  /** Ids of the probes that were answered as expected, in the order of the list. */
  readonly answered: readonly string[]
  readonly told: Told
}

/** Values looked at at one place: a list of a thousand models is one answer (CWE-400). */
const MAX_VALUES = 1_024
const MAX_TOLD_CHARS = 512

/** Holds answers, by the path that was asked, against probes. A probe whose imitator answered counts for nothing. */
export function judgeAnswers(probes: readonly Probe[], answers: ReadonlyMap<string, AnswerText>): JudgedAnswers {
  const bodies = new Map([...answers].map(([path, { body }]) => [path, parseAnswer(body)]))
  const asExpected = probes.filter((probe) => {
    const answer = answers.get(probe.path)
    return answer !== undefined && isAsExpected(probe, answer, bodies.get(probe.path))
  })
  const ids = new Set(asExpected.map(({ id }) => id))
  const standing = asExpected.filter(
    ({ unless }) => unless === undefined || !unless.some((imitator) => ids.has(imitator)),
  )
  const told = standing.map(({ path, tells }) => readTold(tells, bodies.get(path)))
  return { answered: standing.map(({ id }) => id), told: told.reduceRight((all, each) => ({ ...all, ...each }), {}) }
}

/** The body as JSON; undefined where it is none. */
export function parseAnswer(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // A page or a text is an answer too.
    return undefined
  }
}

function isAsExpected({ answer: wanted }: Probe, answer: AnswerText, json: unknown): boolean {
  if (answer.status !== wanted.status) return false
  if (wanted.bodyEquals !== undefined && answer.body.trim() !== wanted.bodyEquals) return false
  if (wanted.bodyContains?.some((text) => !answer.body.includes(text)) === true) return false
  const hasHeaders = (wanted.headers ?? []).every(({ name, ...operators }) => {
    const value = answer.headers.get(name)
    return value !== undefined && fits(value, operators)
  })
  return hasHeaders && (wanted.json ?? []).every(({ at, ...operators }) => isAt(json, at, operators))
}

function isAt(json: unknown, at: readonly string[], operators: Parameters<typeof fits>[1]): boolean {
  const values = valuesAt(json, at)
  const isPresence = Object.values(operators).every((operand) => operand === undefined)
  if (isPresence) return values.length > 0
  return values.some((value) => isField(value) && fits(value, operators))
}

function isField(value: unknown): value is FieldValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** All values at a place; `*` is every member of a list. Own members only, so no key of the answer can mean something else. */
export function valuesAt(json: unknown, at: readonly string[]): readonly unknown[] {
  let values: readonly unknown[] = [json]
  for (const key of at) {
    values = values.flatMap((value): readonly unknown[] => {
      if (typeof value !== 'object' || value === null) return []
      if (key === '*') return Array.isArray(value) ? value.slice(0, MAX_VALUES) : []
      return Object.hasOwn(value, key) ? [Reflect.get(value, key)] : []
    })
    values = values.slice(0, MAX_VALUES)
  }
  return values.filter((value) => value !== undefined)
}

function readTold(tells: Probe['tells'], json: unknown): Told {
  if (tells === undefined) return {}
  const text = (at: readonly string[] | undefined): string | undefined => {
    const found =
      at === undefined ? [] : valuesAt(json, at).filter((value) => typeof value === 'string' && value !== '')
    return found.length === 0 ? undefined : String(found[0]).slice(0, MAX_TOLD_CHARS)
  }
  const whole = (at: readonly string[] | undefined): number | undefined =>
    at === undefined ? undefined : valuesAt(json, at).find(isSize)
  const told = {
    version: text(tells.version),
    model: text(tells.model),
    contextTokens: whole(tells.contextTokens),
    loadedBytes: whole(tells.loadedBytes),
    gpuBytes: whole(tells.gpuBytes),
  }
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined))
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

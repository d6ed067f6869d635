// What the worker may use before the supervisor ends it. The figures of `normal` and `restrictive` are those of osquery's watchdog, so
// that an administrator who accepted one accepts the other.

const MIB = 1024 * 1024

export interface Limits {
  /** Memory of its own beyond what it had when it was ready. */
  readonly memoryBytes: number
  /** Share of all cores. */
  readonly processorPercent: number
  /** The share is too much only when it lasts this long without a break. */
  readonly forSeconds: number
  /** How long after its start the worker may use the processor freely. */
  readonly graceSeconds: number
  /** The first wait before a worker is started again; it grows while workers keep ending. */
  readonly respawnSeconds: number
}

/** The setting `limits`: a word, or figures of one's own. */
export type LimitsChoice = 'normal' | 'restrictive' | 'off' | Limits

const NORMAL: Limits = {
  memoryBytes: 200 * MIB,
  processorPercent: 10,
  forSeconds: 12,
  graceSeconds: 60,
  respawnSeconds: 5,
}
const RESTRICTIVE: Limits = { ...NORMAL, memoryBytes: 100 * MIB, processorPercent: 5, forSeconds: 6 }
/** The worker is started again all the same. */
const OFF: Limits = { ...NORMAL, memoryBytes: Number.MAX_SAFE_INTEGER, processorPercent: 100, forSeconds: 1_000_000 }

/** The figures of a choice. */
export function limitsOf(choice: LimitsChoice): Limits {
  if (typeof choice !== 'string') return choice
  return { normal: NORMAL, restrictive: RESTRICTIVE, off: OFF }[choice]
}

/** What applies until a worker has read its settings. */
export const DEFAULT_LIMITS: Limits = NORMAL

/** Each figure with the least and the most that makes sense. */
const BOUNDS: { readonly [Name in keyof Limits]: readonly [number, number] } = {
  memoryBytes: [MIB, Number.MAX_SAFE_INTEGER],
  processorPercent: [1, 100],
  forSeconds: [3, 1_000_000],
  graceSeconds: [0, 86_400],
  respawnSeconds: [1, 600],
}

/** Figures that an administrator or a worker gave; undefined unless every one of them is there and within its bounds. */
export function readLimits(value: unknown): Limits | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const given = new Map<string, unknown>(Object.entries(value))
  if (given.size !== Object.keys(BOUNDS).length) return undefined
  const take = (name: keyof Limits): number => {
    const figure = given.get(name)
    const [least, most] = BOUNDS[name]
    return typeof figure === 'number' && Number.isInteger(figure) && figure >= least && figure <= most ? figure : NaN
  }
  const limits: Limits = {
    memoryBytes: take('memoryBytes'),
    processorPercent: take('processorPercent'),
    forSeconds: take('forSeconds'),
    graceSeconds: take('graceSeconds'),
    respawnSeconds: take('respawnSeconds'),
  }
  return Object.values(limits).some(Number.isNaN) ? undefined : limits
}

/** The same for editors: JSON Schema, draft 07. */
export const LIMITS_SCHEMA: Readonly<Record<string, unknown>> = {
  anyOf: [
    { enum: ['normal', 'restrictive', 'off'] },
    {
      type: 'object',
      required: Object.keys(BOUNDS),
      additionalProperties: false,
      properties: Object.fromEntries(
        Object.entries(BOUNDS).map(([name, [minimum, maximum]]) => [name, { type: 'integer', minimum, maximum }]),
      ),
    },
  ],
}

/** A value of the setting `limits`. */
export function readLimitsChoice(value: unknown): LimitsChoice | undefined {
  if (value === 'normal' || value === 'restrictive' || value === 'off') return value
  return readLimits(value)
}

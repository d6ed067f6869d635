// Reads hostile bytes as the product does, twice, and says in words what no reader may do with them.
import { isDeepStrictEqual } from 'node:util'
import { memoryBytes } from '../../agent/read/cursor.ts'
import { formats } from '../../agent/read/formats.ts'
import { Look } from '../../agent/read/look.ts'
import type { ReadBudget } from '../../agent/read/read-budget.ts'
import { findReader } from '../../agent/read/sniff-format.ts'
import type { FormatReader } from '../../agent/read/weights.ts'
import { type Probe, type Sample, breachOf, probe, samplesOf } from '../conformance/probe.ts'

export interface NamedSample extends Sample {
  readonly format: FormatReader
}

/** Every committed sample of every reader. */
export const samples: readonly NamedSample[] = formats.flatMap((format) =>
  samplesOf(format.id).map((sample) => ({ ...sample, format })),
)

/** For `it.each`: what to call a sample, and the sample. */
export const namedSamples: readonly (readonly [name: string, sample: NamedSample])[] = samples.map((sample) => [
  `${sample.format.id}/${sample.name}`,
  sample,
])

export interface Held {
  /** Who recognised the bytes. */
  readonly format: string | null
  /** Null where nobody did. */
  readonly answer: Probe | null
  readonly breach: string | null
}

const UNTOUCHED = describePrototypes()

/** The properties that every object of JavaScript has: what a name from a file must never add to. */
function describePrototypes(): string {
  return [Object.prototype, Array.prototype, Map.prototype, String.prototype]
    .flatMap((prototype) => Reflect.ownKeys(prototype).map(String))
    .join()
}

/** By `direct` whatever the bytes are, where it is given, and by whoever recognises them; each twice. */
export function hold(bytes: Buffer, direct?: FormatReader, budget?: ReadBudget): Held {
  const found = findReader(new Look(memoryBytes(bytes), 'sample'))
  const answer = found === null ? null : probe(found, bytes, budget)
  const breach =
    (found !== null && answer !== null ? breachOfReader(found, bytes, answer, budget) : null) ??
    (direct !== undefined && direct !== found ? breachOfReader(direct, bytes, probe(direct, bytes), budget) : null) ??
    breachOfPrototypes()
  return { format: found?.id ?? null, answer, breach }
}

function breachOfReader(reader: FormatReader, bytes: Buffer, answer: Probe, budget?: ReadBudget): string | null {
  const breach = breachOf(bytes, answer)
  if (breach !== null) return `${reader.id}: ${breach}`
  const again = probe(reader, bytes, budget)
  const isSame = isDeepStrictEqual([again.part, again.gaps.list()], [answer.part, answer.gaps.list()])
  return isSame ? null : `${reader.id}: another answer the second time`
}

/** What a name from a file did to all objects of the program (CWE-1321); null where it did nothing. */
export function breachOfPrototypes(): string | null {
  if ('polluted' in {}) return 'an object is polluted'
  const now = describePrototypes()
  return now === UNTOUCHED ? null : `the prototypes are now ${now}`
}

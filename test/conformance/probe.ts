// Gives bytes in memory to a reader, and says in words what the reader did that none may do. Plain comparisons, not `expect`: this
// runs a million times.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteSource, Cursor, memoryBytes } from '../../agent/read/cursor.ts'
import type { ReadBudget } from '../../agent/read/read-budget.ts'
import { GapList } from '../../agent/read/gap-list.ts'
import { Look } from '../../agent/read/look.ts'
import { nestedReader } from '../../agent/read/sniff-format.ts'
import type { FormatReader, WeightsPart } from '../../agent/read/weights.ts'
import { wellFormed } from '../../contract/well-formed.ts'
import { claimsSchema, containerSchema, structureSchema, tokenizerSchema } from '../../contract/fingerprint.ts'

const corpus = join(import.meta.dirname, '../corpus/read')
/** A vocabulary is passed over once and digested once; what a window reads beyond its need comes on top. */
const READS_PER_BYTE = 4
/** A part that is looked into gets a window of its own, and the end of an archive is looked for twice. */
const FEW_BYTES = 4_096
/** Every byte of a file gives at most this much work: a one-byte name, number or JSON token. */
const STEPS_PER_BYTE = 4
/** For the files that have hardly any bytes. */
const FEW_STEPS = 64
const MAX_FACTS = 64
const NO_LIMIT = 1e9

export const SEED = Number(process.env['GNOMON_SEED'] ?? 20_261_123)

export interface Sample {
  readonly name: string
  readonly bytes: Buffer
}

/** The committed samples of a format. */
export function samplesOf(format: string): readonly Sample[] {
  return readdirSync(join(corpus, format))
    .filter((name) => !name.endsWith('.md'))
    .map((name) => ({ name, bytes: readFileSync(join(corpus, format, name)) }))
}

export function smallest(samples: readonly Sample[]): Sample {
  const [first] = [...samples].sort((left, right) => left.bytes.length - right.bytes.length)
  if (first === undefined) throw new Error('the format has no samples')
  return first
}

/** Numbers below a limit, the same for the same seed. */
export function seeded(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

export interface Probe {
  readonly part: WeightsPart
  readonly gaps: GapList
  /** Bytes that the reader asked of the file. */
  readonly bytesRead: number
}

/** Reads with as many steps as the bytes can honestly need; a reader that takes more runs into its budget. */
export function probe(
  reader: FormatReader,
  bytes: Uint8Array,
  budget: ReadBudget = { bytes: NO_LIMIT, steps: FEW_STEPS + bytes.length * STEPS_PER_BYTE },
  look = new Look(memoryBytes(bytes), 'sample'),
): Probe {
  const gaps = new GapList('sample')
  const source = memoryBytes(bytes)
  let bytesRead = 0
  const counted: ByteSource = {
    sizeBytes: source.sizeBytes,
    read: (position, target) => {
      const count = source.read(position, target)
      bytesRead += count
      return count
    },
  }
  const part = reader.read(new Cursor(counted, budget), gaps, { look, readNested: nestedReader() })
  return { part, gaps, bytesRead }
}

/** What no reader may do whatever the bytes are, in words; null where it did none of it. */
export function breachOf(bytes: Uint8Array, { part, gaps, bytesRead }: Probe): string | null {
  const found = gaps.list()
  if (found.some(({ code }) => code === 'GNO_READ_BUDGET')) return `ran out of its budget: ${found[0]?.detail ?? ''}`
  if (bytesRead > FEW_BYTES + bytes.length * READS_PER_BYTE) return `read ${bytesRead} bytes of ${bytes.length}`
  if (!isWhole(part.headerBytes)) return `a header of ${part.headerBytes} bytes`
  return breachOfTensors(bytes, part) ?? breachOfWire(part)
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function breachOfTensors(bytes: Uint8Array, { tensors }: WeightsPart): string | null {
  for (const { name, offset, bytes: size, elements, shape } of tensors) {
    const isNumbered = isWhole(offset) && isWhole(size ?? 0) && isWhole(elements) && shape.every(isWhole)
    if (!isNumbered) return `tensor ${name} has numbers that are none: ${[offset, size, elements, ...shape].join(' ')}`
    if (offset + (size ?? 0) > bytes.length) return `tensor ${name} lies outside the file`
  }
  return null
}

const HYPERPARAMETERS = structureSchema.unwrap().partial()

function breachOfWire({ facts, claims, hyperparameters, tokenizer, formatVersion }: WeightsPart): string | null {
  if (facts !== undefined && facts.size > MAX_FACTS) return `${facts.size} facts`
  const checks = [
    () => containerSchema.safeParse(whole(Object.fromEntries(facts ?? []))),
    () => claimsSchema.safeParse(whole(claims)),
    () => HYPERPARAMETERS.safeParse(whole(hyperparameters)),
    () => tokenizerSchema.optional().safeParse(whole(tokenizer)),
  ]
  // A text may be cut inside a character: fit-artifact.ts and whoever sends make it whole, for all readers in one place.
  let whole = <T>(value: T): T => value
  const findFailed = () => checks.map((check) => check()).find(({ success }) => !success)
  if (findFailed() === undefined) return breachOfVersion(formatVersion)
  whole = wellFormed
  const failed = findFailed()
  if (failed !== undefined) return `something that does not fit the wire: ${failed.error?.message ?? ''}`
  return breachOfVersion(formatVersion)
}

function breachOfVersion(formatVersion: string | null): string | null {
  return formatVersion !== null && formatVersion.length > 512 ? 'a version of more than 512 characters' : null
}

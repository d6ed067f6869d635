// Holds for every member of agent/read/formats.ts, so that a new format brings most of its tests with it.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { Cursor, type ReadBudget, memoryBytes } from '../../agent/read/cursor.ts'
import { formats } from '../../agent/read/formats.ts'
import { GapList } from '../../agent/read/gap-list.ts'
import { Look } from '../../agent/read/look.ts'
import { findReader } from '../../agent/read/sniff-format.ts'
import type { WeightsPart } from '../../agent/read/weights.ts'
import { contextOf, openForTest } from '../agent/read/open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-readers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const corpus = join(import.meta.dirname, '../corpus/read')
const HEAD_BYTES = 4096
/** A vocabulary is passed over once and digested once; what a window reads beyond its need comes on top. */
const READS_PER_BYTE = 4
/** Every byte of a file gives at most this much work: a one-byte name, number or JSON token. */
const STEPS_PER_BYTE = 4
const FLIP_ROUNDS = 1_500
const SEED = Number(process.env['GNOMON_SEED'] ?? 20_261_123)

function samplesOf(format: string): readonly { readonly name: string; readonly bytes: Buffer }[] {
  return readdirSync(join(corpus, format))
    .filter((name) => !name.endsWith('.md'))
    .map((name) => ({ name, bytes: readFileSync(join(corpus, format, name)) }))
}

function smallest(samples: ReturnType<typeof samplesOf>): ReturnType<typeof samplesOf>[number] {
  const [first] = [...samples].sort((left, right) => left.bytes.length - right.bytes.length)
  if (first === undefined) throw new Error('the format has no samples')
  return first
}

/** Numbers below a limit, the same for the same seed. */
function seeded(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}

/** Reads with as many steps as the bytes can honestly need; a reader that takes more runs into its budget. */
function read(
  reader: (typeof formats)[number],
  bytes: Uint8Array,
  budget: ReadBudget = { bytes: 1e9, steps: 64 + bytes.length * STEPS_PER_BYTE },
): { readonly part: WeightsPart; readonly gaps: GapList; readonly bytesRead: number } {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  const file = openForTest(path)
  const gaps = new GapList(path)
  const cursor = new Cursor(file, budget)
  const part = reader.read(cursor, gaps, contextOf(file))
  file.close()
  return { part, gaps, bytesRead: cursor.bytesRead }
}

/** Reads within the steps and bytes that this many bytes can need, and believes in no tensor outside them. */
function expectBounded(format: (typeof formats)[number], bytes: Uint8Array): void {
  const { part, gaps, bytesRead } = read(format, bytes)

  expect(gaps.list().map((gap) => gap.code)).not.toContain('GNO_READ_BUDGET')
  expect(bytesRead).toBeLessThanOrEqual(bytes.length * READS_PER_BYTE)
  for (const tensor of part.tensors) expect(tensor.offset + (tensor.bytes ?? 0)).toBeLessThanOrEqual(bytes.length)
}

/** The same bytes with one to three bits turned. */
function flipped(bytes: Uint8Array, next: (limit: number) => number): Buffer {
  const turned = Buffer.from(bytes)
  for (let flips = 1 + next(3); flips > 0; flips -= 1) {
    const at = next(bytes.length)
    turned[at] = (turned[at] ?? 0) ^ (1 << next(8))
  }
  return turned
}

it.each(['', 'renamed', 'report.docx', ...formats.flatMap(({ endings }) => endings.map((ending) => `model${ending}`))])(
  'the name of a file changes nothing: called "%s", every sample is what it is',
  (called) => {
    for (const { id } of formats) {
      for (const { name, bytes } of samplesOf(id)) {
        const found = findReader(new Look(memoryBytes(bytes), called))

        expect({ name, id: found?.id }).toEqual({ name, id })
      }
    }
  },
)

describe.each(formats.map((format) => [format.id, format] as const))('%s', (id, format) => {
  const samples = samplesOf(id)

  it('has samples in test/corpus/read, and describes them without blame', () => {
    expect(samples.length).toBeGreaterThan(0)

    for (const { name, bytes } of samples) {
      const { part, gaps } = read(format, bytes)

      expect({ name, verdict: gaps.verdict(), isModel: part.isModel }).toEqual({
        name,
        verdict: 'unchecked',
        isModel: true,
      })
    }
  })

  it('does not recognise nothing, zeros, text or noise', () => {
    const noise = Buffer.from(Array.from({ length: HEAD_BYTES }, (_, index) => (index * 73 + 41) & 0xff))

    for (const head of [Buffer.alloc(0), Buffer.alloc(HEAD_BYTES), Buffer.from('plain text\n'.repeat(300)), noise]) {
      expect(format.recognise(new Look(memoryBytes(head), ''))).toBe(false)
    }
  })

  it('answers for its smallest sample cut at every byte, within its budget and without a tensor outside the file', () => {
    const { bytes } = smallest(samples)
    for (let size = 0; size <= bytes.length; size += 1) {
      expectBounded(format, bytes.subarray(0, size))
    }
  })

  it(`answers whatever bits are flipped, within its budget (seed ${SEED})`, () => {
    const next = seeded(SEED)
    for (const { bytes } of samples) {
      for (let round = 0; round < FLIP_ROUNDS; round += 1) {
        expectBounded(format, flipped(bytes, next))
      }
    }
  })

  it.each(['bytes', 'steps'] as const)('stops at its budget of %s and says so, where the file needs more', (what) => {
    const { bytes } = smallest(samples)

    const { gaps } = read(format, bytes, { bytes: 1e9, steps: 1e9, [what]: 1 })

    expect(gaps.list().map((gap) => gap.code)).toContain('GNO_READ_BUDGET')
    expect(gaps.verdict()).toBe('unscannable')
  })

  it('gives the same answer twice', () => {
    for (const { bytes } of samples) expect(read(format, bytes).part).toEqual(read(format, bytes).part)
  })
})

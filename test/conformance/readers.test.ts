// Holds for every member of agent/read/formats.ts, so that a new format brings most of its tests with it.
import { describe, expect, it } from '@jest/globals'
import { memoryBytes } from '../../agent/read/cursor.ts'
import { formats } from '../../agent/read/formats.ts'
import { Look } from '../../agent/read/look.ts'
import { findReader } from '../../agent/read/sniff-format.ts'
import { turnBits } from './mutate.ts'
import { SEED, breachOf, probe, samplesOf, seeded, smallest } from './probe.ts'

const HEAD_BYTES = 4_096
/** A longer sample is cut at every byte of its head, and at this many places behind it. */
const CUTS_BEHIND_HEAD = 256
/** The hostile project does a hundred times as many. */
const FLIP_ROUNDS = 250
const NO_LIMIT = 1e9

/** Every length up to the head's, some beyond, and the whole. */
function cutsOf(size: number): readonly number[] {
  const next = seeded(SEED)
  const head = Array.from({ length: Math.min(size, HEAD_BYTES) }, (_, cut) => cut)
  const behind =
    size > HEAD_BYTES ? Array.from({ length: CUTS_BEHIND_HEAD }, () => HEAD_BYTES + next(size - HEAD_BYTES)) : []
  return [...head, ...behind, size]
}

it.each(['', 'renamed', 'report.docx', ...formats.flatMap(({ endings }) => endings.map((ending) => `model${ending}`))])(
  'the name of a file changes nothing: called "%s", every sample is what it is',
  (called) => {
    const samples = formats.flatMap(({ id }) => samplesOf(id).map((sample) => ({ id, ...sample })))
    const wrong = samples.flatMap(({ id, name, bytes }) => {
      const found = findReader(new Look(memoryBytes(bytes), called))
      return found?.id === id ? [] : [`${id}/${name} is taken for ${found?.id ?? 'nothing'}`]
    })

    expect(wrong).toEqual([])
  },
)

describe.each(formats.map((format) => [format.id, format] as const))('%s', (id, format) => {
  const samples = samplesOf(id)

  it('has samples in test/corpus/read, and describes them without blame', () => {
    expect(samples.length).toBeGreaterThan(0)

    for (const { name, bytes } of samples) {
      const { part, gaps } = probe(format, bytes)

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
    for (const size of cutsOf(bytes.length)) {
      const cut = bytes.subarray(0, size)
      const breach = breachOf(cut, probe(format, cut))
      if (breach !== null) throw new Error(`cut to ${size} bytes: ${breach}`)
    }
  })

  it(`answers whatever bits are flipped, within its budget (seed ${SEED})`, () => {
    const next = seeded(SEED)
    const rounds = samples.flatMap((sample) =>
      Array.from({ length: FLIP_ROUNDS }, (_, round) => ({ ...sample, round })),
    )
    for (const { name, bytes, round } of rounds) {
      const turned = turnBits(bytes, next)
      const breach = breachOf(turned, probe(format, turned))
      if (breach !== null) throw new Error(`${name}, round ${round}: ${breach}`)
    }
  })

  it.each(['bytes', 'steps'] as const)('stops at its budget of %s and says so, where the file needs more', (what) => {
    const { bytes } = smallest(samples)

    const { gaps } = probe(format, bytes, { bytes: NO_LIMIT, steps: NO_LIMIT, [what]: 1 })

    expect(gaps.list().map((gap) => gap.code)).toContain('GNO_READ_BUDGET')
    expect(gaps.verdict()).toBe('unscannable')
  })

  it('gives the same answer twice', () => {
    for (const { bytes } of samples) expect(probe(format, bytes).part).toEqual(probe(format, bytes).part)
  })
})

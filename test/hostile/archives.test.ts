// Archives that are made to hurt whoever unpacks them, written for every format that is a zip: bombs in each member, archives in
// archives, members that overlap (David Fifield's quine-free bomb, 2019), counts and sizes at the limits, names of all kinds.
import { describe, expect, it } from '@jest/globals'
import { type ZipPart, buildZip } from '../build-zip.ts'
import { answerOf, archiveSamples, zerosDeflated } from './take-apart.ts'

const BOMB_BYTES = 10 * 2 ** 30
const bomb = { method: 8, data: Buffer.alloc(0), packed: zerosDeflated(10), sizeBytes: 0xffffffff }
/** The reader may read it once, and must be done long before the hang guard. */
const WITHIN_MS = 120_000
const QUICK_MS = 30_000

const samples = archiveSamples()

/** 42.zip: archives in archives, `width` of them on each floor. */
function floors(depth: number, width: number): Buffer {
  const inner = depth === 0 ? buildZip([{ name: '0.bin', ...bomb }]) : floors(depth - 1, width)
  return buildZip(Array.from({ length: width }, (_, index) => ({ name: `${index}.zip`, method: 8, data: inner })))
}

/** Reads, and holds the reader to its bounds. */
function answer(bytes: Buffer): ReturnType<typeof answerOf> {
  const started = performance.now()
  const told = answerOf(bytes)
  expect({ breach: told.breach, isQuick: performance.now() - started < QUICK_MS }).toEqual({
    breach: null,
    isQuick: true,
  })
  return told
}

it('there are archives among the samples', () => {
  expect(new Set(samples.map(({ format }) => format)).size).toBeGreaterThan(8)
})

describe.each(samples.map((sample) => [`${sample.format}/${sample.name}`, sample] as const))(
  '%s',
  (_, { format, parts, prefix }) => {
    it('taken apart and written again is what it was', () => {
      const told = answer(buildZip(parts, { prefix }))

      expect({ format: told.format, verdict: told.gaps.verdict() }).toEqual({ format, verdict: 'unchecked' })
    })

    it(
      `with ${BOMB_BYTES} zeros in the place of a member is not unpacked`,
      () => {
        for (const { name } of parts) {
          answer(
            buildZip(
              parts.map((part) => (part.name === name ? { name, ...bomb } : part)),
              { prefix },
            ),
          )
        }
      },
      WITHIN_MS,
    )

    it(
      'with a bomb that declares ten bytes is not unpacked',
      () => {
        for (const { name } of parts) {
          const lie = { name, ...bomb, sizeBytes: 10 }
          answer(
            buildZip(
              parts.map((part) => (part.name === name ? lie : part)),
              { prefix },
            ),
          )
        }
      },
      WITHIN_MS,
    )

    it('with archives in archives in it is looked into no deeper than allowed', () => {
      answer(buildZip([...parts, { name: 'deep.zip', data: floors(2, 2) }]))
    })

    it('with a thousand members that share their bytes reads them no thousand times', () => {
      const shared = parts.flatMap((part) =>
        Array.from({ length: 400 }, (_, copy): ZipPart => ({ ...part, name: `${copy}/${part.name}`, headerAt: 0 })),
      )
      answer(buildZip([...parts, ...shared]))
    })

    it.each([
      [70_000, 'unchecked'],
      [131_073, 'malformed'],
    ])(
      'with %i members is bounded',
      (count, verdict) => {
        const empty = Array.from(
          { length: count },
          (_, index): ZipPart => ({ name: `${index}`, data: Buffer.alloc(0) }),
        )
        const told = answer(buildZip([...parts, ...empty], { isZip64: true, prefix }))
        if (told.format === 'zip') expect(told.gaps.verdict()).toBe(verdict)
      },
      WITHIN_MS,
    )

    it.each([
      ['2^40 members', buildZip(parts, { isZip64: true, count: 2 ** 40 })],
      [
        'members of 2^63 bytes',
        buildZip(parts.map((part) => ({ ...part, wide: [1n << 63n, 1n << 63n, 0n] as const }))),
      ],
      ['members of 2^53 - 1 bytes', buildZip(parts.map((part) => ({ ...part, wide: wide(2n ** 53n - 1n) })))],
      ['members behind 2^52', buildZip(parts.map((part) => ({ ...part, wide: [1n, 1n, 1n << 52n] as const })))],
      ['members behind the end', buildZip(parts.map((part) => ({ ...part, headerAt: 0x7fffffff })))],
      ['members of another name in their own header', buildZip(parts.map((part) => ({ ...part, localName: '../x' })))],
    ])('that claims %s is bounded', (_claim, bytes) => {
      answer(bytes)
    })

    it('with each member twice says so', () => {
      const told = answer(buildZip([...parts, ...parts], { prefix }))

      expect(told.gaps.verdict()).toBe('malformed')
    })

    it('with members called __proto__, constructor and worse keeps them as names', () => {
      const hostile = [
        '__proto__',
        'constructor',
        '__proto__/x.npy',
        '../../etc/passwd',
        '/etc/passwd',
        'C:\\x',
        '\u0000',
      ]
      answer(buildZip([...parts, ...hostile.map((name) => ({ name, data: Buffer.from('x') }))]))

      expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('polluted')
    })
  },
)

function wide(value: bigint): readonly [bigint, bigint, bigint] {
  return [value, value, 0n]
}

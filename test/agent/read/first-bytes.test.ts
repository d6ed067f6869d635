// What readers declare of byte 0 spares asking them; it must never spare a file that they would have taken. Judged against the order
// that weights.ts describes, with every reader asked.
import { describe, expect, it } from '@jest/globals'
import { memoryBytes } from '../../../agent/read/cursor.ts'
import { formats } from '../../../agent/read/formats.ts'
import { Look } from '../../../agent/read/look.ts'
import { findReader } from '../../../agent/read/sniff-format.ts'
import type { FormatReader } from '../../../agent/read/weights.ts'
import { turnBits } from '../../conformance/mutate.ts'
import { SEED, samplesOf, seeded } from '../../conformance/probe.ts'

const MUTATIONS = 2_000
const VALUES = 256

interface Sample {
  readonly name: string
  readonly bytes: Buffer
}

const samples: readonly Sample[] = formats.flatMap(({ id }) =>
  samplesOf(id).map(({ name, bytes }) => ({ name: `${id}/${name}`, bytes: Buffer.from(bytes) })),
)

/** Everybody is asked: those with magic in order, then those that judge by structure, the fitting ending first. */
function askEverybody(look: Look): FormatReader | undefined {
  const lower = look.name.toLowerCase()
  const isLikely = ({ endings }: FormatReader): boolean => endings.some((ending) => lower.endsWith(ending))
  const certain = formats.filter(({ certainty }) => certainty === 'magic')
  const others = formats.filter(({ certainty }) => certainty === 'structure')
  const order = [...certain, ...others.filter(isLikely), ...others.filter((reader) => !isLikely(reader))]
  return order.find(({ recognise }) => recognise(look))
}

function differences(files: readonly Sample[]): readonly string[] {
  return files.flatMap(({ name, bytes }) =>
    ['', 'model.bin', name].flatMap((called) => {
      const found = findReader(new Look(memoryBytes(bytes), called))?.id
      const wanted = askEverybody(new Look(memoryBytes(bytes), called))?.id
      return found === wanted
        ? []
        : [`${name} called "${called}": ${found ?? 'nothing'} instead of ${wanted ?? 'nothing'}`]
    }),
  )
}

/** Bits anywhere, and every other time a first byte of its own. */
function mutationsOf(files: readonly Sample[]): readonly Sample[] {
  const next = seeded(SEED)
  return Array.from({ length: MUTATIONS }, (_, round) => {
    const { name, bytes } = files[next(files.length)] ?? { name: 'none', bytes: Buffer.alloc(0) }
    const turned = Buffer.from(round % 2 === 0 ? turnBits(bytes, next) : bytes)
    if (round % 2 === 1) turned[0] = next(VALUES)
    return { name: `${name} (${round})`, bytes: turned }
  })
}

describe('the table of first bytes', () => {
  it('finds for every sample the reader that asking everybody finds', () => {
    expect(samples.length).toBeGreaterThan(formats.length)
    expect(differences(samples)).toEqual([])
  })

  it(`finds the same for ${MUTATIONS} mutations of samples (seed ${SEED})`, () => {
    expect(differences(mutationsOf(samples))).toEqual([])
  })

  it('finds the same for every first byte before zeros, text, numbers and the parts of samples', () => {
    const rests = [
      Buffer.alloc(600),
      Buffer.from(' a line of text\n'.repeat(64)),
      Buffer.alloc(600, '\u0000\u0001\u0002'),
    ]
    const files = rests.flatMap((rest, index) =>
      Array.from({ length: VALUES }, (_, byte) => ({
        name: `byte ${byte} before rest ${index}`,
        bytes: Buffer.concat([Buffer.from([byte]), rest]),
      })),
    )

    expect(differences(files)).toEqual([])
  })

  it.each(formats.flatMap((reader) => (reader.firstBytes === undefined ? [] : [[reader.id, reader] as const])))(
    '%s refuses its samples with any first byte that it does not declare',
    (id, reader) => {
      const { firstBytes = '' } = reader
      const taken = samplesOf(id).flatMap(({ name, bytes }) => {
        const changed = Buffer.from(bytes)
        return Array.from({ length: VALUES }, (_, byte) => byte).flatMap((byte) => {
          changed[0] = byte
          const isTaken =
            !firstBytes.includes(String.fromCharCode(byte)) && reader.recognise(new Look(memoryBytes(changed), ''))
          return isTaken ? [`${name} with byte ${byte}`] : []
        })
      })

      expect(taken).toEqual([])
    },
  )
})

// What every reader withstands, once a second is no object: tens of thousands of damaged samples each. Shared by the files of this
// folder, which divide the readers among them, so that jest runs them side by side.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { memoryBytes } from '../../agent/read/cursor.ts'
import { formats } from '../../agent/read/formats.ts'
import { Look } from '../../agent/read/look.ts'
import { findReader } from '../../agent/read/sniff-format.ts'
import type { FormatReader } from '../../agent/read/weights.ts'
import { SEED, breachOf, probe, samplesOf, seeded } from '../conformance/probe.ts'
import { damage, turnBits } from '../conformance/mutate.ts'
import { breachOfDraft, inspectPath } from './inspect-for-test.ts'

/** Issue 3 asks for at least so many a reader. */
const FLIPS = 20_000
const DAMAGES = 4_000
/** Whole inspections, through a file, the barcode and the rules, cost a hundred times as much. */
const INSPECTIONS = 150
const SHARES = 4
/** A hang guard, not a budget. */
const WITHIN_MS = 300_000

/** As the product does it: whoever recognises the bytes reads them, and what lies inside them. */
function breachAsFound(bytes: Buffer, direct: FormatReader): string | null {
  const look = new Look(memoryBytes(bytes), 'sample')
  const reader = findReader(look)
  if (reader === null || reader === direct) return null
  const breach = breachOf(bytes, probe(reader, bytes, undefined, look))
  return breach === null ? null : `${reader.id}: ${breach}`
}

function hold(format: FormatReader, rounds: number, mutate: typeof turnBits): void {
  const samples = samplesOf(format.id)
  const next = seeded(SEED)
  for (let round = 0; round < rounds; round += 1) {
    const sample = samples[round % samples.length]
    if (sample === undefined) throw new Error('the format has no samples')
    const bytes = mutate(sample.bytes, next)
    const breach = breachOf(bytes, probe(format, bytes)) ?? breachAsFound(bytes, format)
    if (breach !== null) throw new Error(`seed ${SEED}, ${sample.name}, round ${round}: ${breach}`)
  }
}

/** Tests one share of the readers. */
export function holdShare(share: number): void {
  const mine = formats.filter((_, index) => index % SHARES === share)
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-hostile-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  describe.each(mine.map((format) => [format.id, format] as const))('%s', (_id, format) => {
    it(
      `withstands ${FLIPS} samples with turned bits (seed ${SEED})`,
      () => expect(() => hold(format, FLIPS, turnBits)).not.toThrow(),
      WITHIN_MS,
    )

    it(
      `withstands ${DAMAGES} samples with lengths at their limits, and bytes lost, added and moved (seed ${SEED})`,
      () => expect(() => hold(format, DAMAGES, damage)).not.toThrow(),
      WITHIN_MS,
    )

    it(
      `is told of ${INSPECTIONS} damaged samples in words that are safe to print (seed ${SEED})`,
      async () => {
        const samples = samplesOf(format.id)
        const next = seeded(SEED + 1)
        for (let round = 0; round < INSPECTIONS; round += 1) {
          const sample = samples[round % samples.length]
          const bytes = (round % 2 === 0 ? turnBits : damage)(sample?.bytes ?? Buffer.alloc(0), next)
          const path = join(folder, 'sample')
          writeFileSync(path, bytes)
          const breach = breachOfDraft(await inspectPath(path))
          expect({ round, sample: sample?.name, breach }).toEqual({ round, sample: sample?.name, breach: null })
        }
      },
      WITHIN_MS,
    )
  })
}

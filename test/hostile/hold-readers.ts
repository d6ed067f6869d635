// What every reader withstands, once a second is no object: tens of thousands of damaged samples each. Shared by the files of this
// folder, which divide the readers among them, so that jest runs them side by side.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { finishArtifact } from '../../agent/finish-artifact.ts'
import { memoryBytes } from '../../agent/read/cursor.ts'
import { formats } from '../../agent/read/formats.ts'
import { Look } from '../../agent/read/look.ts'
import { findReader } from '../../agent/read/sniff-format.ts'
import type { FormatReader } from '../../agent/read/weights.ts'
import { openPack } from '../../agent/rule-pack.ts'
import { renderInspection } from '../../agent/show/inspection.ts'
import { terminalOf } from '../../agent/show/terminal.ts'
import { inspectionSchema } from '../../contract/artifact.ts'
import { printable } from '../../contract/printable.ts'
import { wellFormed } from '../../contract/well-formed.ts'
import { inspectFile } from '../agent/read/open-candidate.ts'
import { SEED, breachOf, probe, samplesOf, seeded } from '../conformance/probe.ts'
import { damage, turnBits } from '../conformance/mutate.ts'

/** Issue 3 asks for at least so many a reader. */
const FLIPS = 20_000
const DAMAGES = 6_000
/** Whole inspections, through a file, the barcode and the rules, cost a hundred times as much. */
const INSPECTIONS = 150
const SHARES = 4
/** A hang guard, not a budget. */
const WITHIN_MS = 300_000

const opened = openPack(join(dirname(dirname(import.meta.dirname)), 'dist/rules/pack.json'))
if (!opened.ok) throw new Error(opened.failure.detail)
const pack = opened.value
const terminal = terminalOf({ write: () => true }, {})

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

/** Inspects as `gnomon inspect` does, and returns what is wrong with the answer. */
export async function breachOfInspection(path: string): Promise<string | null> {
  const artifact = wellFormed(finishArtifact(await inspectFile(path), { pack, isSimulated: () => false }))
  const parsed = inspectionSchema.safeParse(artifact)
  if (!parsed.success) return `does not fit the wire: ${parsed.error.message}`
  const unsafe = renderInspection(artifact, terminal)
    .split('\n')
    .find((line) => line !== printable(line))
  return unsafe === undefined ? null : `prints ${JSON.stringify(unsafe)}`
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
          const breach = await breachOfInspection(path)
          expect({ round, sample: sample?.name, breach }).toEqual({ round, sample: sample?.name, breach: null })
        }
      },
      WITHIN_MS,
    )
  })
}

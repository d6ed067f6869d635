// Files whose size is a lie: holes of exabytes behind a header, and identities that tell another size than the file has.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { READ_BUDGET } from '../../agent/read/read-budget.ts'
import { formats } from '../../agent/read/formats.ts'
import { success } from '../../contract/failure.ts'
import type { CandidateFile, OpenedFile } from '../../contract/observation.ts'
import { candidateOf, openForTest } from '../agent/read/open-candidate.ts'
import { samplesOf } from '../conformance/probe.ts'
import { breachOfDraft, draftOf, inspectPath } from './inspect-for-test.ts'

/** A file system in memory lets a hole reach 8 EiB; ext4 ends at 16 TiB. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
const folder = mkdtempSync(join(place, 'gnomon-sizes-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SIZES: readonly string[] = ['9223372036854771712', '1152921504606846976', '17592186040320', '8796093022208']
/** Header, four samples a tensor, and what a look takes: far below what a hole would give. */
const MAX_READ = READ_BUDGET.bytes

/** Widens a file as far as the file system goes. Node itself goes no further than 2^53. */
function widen(path: string): void {
  const isWide = SIZES.some((size) => spawnSync('/usr/bin/truncate', ['--size', size, path]).status === 0)
  if (!isWide) throw new Error('the file system refuses every size')
}

const samples = formats.flatMap(({ id }) => samplesOf(id).map((sample) => ({ ...sample, id })))

describe.each(samples.map((sample) => [`${sample.id}/${sample.name}`, sample] as const))('%s', (_, { name, bytes }) => {
  it('with a hole of exabytes behind it is told, and never read to its end', async () => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    widen(path)
    const started = performance.now()

    const draft = await inspectPath(path)
    rmSync(path)

    expect(breachOfDraft(draft)).toBeNull()
    expect(performance.now() - started).toBeLessThan(30_000)
  })

  it.each([
    ['an exabyte', 2 ** 60],
    ['twice as much', bytes.length * 2],
    ['one byte more', bytes.length + 1],
    ['nothing', 0],
    ['half', Math.floor(bytes.length / 2)],
  ])('whose identity says %s is told', async (_what, sizeBytes) => {
    const path = join(folder, name)
    writeFileSync(path, bytes)
    const lie = (file: OpenedFile): OpenedFile => ({ ...file, identity: { ...file.identity, sizeBytes } })
    const honest = candidateOf(path)
    const candidate: CandidateFile = {
      ...honest,
      identity: { ...honest.identity, sizeBytes },
      open: () => success(lie(openForTest(path))),
    }

    const draft = await draftOf(candidate)

    expect(draft.verdict).not.toBe('clean')
    expect(draft.fingerprint.barcode?.bytesSampled ?? 0).toBeLessThan(MAX_READ)
  })
})

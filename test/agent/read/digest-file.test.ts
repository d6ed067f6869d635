// Rung 6: a digest only of what stayed the same from the first byte to the last.
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { digestFile } from '../../../agent/read/digest-file.ts'
import { openForTest } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-digest-'))
afterAll(() => rmSync(root, { recursive: true }))

function makeFile(name: string): string {
  const path = join(root, name)
  writeFileSync(path, Buffer.alloc(3_000_000))
  return path
}

describe('digestFile', () => {
  it('gives no SHA-256 of a file that changes under it', async () => {
    const path = makeFile('changing')
    const file = openForTest(path)

    const digest = await digestFile(file, new AbortController().signal, () => appendFileSync(path, '.'))
    file.close()

    expect(digest).toMatchObject({ ok: false, failure: { code: 'GNO_READ_CHANGED' } })
  })

  it('stops when asked to', async () => {
    const file = openForTest(makeFile('stopped'))
    const stop = new AbortController()
    const pieces: number[] = []

    const digest = await digestFile(file, stop.signal, (bytesRead) => {
      pieces.push(bytesRead)
      stop.abort()
    })
    file.close()

    expect(digest).toMatchObject({ ok: false, failure: { code: 'GNO_READ_SKIPPED' } })
    expect(pieces).toHaveLength(1)
  })

  it('lets other work run between the pieces', async () => {
    const file = openForTest(makeFile('paced'))
    let turns = 0
    const timer = setInterval(() => {
      turns += 1
    }, 0)

    await digestFile(file, new AbortController().signal)
    clearInterval(timer)
    file.close()

    expect(turns).toBeGreaterThan(0)
  })
})

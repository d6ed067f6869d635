// Rung 6 at a byte rate: the same digest as node:crypto's, wherever it was interrupted, and never a wrong one.
import { createCipheriv, createHash } from 'node:crypto'
import { appendFileSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { digestPaced, type PacedOptions } from '../../../agent/read/digest-paced.ts'
import type { Result } from '../../../contract/failure.ts'
import { openForTest } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-paced-'))
afterAll(() => rmSync(root, { recursive: true }))

const PIECE = 262_144

/** Bytes that do not repeat, the same in every run. */
function noise(count: number, seed: number): Buffer {
  const key = Buffer.alloc(16, String(seed))
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(count))
}

function makeFile(name: string, bytes: Buffer): { readonly path: string; readonly sha256: string } {
  const path = join(root, name)
  writeFileSync(path, bytes)
  return { path, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** A digest whose clock stands still but for its own sleeps, with the sleeps and saved states written down. */
async function digest(
  path: string,
  changes: Partial<PacedOptions> = {},
): Promise<{ readonly result: Result<string>; readonly saved: readonly string[]; readonly sleptMs: number }> {
  const file = openForTest(path)
  const saved: string[] = []
  let clock = 0
  const result = await digestPaced(file, {
    bytesPerSecond: 1_000_000,
    signal: new AbortController().signal,
    saved: null,
    onSave: (state) => saved.push(state),
    now: () => clock,
    sleep: (milliseconds) => {
      clock += milliseconds
      return Promise.resolve()
    },
    ...changes,
  })
  file.close()
  return { result, saved, sleptMs: clock }
}

/** Stops after so many pieces, as a daemon that is told to end. */
function stopAfter(pieces: number): Pick<PacedOptions, 'signal' | 'sleep'> {
  const stop = new AbortController()
  let done = 0
  const sleep = (): Promise<void> => {
    done += 1
    if (done === pieces) stop.abort()
    return Promise.resolve()
  }
  return { signal: stop.signal, sleep }
}

describe('digestPaced', () => {
  const sizes = [0, 1, 55, 56, 63, 64, 65, PIECE - 1, PIECE, PIECE + 1, PIECE * 3, 700_001, 31_337, 128 * 9]

  it.each(sizes)('agrees with node:crypto on %i bytes', async (size) => {
    const { path, sha256 } = makeFile(`size-${size}`, noise(size, size + 1))

    const { result } = await digest(path)

    expect(result).toEqual({ ok: true, value: sha256 })
  })

  it('goes on from every place where it was stopped', async () => {
    const { path, sha256 } = makeFile('stopped', noise(PIECE * 5 + 17, 5))

    for (let pieces = 1; pieces <= 5; pieces += 1) {
      const stopped = await digest(path, stopAfter(pieces))
      const resumed = await digest(path, { saved: stopped.saved.at(-1) ?? null })

      expect(stopped.result).toMatchObject({ ok: false, failure: { code: 'GNO_READ_SKIPPED' } })
      expect(resumed.result).toEqual({ ok: true, value: sha256 })
      expect(resumed.sleptMs).toBeCloseTo(((PIECE * (5 - pieces) + 17) / 1_000_000) * 1000, 0)
    }
  })

  it('goes on from every state that it saved before a kill', async () => {
    const { path, sha256 } = makeFile('killed', noise(PIECE * 4 + 1, 6))

    const { saved } = await digest(path, { saveEveryBytes: PIECE })

    expect(saved).toHaveLength(4)
    for (const state of saved)
      expect((await digest(path, { saved: state })).result).toEqual({ ok: true, value: sha256 })
  })

  it('starts anew, and gives the right digest, whatever character of a saved state is damaged', async () => {
    const { path, sha256 } = makeFile('damaged', noise(PIECE + 99, 7))
    const [state = ''] = (await digest(path, { saveEveryBytes: PIECE })).saved

    for (let at = 0; at < state.length; at += 1) {
      const damaged = `${state.slice(0, at)}${state[at] === 'A' ? 'B' : 'A'}${state.slice(at + 1)}`
      const { result, sleptMs } = await digest(path, { saved: damaged })

      expect(result).toEqual({ ok: true, value: sha256 })
      expect(sleptMs).toBeCloseTo(((PIECE + 99) / 1_000_000) * 1000, 0)
    }
  })

  it.each(['', 'sha256p1', 'sha256p1.0.AAAA.', 'x'.repeat(100_000), 'sha256p1.1e400.AA==.00', '....'])(
    'takes text %# for no state',
    async (saved) => {
      const { path, sha256 } = makeFile('no-state', noise(1000, 8))

      expect((await digest(path, { saved })).result).toEqual({ ok: true, value: sha256 })
    },
  )

  it('does not go on in another file, nor in one that was written to since', async () => {
    const first = makeFile('first', noise(PIECE * 2, 9))
    const second = makeFile('second', noise(PIECE * 2, 10))
    const [state = ''] = (await digest(first.path, { saveEveryBytes: PIECE })).saved

    expect((await digest(second.path, { saved: state })).result).toEqual({ ok: true, value: second.sha256 })

    const changed = makeFile('first', noise(PIECE * 2, 11))
    utimesSync(first.path, 1, 1)

    expect((await digest(first.path, { saved: state })).result).toEqual({ ok: true, value: changed.sha256 })
  })

  it('keeps to its rate, and does not make up for a sleep of the machine', async () => {
    const { path } = makeFile('rate', noise(PIECE * 8, 12))
    let clock = 0
    const waits: number[] = []

    await digest(path, {
      bytesPerSecond: PIECE * 10,
      now: () => clock,
      sleep: (milliseconds) => {
        waits.push(milliseconds)
        clock += waits.length === 3 ? 3_600_000 : milliseconds
        return Promise.resolve()
      },
    })

    expect(waits.slice(0, 3)).toEqual([100, 100, 100])
    // At most a second is made up for, which is ten pieces here.
    expect(waits.slice(3).every((wait) => wait === 0)).toBe(true)
    expect(clock).toBeLessThan(3_600_000 + 1_000)
  })

  it('gives no SHA-256 of a file that changes under it', async () => {
    const { path } = makeFile('changing', noise(PIECE * 2, 13))

    const { result } = await digest(path, {
      sleep: () => {
        appendFileSync(path, '.')
        return Promise.resolve()
      },
    })

    expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_READ_CHANGED' } })
  })
})

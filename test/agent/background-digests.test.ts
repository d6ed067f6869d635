// Rung 6 in the background: large files wait for it, a kill costs nothing, and what cannot be read says why.
import { createHash } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type BackgroundDigests, createBackgroundDigests } from '../../agent/background-digests.ts'
import { type KeptDigests, openDigests } from '../../agent/report/kept-digests.ts'
import { openState, type StateStore } from '../../agent/report/state-store.ts'
import { candidateAt } from '../../agent/sense/linux/open-path.ts'
import type { Failure, Result } from '../../contract/failure.ts'
import type { OpenedFile } from '../../contract/observation.ts'

const LARGE = 8 * 1024 * 1024
const FAST = 10_000_000_000

let folder = ''
let state: StateStore
let kept: KeptDigests

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-background-')))
  // An hour from now: files of this test were written long ago.
  const opened = openState({ folder: join(folder, 'state'), now })
  if (!opened.ok) throw new Error(opened.failure.detail)
  state = opened.value
  kept = openDigests(state)
})
afterEach(() => {
  state.close()
  rmSync(folder, { recursive: true })
})

function now(): Date {
  return new Date(Date.now() + 3_600_000)
}

function makeFile(name: string, sizeBytes: number): { readonly path: string; readonly sha256: string } {
  const path = join(folder, name)
  writeFileSync(path, Buffer.alloc(sizeBytes, name))
  return { path, sha256: createHash('sha256').update(readFileSync(path)).digest('hex') }
}

function open(path: string): Result<OpenedFile> {
  const candidate = candidateAt(path)
  return candidate.ok ? candidate.value.open() : candidate
}

function withFile<T>(path: string, use: (file: OpenedFile) => T): T {
  const file = open(path)
  if (!file.ok) throw new Error(file.failure.detail)
  try {
    return use(file.value)
  } finally {
    file.value.close()
  }
}

function postpone({ memory }: BackgroundDigests, path: string): Failure | null {
  return withFile(path, memory.postpone)
}

function find(path: string): string | undefined {
  return withFile(path, ({ identity }) => kept.find(identity))
}

/** Runs till a digest is told, or for so long. */
async function runFor(
  milliseconds: number,
  bytesPerSecond: number,
  paths: readonly string[],
): Promise<readonly string[]> {
  const stop = new AbortController()
  const background = createBackgroundDigests({ kept, open, bytesPerSecond, now, signal: stop.signal })
  const told: string[] = []
  for (const path of paths) postpone(background, path)
  const running = background.run((path) => {
    told.push(path)
    if (told.length === paths.length) stop.abort()
  })
  await setTimeout(milliseconds, undefined, { signal: stop.signal }).catch(() => undefined)
  stop.abort()
  await running
  return told
}

describe('digests in the background', () => {
  it('are told of every postponed file, and kept', async () => {
    const files = ['one', 'two', 'three'].map((name) => makeFile(name, LARGE + name.length))

    const told = await runFor(
      30_000,
      FAST,
      files.map(({ path }) => path),
    )

    expect(told).toEqual(files.map(({ path }) => path))
    expect(files.map(({ path }) => find(path))).toEqual(files.map(({ sha256 }) => sha256))
  })

  it('leave small files to who asks', () => {
    const background = createBackgroundDigests({ kept, open, bytesPerSecond: 1, now, signal: AbortSignal.abort() })

    expect(postpone(background, makeFile('small', LARGE - 1).path)).toBeNull()
    expect(postpone(background, makeFile('large', LARGE).path)).toMatchObject({ code: 'GNO_READ_SKIPPED' })
  })

  it('go on after a stop where they were', async () => {
    const { path, sha256 } = makeFile('stopped', LARGE * 2)

    const first = await runFor(500, 8_000_000, [path])
    const position = Number(withFile(path, ({ identity }) => kept.findPaced(identity))?.split('.')[1])
    const second = await runFor(30_000, FAST, [path])

    expect(first).toEqual([])
    expect(position).toBeGreaterThan(0)
    expect(position).toBeLessThan(LARGE * 2)
    expect(second).toEqual([path])
    expect(find(path)).toBe(sha256)
  })

  it('are of the file that was asked for, not of what lies there later', async () => {
    const { path } = makeFile('growing', LARGE)
    const stop = new AbortController()
    const background = createBackgroundDigests({ kept, open, bytesPerSecond: FAST, now, signal: stop.signal })
    const before = withFile(path, ({ identity }) => identity)
    postpone(background, path)
    appendFileSync(path, 'more')
    const running = background.run(() => undefined)
    await setTimeout(50)
    stop.abort()
    await running

    expect(kept.find(before)).toBeUndefined()
    expect(find(path)).toBeUndefined()
  })

  it('say what stood in the way, when they are asked for again', async () => {
    const { path } = makeFile('vanishing', LARGE)
    const stop = new AbortController()
    const background = createBackgroundDigests({ kept, open, bytesPerSecond: FAST, now, signal: stop.signal })
    const file = open(path)
    if (!file.ok) throw new Error(file.failure.detail)
    background.memory.postpone(file.value)
    rmSync(path)
    const running = background.run(() => undefined)
    await setTimeout(50)
    stop.abort()
    await running

    expect(background.memory.postpone(file.value)).toMatchObject({ code: 'GNO_NOT_FOUND' })
    file.value.close()
  })
})

// Rescans over real folders: what changed since they were kept is found without a sweep.
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type OpenKeptSweeps, openKeptSweeps } from '../../agent/kept-sweeps.ts'
import { createRescan, type Rescan, type RescanOptions } from '../../agent/rescan.ts'
import { createRemoteMounts } from '../../agent/sense/remote-mounts.ts'
import { MINIMUM_BYTES, walkFiles } from '../../agent/sense/walk.ts'

let root = ''
let state = ''
let kept: OpenKeptSweeps
let touched: string[] = []
let gone: string[] = []

beforeEach(() => {
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-rescan-')))
  root = join(place, 'root')
  state = join(place, 'state')
  mkdirSync(root)
  mkdirSync(state)
  touched = []
  gone = []
  // The clock of the agent runs ahead of that of the files: what was written a moment ago counts as settled.
  const now = (): Date => new Date(Date.now() + 3_600_000)
  kept = openKeptSweeps({ stateFolder: state, excludes: [], fullSweepIntervalMs: 86_400_000, now, random: () => 0 })
})
afterEach(() => {
  kept.close()
  rmSync(dirname(root), { recursive: true, force: true })
})

function plant(path: string, size = MINIMUM_BYTES): string {
  const place = join(root, path)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, Buffer.alloc(size, 1))
  return place
}

const WALK = { isSmallCandidate: () => false, signal: new AbortController().signal }

function sweep(): void {
  const steps = walkFiles({ ...WALK, roots: [root], excludes: ['left-out'], folders: kept.folders })
  while (steps.next().done !== true);
  kept.flush()
}

function rescanOf(changes: Partial<RescanOptions> = {}): Rescan {
  return createRescan({
    index: kept.folders,
    walk: (roots) => walkFiles({ ...WALK, roots, excludes: ['left-out'], folders: kept.folders }),
    isWatched: () => false,
    isSweeping: () => false,
    remote: createRemoteMounts(() => ''),
    tell: {
      onTouched: (path) => void touched.push(path),
      onGone: (path) => void gone.push(path),
      onGap: () => undefined,
    },
    intervalMs: 30_000,
    cpuMs: () => 0,
    nowMs: () => 0,
    sleep: () => Promise.resolve(),
    signal: WALK.signal,
    ...changes,
  })
}

const NEVER = (): never => {
  throw new Error('nothing changed, so nothing may be walked')
}

describe('a rescan', () => {
  it('tells nothing, and lists nothing, when nothing changed', async () => {
    plant('a/model')
    plant('b/c/notes', 3)
    sweep()

    const round = await rescanOf({ walk: NEVER }).once()

    expect(round).toMatchObject({ folders: 4, changed: 0, candidates: 1, restMs: 30_000 })
    expect([touched, gone]).toEqual([[], []])
  })

  it('finds new files in a folder whose name is no UTF-8, and those gone from there', async () => {
    const folder = Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])])
    const inside = (name: string): Buffer => Buffer.concat([folder, Buffer.from(`/${name}`), Buffer.from([0xff])])
    mkdirSync(folder)
    writeFileSync(inside('old'), Buffer.alloc(MINIMUM_BYTES, 1))
    sweep()
    const walk: RescanOptions['walk'] = (roots) =>
      walkFiles({ ...WALK, roots, areRootsTold: true, excludes: [], folders: kept.folders })
    const rescan = rescanOf({ walk })
    await rescan.once()
    expect([touched, gone]).toEqual([[], []])

    writeFileSync(inside('new'), Buffer.alloc(MINIMUM_BYTES, 1))
    rmSync(inside('old'))
    await rescan.once()

    expect([touched, gone]).toEqual([[`${root}/caf\\xe9/new\\xff`], [`${root}/caf\\xe9/old\\xff`]])
  })

  it('finds a new file, a file moved into place, and one that was overwritten with its old times and size', async () => {
    const overwritten = plant('a/model')
    plant('b/notes', 3)
    const outside = plant('../outside')
    sweep()
    const rescan = rescanOf()
    await rescan.once()
    const created = plant('b/new')
    renameSync(outside, join(root, 'b/moved'))
    writeFileSync(overwritten, Buffer.alloc(MINIMUM_BYTES, 2))
    utimesSync(overwritten, 1, 1)

    await rescan.once()
    const first = [...touched].sort()
    await rescan.once()

    expect(first).toEqual([overwritten, join(root, 'b/moved'), created].sort())
    expect(touched.length).toBe(3)
  })

  it('walks new folders whole, as deep as they are, but for what is excluded', async () => {
    plant('a/notes', 3)
    sweep()
    const deep = plant('a/x/y/z/model')
    plant('a/x/left-out/model')

    const rescan = rescanOf()
    await rescan.once()
    const later = plant('a/x/y/second')
    await rescan.once()

    expect(touched).toEqual([deep, later])
  })

  it('tells what is gone: a file, and all that lay in a folder', async () => {
    const files = [plant('a/one'), plant('b/c/two'), plant('b/c/d/three')]
    sweep()
    const rescan = rescanOf()
    await rescan.once()
    rmSync(join(root, 'a/one'))
    rmSync(join(root, 'b'), { recursive: true })

    await rescan.once()
    await rescan.once()

    expect(gone.sort()).toEqual(files.sort())
    expect(touched).toEqual([])
  })

  it('leaves alone what is watched, and what lies on a file system of the network', async () => {
    plant('watched/model')
    plant('far/model')
    sweep()
    plant('watched/new')
    plant('far/new')
    const remote = createRemoteMounts(() => `1 2 0:9 / ${join(root, 'far')} rw - nfs4 server:/x rw\n`)

    await rescanOf({ remote, isWatched: (path) => path === join(root, 'watched') }).once()

    expect(touched).toEqual([])
  })

  it('compares what is watched, too, from time to time: watchers lose news without a word', async () => {
    const path = plant('watched/model')
    sweep()
    const rescan = rescanOf({ isWatched: () => true })
    await rescan.once()
    writeFileSync(path, Buffer.alloc(2 * MINIMUM_BYTES, 7))

    for (let round = 0; round < 20; round += 1) await rescan.once()

    expect(touched).toEqual([path])
  })

  it('stops when a sweep begins, which sees everything itself', async () => {
    plant('a/model')
    sweep()
    plant('a/new')

    expect(await rescanOf({ isSweeping: () => true }).once()).toBeNull()
    expect(touched).toEqual([])
  })

  it('rests so long that it takes less than a hundredth of a core', async () => {
    plant('a/model')
    sweep()
    let usedMs = 0

    const round = await rescanOf({ cpuMs: () => (usedMs += 500) }).once()

    expect(round?.restMs).toBeGreaterThanOrEqual(50_000)
  })

  it('sees again a folder that changed in the very moment in which it was listed', async () => {
    plant('a/model')
    const now = (): Date => new Date()
    kept.close()
    kept = openKeptSweeps({
      stateFolder: state,
      excludes: ['x'],
      fullSweepIntervalMs: 86_400_000,
      now,
      random: () => 0,
    })
    sweep()
    appendFileSync(join(root, 'a/model'), 'x')

    const round = await rescanOf().once()

    expect(round?.changed).toBeGreaterThan(0)
    expect(touched).toEqual([join(root, 'a/model')])
  })
})

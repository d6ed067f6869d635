// Stores, homes and budgets together: what comes to rest anywhere below the roots is handed on once, and what is not watched is told.
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MACHINE_TIMERS, type Timers } from '../../agent/sense/while-waiting.ts'
import { watchPlaces, type WatchPlacesOptions } from '../../agent/watch-places.ts'

const SIZE = 4096
let root = ''
let stop = new AbortController()
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-places-')))
  stop = new AbortController()
  mkdirSync(join(root, 'store'))
  mkdirSync(join(root, 'Documents/deep'), { recursive: true })
  mkdirSync(join(root, 'left out'))
})
afterEach(() => {
  stop.abort()
  rmSync(root, { recursive: true, force: true })
})

/** A hang guard, not a promise about speed. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 600 && !condition(); turn += 1) await pause(100)
}

function start(options: Partial<WatchPlacesOptions> = {}) {
  const settled: string[] = []
  const gone: string[] = []
  const told: string[] = []
  const watch = watchPlaces({
    roots: [root],
    near: [join(root, 'store')],
    excludes: [join(root, 'left out')],
    ownPlaces: [],
    minimumBytes: SIZE,
    isSmallCandidate: (path) => path.endsWith('.gguf'),
    platform: 'linux',
    conditions: { note: ({ detail }) => told.push(detail), end: () => undefined },
    onSettled: (path) => settled.push(path),
    onGone: (path) => gone.push(path),
    onGap: ({ detail }) => told.push(detail),
    signal: stop.signal,
    ...options,
  })
  return { watch, settled, gone, told }
}

describe.each(['linux', 'darwin'] as const)('watchPlaces as on %s', (platform) => {
  it('hands on what rests in a store, in a home and in a new folder, once each, and nothing that is left out', async () => {
    const { watch, settled, gone } = start({ platform })
    await until(() => watch.isWatched(join(root, 'Documents/deep')) && watch.isWatched(join(root, 'store')))
    // chokidar says when it is ready to nobody here: a first file tells.
    let turn = 0
    while (!settled.some((path) => path.startsWith(join(root, 'store'))) && turn < 300) {
      writeFileSync(join(root, 'store', `first${turn}`), Buffer.alloc(SIZE))
      turn += 1
      await pause(200)
    }

    writeFileSync(join(root, 'Documents/deep/model'), Buffer.alloc(SIZE))
    writeFileSync(join(root, 'Documents/deep/small'), 'x')
    writeFileSync(join(root, 'Documents/deep/adapter.gguf'), 'x')
    writeFileSync(join(root, 'left out/model'), Buffer.alloc(SIZE))
    mkdirSync(join(root, 'new/folder'), { recursive: true })
    writeFileSync(join(root, 'new/folder/model'), Buffer.alloc(SIZE))
    const names = ['Documents/deep/adapter.gguf', 'Documents/deep/model', 'new/folder/model']
    const wanted = names.map((name) => join(root, name))
    await until(() => wanted.every((path) => settled.includes(path)))

    const elsewhere = settled.filter((path) => !path.startsWith(join(root, 'store')))
    expect(elsewhere.sort()).toEqual(wanted)

    renameSync(join(root, 'new'), join(root, 'left out/new'))
    await until(() => gone.length > 0)
    expect(gone).toContain(join(root, 'new'))
    stop.abort()
    await watch.closed
    expect(watch.isWatched(join(root, 'Documents/deep'))).toBe(false)
  })
})

it('leaves to rescans what no watch was left for in a store, and keeps that as a condition', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) mkdirSync(join(root, 'store', name))
  const noted: string[] = []
  // A quarter of it is for stores: the store itself and three of its folders.
  const { watch, told } = start({
    budget: 16,
    conditions: { note: ({ detail }) => noted.push(detail), end: () => undefined },
  })
  const inStore = () => ['a', 'b', 'c', 'd', 'e', 'f'].filter((name) => watch.isWatched(join(root, 'store', name)))
  await until(() => inStore().length > 0 && noted.length > 0 && told.length > 0)

  expect(inStore()).toHaveLength(3)
  expect(noted[0]).toMatch('some are not')
  expect(told.join()).toMatch('the next rescan')
})

it('has no timer running between two pieces of news', async () => {
  const running = new Set<object>()
  const after: Timers['after'] = (milliseconds, work) => {
    const wait = {}
    running.add(wait)
    const cancel = MACHINE_TIMERS.after(milliseconds, () => {
      running.delete(wait)
      work()
    })
    return () => {
      running.delete(wait)
      cancel()
    }
  }
  const { watch, settled } = start({ timers: { after } })
  await until(() => watch.isWatched(join(root, 'Documents/deep')) && running.size === 0)
  expect(running.size).toBe(0)

  const path = join(root, 'Documents/deep/model')
  writeFileSync(path, Buffer.alloc(SIZE))
  await until(() => settled.includes(path) && running.size === 0)
  expect(settled).toEqual([path])
  expect(running.size).toBe(0)
})

// Trees watched folder by folder: what is new, gone, moved; what the budget leaves out.
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { countInotifyWatches, inotifyBudget } from '../../../agent/sense/linux/inotify.ts'
import { type TreeWatchOptions, watchTree } from '../../../agent/sense/watch-tree.ts'

let root = ''
let stop = new AbortController()
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-tree-')))
  stop = new AbortController()
})
afterEach(() => {
  stop.abort()
  rmSync(root, { recursive: true, force: true })
})

/** A hang guard, not a promise about speed. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 600 && !condition(); turn += 1) await pause(100)
}

function start(options: Partial<TreeWatchOptions> = {}) {
  const touched: string[] = []
  const gone: string[] = []
  const goneFolders: string[] = []
  const notes: string[] = []
  const watch = watchTree({
    roots: [root],
    excludes: [],
    ownPlaces: [],
    isLeftOut: () => false,
    maxWatches: 10_000,
    onTouched: (path) => touched.push(path),
    onGone: (path) => gone.push(path),
    onFolderGone: (path) => goneFolders.push(path),
    note: (place, detail) => notes.push(`${place}: ${detail}`),
    nowMs: () => performance.now(),
    signal: stop.signal,
    ...options,
  })
  return { watch, touched, gone, goneFolders, notes }
}

describe('watchTree', () => {
  it('tells a file in a folder inside a folder that were made a moment before', async () => {
    const { watch, touched } = start()
    await watch.ready

    mkdirSync(join(root, 'a/b/c'), { recursive: true })
    writeFileSync(join(root, 'a/b/c/model'), 'x')
    await until(() => touched.length > 0)

    expect(touched).toContain(join(root, 'a/b/c/model'))
    await until(() => watch.count() === 4)
    expect(watch.isWatched(join(root, 'a/b/c'))).toBe(true)
  })

  it('tells writing in place, a hard link, and a rename into place from elsewhere', async () => {
    mkdirSync(join(root, 'watched'))
    mkdirSync(join(root, 'elsewhere'))
    writeFileSync(join(root, 'watched/here'), 'x')
    writeFileSync(join(root, 'elsewhere/model'), 'x')
    const { watch, touched } = start({ excludes: [join(root, 'elsewhere')] })
    await watch.ready

    writeFileSync(join(root, 'watched/here'), 'y')
    linkSync(join(root, 'elsewhere/model'), join(root, 'watched/link'))
    renameSync(join(root, 'elsewhere/model'), join(root, 'watched/model'))
    await until(() => new Set(touched).size >= 3)

    expect([...new Set(touched)].sort()).toEqual(['here', 'link', 'model'].map((name) => join(root, 'watched', name)))
  })

  it('follows a folder that is deleted and made again, and one that moves', async () => {
    mkdirSync(join(root, 'store'))
    const { watch, touched, goneFolders } = start()
    await watch.ready

    rmSync(join(root, 'store'), { recursive: true })
    mkdirSync(join(root, 'store'))
    writeFileSync(join(root, 'store/model'), 'x')
    await until(() => touched.includes(join(root, 'store/model')))
    renameSync(join(root, 'store'), join(root, 'moved'))
    await until(() => touched.includes(join(root, 'moved/model')))
    writeFileSync(join(root, 'moved/second'), 'x')
    await until(() => touched.includes(join(root, 'moved/second')))

    expect(touched).toEqual(expect.arrayContaining([join(root, 'moved/model'), join(root, 'moved/second')]))
    expect(goneFolders).toContain(join(root, 'store'))
    expect(watch.isWatched(join(root, 'store'))).toBe(false)
    expect(watch.count()).toBe(2)
  })

  it('tells a file that is gone', async () => {
    writeFileSync(join(root, 'model'), 'x')
    const { watch, gone } = start()
    await watch.ready

    rmSync(join(root, 'model'))
    await until(() => gone.length > 0)

    expect(gone).toEqual([join(root, 'model')])
  })

  it('places no watch below an exclude, a left out place or a link', async () => {
    for (const name of ['chosen', 'remote', 'own', 'target', 'plain'])
      mkdirSync(join(root, name, 'below'), { recursive: true })
    symlinkSync(join(root, 'target'), join(root, 'plain/link'))
    const before = countInotifyWatches() ?? 0

    const { watch } = start({
      excludes: ['chosen', join(root, 'target')],
      ownPlaces: [join(root, 'own')],
      isLeftOut: (path) => path === join(root, 'remote'),
    })
    await watch.ready

    expect(watch.count()).toBe(3)
    if (process.platform === 'linux') expect((countInotifyWatches() ?? 0) - before).toBe(3)
  })

  it('watches the tops of all trees before the depth of one, keeps to its budget and says what is left', async () => {
    for (const name of ['a', 'b', 'c']) mkdirSync(join(root, name, 'deep/er'), { recursive: true })

    const { watch, notes } = start({ maxWatches: 5 })
    await watch.ready

    expect(watch.count()).toBe(5)
    expect(['a', 'b', 'c'].every((name) => watch.isWatched(join(root, name)))).toBe(true)
    expect(watch.isWhole()).toBe(false)
    expect(notes).toHaveLength(3)
    expect(notes.every((note) => note.includes('no watch is left'))).toBe(true)
  })

  it('knows nothing of folders that its budget left out', async () => {
    for (const name of ['a', 'b']) mkdirSync(join(root, name, 'deep'), { recursive: true })
    const { watch, goneFolders, touched } = start({ maxWatches: 3 })
    await watch.ready

    for (const name of ['a', 'b']) chmodSync(join(root, name, 'deep'), 0o700)
    writeFileSync(join(root, 'b', 'later.bin'), 'x')
    await until(() => touched.length > 0)

    expect(touched).toContain(join(root, 'b', 'later.bin'))
    expect(goneFolders).toEqual([])
  })

  it('closes every watch when it ends, and places all again when asked', async () => {
    for (let index = 0; index < 20; index += 1) mkdirSync(join(root, `d${index}`))
    const before = countInotifyWatches()
    const { watch } = start()
    await watch.ready

    watch.again()
    await until(() => watch.count() === 21)
    stop.abort()

    expect(watch.count()).toBe(0)
    await until(() => countInotifyWatches() === before)
    expect(countInotifyWatches()).toBe(before)
  })
})

describe('the budget of watches', () => {
  it.each([
    ['65536\n', 8_000],
    ['8192\n', 4_096],
    ['1000', 500],
    ['0', 0],
    ['9223372036854775807', 4_096],
    ['1048576', 8_000],
    ['', 0],
  ])('is a share of the limit %j', (text, expected) => {
    expect(inotifyBudget(() => text)).toBe(expected)
  })

  it('is small where the kernel names no limit', () => {
    const refuse = (): string => {
      throw new Error('no such file')
    }

    expect(inotifyBudget(refuse)).toBe(4_096)
  })
})

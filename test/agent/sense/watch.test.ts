import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type WatchOptions, watchFolders } from '../../../agent/sense/watch.ts'
import type { Gap } from '../../../contract/wire.ts'

const MEBIBYTE = 1024 * 1024
let root = ''
let stop = new AbortController()
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-watch-')))
  stop = new AbortController()
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A hang guard, not a promise about speed. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 300 && !condition(); turn += 1) await pause(100)
}

function start(options: Partial<WatchOptions> = {}) {
  const settled: string[] = []
  const gone: string[] = []
  const gaps: Gap[] = []
  const watch = watchFolders({
    folders: [root],
    ignoredBelowBytes: MEBIBYTE,
    onSettled: (path) => settled.push(path),
    onGone: (path) => gone.push(path),
    onGap: (gap) => gaps.push(gap),
    signal: stop.signal,
    ...options,
  })
  return { watch, settled, gone, gaps }
}

describe('watchFolders', () => {
  it('hands on a new large file once it rests, also in a folder made a moment before, and never a small one', async () => {
    const { watch, settled } = start()
    await watch.ready

    mkdirSync(join(root, 'a/b/c'), { recursive: true })
    writeFileSync(join(root, 'a/b/c/model'), Buffer.alloc(2 * MEBIBYTE))
    writeFileSync(join(root, 'a/note.txt'), 'small')
    writeFileSync(join(root, 'download.part'), Buffer.alloc(MEBIBYTE))
    renameSync(join(root, 'download.part'), join(root, 'download'))
    await until(() => settled.length >= 2)
    stop.abort()
    await watch.closed

    expect(settled.sort()).toEqual([join(root, 'a/b/c/model'), join(root, 'download')])
  })

  it('hands on a large file whose name is no UTF-8, in the form in which walks tell it', async () => {
    const { watch, settled } = start()
    await watch.ready

    writeFileSync(Buffer.concat([Buffer.from(`${root}/m`), Buffer.from([0xff, 0xfe])]), Buffer.alloc(MEBIBYTE))
    writeFileSync(join(root, 'a\\xff'), Buffer.alloc(MEBIBYTE))
    await until(() => settled.length >= 2)
    stop.abort()
    await watch.closed

    expect([...new Set(settled)].sort()).toEqual([`${root}/a\\x5cxff`, `${root}/m\\xff\\xfe`])
  })

  it('waits while a file is being written, even when its size does not move', async () => {
    const { watch, settled } = start()
    await watch.ready
    const path = join(root, 'allocated')
    writeFileSync(path, Buffer.alloc(MEBIBYTE))
    const fd = openSync(path, 'r+')

    for (let turn = 0; turn < 10; turn += 1) {
      writeSync(fd, Buffer.from([turn]), 0, 1, turn)
      await pause(300)
    }
    const seenWhileWritten = [...settled]
    closeSync(fd)
    await until(() => settled.length > 0)
    stop.abort()
    await watch.closed

    expect(seenWhileWritten).toEqual([])
    expect(settled).toEqual([path])
  })

  it('says at once when a file is gone', async () => {
    const path = join(root, 'model')
    writeFileSync(path, Buffer.alloc(MEBIBYTE))
    const { watch, gone } = start()
    await watch.ready

    rmSync(path)
    await until(() => gone.length > 0)
    stop.abort()
    await watch.closed

    expect(gone).toEqual([path])
  })

  it('keeps to its budget of folders and says what it does not watch', async () => {
    for (let folder = 0; folder < 20; folder += 1) mkdirSync(join(root, `d${folder}`))
    const { watch, gaps } = start({ maxFolders: 5 })

    await watch.ready
    stop.abort()
    await watch.closed

    expect(gaps.reduce((sum, gap) => sum + gap.count, 0)).toBeGreaterThanOrEqual(16)
    expect(new Set(gaps.map((gap) => gap.code))).toEqual(new Set(['GNO_SENSE_WATCH']))
  })

  it('places no watch in a folder below an exclude', async () => {
    mkdirSync(join(root, 'private/store'), { recursive: true })
    const { watch } = start({ folders: [join(root, 'private/store')], excludes: [join(root, 'private')] })

    await watch.ready

    expect(watch.count()).toBe(0)
    expect(watch.isWatched(join(root, 'private/store'))).toBe(false)
    stop.abort()
    await watch.closed
  })

  it('closes when asked, also before it was ready', async () => {
    const { watch } = start()

    stop.abort()
    await Promise.all([watch.ready, watch.closed])

    expect(stop.signal.aborted).toBe(true)
  })
})

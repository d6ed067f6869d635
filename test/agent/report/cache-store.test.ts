// A cache that is frozen takes no more room: what it holds can be replaced, what does not fit is read again some day.
import { join } from 'node:path'
import { statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CacheStore } from '../../../agent/report/cache-store.ts'
import { makeFolder, removeFolder } from './sample-sweep.ts'

const BODY = Buffer.alloc(100_000, 1)
let folder = ''
let store: CacheStore
beforeEach(() => {
  folder = makeFolder()
  store = new CacheStore({ folder, madeFor: 'a test', now: () => new Date(0) })
})
afterEach(() => {
  store.close()
  removeFolder(folder)
})

const keep = (path: string, stamp = 's'): boolean =>
  store.write((database) => {
    database.prepare('INSERT OR REPLACE INTO readings VALUES (?, ?, 0, ?, ?)').run(path, stamp, BODY.length, BODY)
  })
const stampOf = (path: string): unknown =>
  store.read((database) => database.prepare('SELECT stamp FROM readings WHERE path = ?').pluck().get(path))

describe('a frozen cache', () => {
  it('replaces rows, keeps no new ones beyond its room, and thaws', () => {
    expect(keep('/a')).toBe(true)
    store.freeze(true)
    const held = Array.from({ length: 50 }, (_, at) => keep(`/new${at}`)).filter(Boolean).length
    expect(held).toBeLessThan(5)
    expect(keep('/a', 'newer')).toBe(true)
    expect(stampOf('/a')).toBe('newer')

    store.freeze(false)
    expect(keep('/b')).toBe(true)
    expect(stampOf('/b')).toBe('s')
  })

  it('stays frozen when it is begun anew', () => {
    store.freeze(true)
    store.keepFor('another test')
    const held = Array.from({ length: 50 }, (_, at) => keep(`/new${at}`)).filter(Boolean).length

    expect(held).toBeLessThan(5)
    store.close()
    expect(statSync(join(folder, 'cache.db')).size).toBeLessThan(1024 * 1024)
  })
})

// Digests between sweeps: kept while a file stays what it is, and no longer.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openDigests } from '../../../agent/report/kept-digests.ts'
import { openState, type StateStore } from '../../../agent/report/state-store.ts'
import type { FileIdentity } from '../../../contract/observation.ts'
import { makeFolder, removeFolder, valueOf } from './sample-sweep.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const START_MS = Date.parse('2026-11-23T08:00:00.000Z')
const SHA = 'a'.repeat(64)
const WRITTEN_NS = String(BigInt(START_MS - 60_000) * 1_000_000n)
const FILE: FileIdentity = { dev: '1', inode: '2', sizeBytes: 3, mtimeNs: WRITTEN_NS, ctimeNs: WRITTEN_NS }

let folder = ''
let nowMs = START_MS
let state: StateStore

function open(): StateStore {
  return valueOf(openState({ folder, now: () => new Date(nowMs) }))
}

beforeEach(() => {
  folder = makeFolder()
  nowMs = START_MS
  state = open()
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

describe('kept digests', () => {
  it('are found after a restart, for the very same file', () => {
    openDigests(state).keep(FILE, SHA)
    state.close()
    state = open()

    expect(openDigests(state).find(FILE)).toBe(SHA)
  })

  it.each([
    ['dev', '9'],
    ['inode', '9'],
    ['sizeBytes', 9],
    ['mtimeNs', `${WRITTEN_NS.slice(0, -1)}1`],
    ['ctimeNs', `${WRITTEN_NS.slice(0, -1)}1`],
  ])('are not found once %s differs', (field, value) => {
    const digests = openDigests(state)
    digests.keep(FILE, SHA)

    expect(digests.find({ ...FILE, [field]: value })).toBeUndefined()
  })

  it('are replaced by those of the file that took the place', () => {
    const digests = openDigests(state)
    const after = { ...FILE, sizeBytes: 4 }
    digests.keep(FILE, SHA)
    digests.keep(after, 'b'.repeat(64))

    expect(digests.find(FILE)).toBeUndefined()
    expect(digests.find(after)).toBe('b'.repeat(64))
  })

  it('are not kept of a file that was written to a moment ago: the next write may leave no trace', () => {
    const digests = openDigests(state)
    const fresh = { ...FILE, ctimeNs: String(BigInt(START_MS - 1_000) * 1_000_000n) }
    digests.keep(fresh, SHA)

    expect(digests.find(fresh)).toBeUndefined()
  })

  it('are forgotten after a month without use, and kept while they are used', () => {
    const digests = openDigests(state)
    const unused = { ...FILE, inode: '3' }
    digests.keep(FILE, SHA)
    digests.keep(unused, SHA)
    for (let day = 1; day <= 32; day += 1) {
      nowMs = START_MS + day * DAY_MS
      expect(digests.find(FILE)).toBe(SHA)
    }
    digests.keep({ ...FILE, inode: '4' }, SHA)

    expect(digests.find(FILE)).toBe(SHA)
    expect(digests.find(unused)).toBeUndefined()
  })

  it('are twenty thousand at most; those used longest ago go first', () => {
    const digests = openDigests(state)
    state.write((database) => {
      const insert = database.prepare(`INSERT INTO digests VALUES ('8', ?, 1, '1', '1', ?, NULL, ?)`)
      for (let row = 0; row < 20_000; row += 1) insert.run(String(row), SHA, START_MS - 20_000 + row)
    })

    digests.keep(FILE, SHA)

    const old = (inode: string): FileIdentity => ({ dev: '8', inode, sizeBytes: 1, mtimeNs: '1', ctimeNs: '1' })
    expect(digests.find(FILE)).toBe(SHA)
    expect(digests.find(old('0'))).toBeUndefined()
    expect(digests.find(old('1'))).toBe(SHA)
  })

  it('remember how far the background came, until it is done', () => {
    const digests = openDigests(state)
    digests.keepPaced(FILE, 'half way')

    expect(digests.findPaced(FILE)).toBe('half way')
    expect(digests.find(FILE)).toBeUndefined()

    digests.keep(FILE, SHA)

    expect(digests.findPaced(FILE)).toBeNull()
    expect(digests.find(FILE)).toBe(SHA)
  })

  it('begin in a state that an earlier version made', () => {
    state.write((database) => database.exec('DROP TABLE digests; PRAGMA user_version = 1'))
    state.close()
    state = open()
    openDigests(state).keep(FILE, SHA)

    expect(openDigests(state).find(FILE)).toBe(SHA)
  })

  it('are none when a row was damaged or the state cannot be read', () => {
    const digests = openDigests(state)
    digests.keep(FILE, SHA)
    state.write((database) => database.prepare('UPDATE digests SET sha256 = ?').run('nonsense'))

    expect(digests.find(FILE)).toBeUndefined()

    state.close()
    digests.keep(FILE, SHA)

    expect(digests.find(FILE)).toBeUndefined()
    expect(digests.findPaced(FILE)).toBeNull()
  })
})

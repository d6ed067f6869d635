// Copies of a state that nobody works on are removed, and nothing else is.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { COPY_PREFIX } from '../../../agent/report/copy-name.ts'
import { removeLeftCopies } from '../../../agent/report/left-copies.ts'
import { takeDaemonLock } from '../../../agent/report/daemon-lock.ts'

let place = ''
beforeEach(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-left-')))
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

function folder(name: string): string {
  const made = join(place, name)
  mkdirSync(made)
  writeFileSync(join(made, 'state.db'), 'x')
  return made
}

it('removes what a killed daemon left, and leaves other folders and links alone', () => {
  const left = folder(`${COPY_PREFIX}left`)
  const other = folder('another')
  const link = join(place, `${COPY_PREFIX}link`)
  symlinkSync(other, link)

  removeLeftCopies(place)

  expect(existsSync(left)).toBe(false)
  expect(existsSync(join(other, 'state.db'))).toBe(true)
  expect(existsSync(link)).toBe(true)
})

it('leaves the copy alone on which a daemon works', () => {
  const used = folder(`${COPY_PREFIX}used`)
  const who = { pid: process.pid, supervisorPid: null, since: '2026-11-23T10:00:00.000Z' }
  const lock = takeDaemonLock(used, who, 0)
  try {
    expect(lock.ok).toBe(true)
    removeLeftCopies(place)
    expect(existsSync(join(used, 'state.db'))).toBe(true)
  } finally {
    if (lock.ok) lock.value.release()
  }
})

it('is content where there is no such place', () => {
  expect(() => removeLeftCopies(join(place, 'nowhere'))).not.toThrow()
})

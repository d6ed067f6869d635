// Only the system's own word counts for a file being gone, also where its name is no UTF-8.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { isAbsent } from '../../agent/is-absent.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-absent-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('isAbsent', () => {
  it('believes the system about a name that is no UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from(`${root}/m`), Buffer.from([0xff, 0xfe])])
    expect(isAbsent(`${root}/m\\xff\\xfe`)).toBe(true)
    writeFileSync(bytes, 'x')
    expect(isAbsent(`${root}/m\\xff\\xfe`)).toBe(false)
  })

  it('takes a name with a backslash as it is written, too', () => {
    writeFileSync(join(root, 'a\\xff'), 'x')
    expect([isAbsent(join(root, 'a\\x5cxff')), isAbsent(join(root, 'a\\xff')), isAbsent(join(root, 'b\\xff'))]).toEqual(
      [false, false, true],
    )
  })

  it('does not touch a mount that is not known to answer', () => {
    const asked: string[] = []
    const mayTouchAtTimes = (path: string): boolean => {
      asked.push(path)
      return !path.startsWith(`${root}/far`)
    }

    expect([
      isAbsent(join(root, 'far/x'), { mayTouchAtTimes }),
      isAbsent(join(root, 'near/x'), { mayTouchAtTimes }),
    ]).toEqual([false, true])
    expect(asked).toEqual([join(root, 'far/x'), join(root, 'near/x')])
  })

  it('says nothing of what is no path of this machine', () => {
    expect([isAbsent('container:/mnt-1/models/x'), isAbsent('unlinked:/tmp/x')]).toEqual([false, false])
  })
})

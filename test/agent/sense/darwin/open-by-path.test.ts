// macOS has no link to the very file that a process maps: its path serves, while device and inode are the told ones.
import { mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { openMapped } from '../../../../agent/sense/linux/mapped-file.ts'

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-by-path-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function open(change: { readonly path?: string; readonly inode?: string }) {
  const path = join(folder, 'weights')
  writeFileSync(path, 'GGUF')
  const { dev, ino } = statSync(path, { bigint: true })
  const file = { path, dev: String(dev), inode: String(ino), mappedBytes: 4, isDeleted: false, isExecutable: false }
  return openMapped(1, '1', { ...file, range: '', ...change })
}

describe('a mapped file without an address', () => {
  it('is opened by its path', () => {
    const opened = open({})

    expect(opened.ok && opened.value.identity.sizeBytes).toBe(4)
    if (opened.ok) opened.value.close()
  })

  it('is not opened when another file lies there by now', () => {
    const opened = open({ inode: '1' })

    expect(opened.ok ? 'opened' : opened.failure.code).toBe('GNO_SENSE_VANISHED')
  })

  it('is not opened when nothing lies there', () => {
    const opened = open({ path: join(folder, 'gone') })

    expect(opened.ok ? 'opened' : opened.failure.code).toBe('GNO_SENSE_VANISHED')
  })
})

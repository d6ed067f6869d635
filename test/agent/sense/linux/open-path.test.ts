import { execFileSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { candidateAt, openFile, resolveOperand } from '../../../../agent/sense/linux/open-path.ts'
import type { Result } from '../../../../contract/failure.ts'
import type { LocalFile } from '../../../../agent/sense/linux/opened-file.ts'
import type { OpenedFile } from '../../../../contract/observation.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-open-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const linuxIt = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped: special files and descriptors are proved on Linux, through /proc/self/fd')

function outcome(result: Result<OpenedFile>): string {
  if (!result.ok) return result.failure.code
  result.value.close()
  return 'opened'
}

function opened(path: string): LocalFile {
  const result = openFile(path)
  if (!result.ok) throw new Error(result.failure.detail)
  return result.value
}

describe('openFile', () => {
  it('opens a regular file and reads its bytes', () => {
    writeFileSync(join(root, 'model'), 'GGUF')
    const bytes = Buffer.alloc(4)

    const file = opened(join(root, 'model'))
    file.read(0, bytes)
    file.close()

    expect(bytes.toString()).toBe('GGUF')
    expect(file.identity.sizeBytes).toBe(4)
  })

  it('refuses a link as the file and a link on the way', () => {
    mkdirSync(join(root, 'real'))
    writeFileSync(join(root, 'real/model'), 'x')
    symlinkSync('real', join(root, 'alias'))
    symlinkSync('real/model', join(root, 'link'))

    expect(outcome(openFile(join(root, 'link')))).toBe('GNO_SENSE_NOT_A_FILE')
    expect(outcome(openFile(join(root, 'alias/model')))).toBe('GNO_SENSE_NOT_A_FILE')
  })

  it('refuses links that lead in a circle', () => {
    symlinkSync('b', join(root, 'a'))
    symlinkSync('a', join(root, 'b'))

    expect(outcome(openFile(join(root, 'a')))).toBe('GNO_SENSE_NOT_A_FILE')
    expect(resolveOperand(join(root, 'a'))).toMatchObject({ ok: false, failure: { code: 'GNO_SENSE_NOT_A_FILE' } })
  })

  linuxIt('refuses a FIFO without waiting for a writer, and a socket, a device, a folder', async () => {
    execFileSync('/usr/bin/mkfifo', [join(root, 'pipe')])
    const server = createServer().listen(join(root, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))

    const outcomes = [join(root, 'pipe'), join(root, 'socket'), '/dev/null', '/dev/zero', root].map((path) =>
      outcome(openFile(path)),
    )
    await new Promise((resolve) => server.close(resolve))

    expect(outcomes).toEqual(Array.from({ length: 5 }, () => 'GNO_SENSE_NOT_A_FILE'))
  })

  it('opens an endless sparse file without reading it', () => {
    writeFileSync(join(root, 'huge'), '')
    truncateSync(join(root, 'huge'), 2 ** 42)

    const file = opened(join(root, 'huge'))
    file.close()

    expect(file.identity.sizeBytes).toBe(2 ** 42)
  })

  linuxIt('opens a file far deeper than PATH_MAX would allow', () => {
    const deep = join(root, ...Array.from({ length: 60 }, () => 'n'.repeat(40)))
    mkdirSync(deep, { recursive: true })
    writeFileSync(join(deep, 'model'), 'x')

    expect(outcome(openFile(join(deep, 'model')))).toBe('opened')
  })

  it('says when there is nothing', () => {
    expect(outcome(openFile(join(root, 'nothing')))).toBe('GNO_SENSE_VANISHED')
    expect(outcome(openFile(join(root, 'no/way')))).toBe('GNO_SENSE_VANISHED')
    expect(resolveOperand(join(root, 'nothing'))).toMatchObject({ ok: false, failure: { code: 'GNO_NOT_FOUND' } })
  })

  linuxIt('takes no way back up', () => {
    expect(outcome(openFile(`${root}/../x`))).not.toBe('opened')
  })

  it('shows a change of the file while it is open', () => {
    writeFileSync(join(root, 'model'), 'before')
    const file = opened(join(root, 'model'))

    writeFileSync(join(root, 'model'), 'after it grew')
    const now = file.sampleIdentity()
    file.close()

    expect(now).not.toEqual(file.identity)
    expect(now.inode).toBe(file.identity.inode)
  })

  it('closes once only, so that a second close cannot hit a stranger', () => {
    writeFileSync(join(root, 'model'), 'x')
    const file = opened(join(root, 'model'))

    file.close()
    const stranger = opened(join(root, 'model'))
    file.close()

    expect(() => stranger.sampleIdentity()).not.toThrow()
    stranger.close()
  })
})

describe('siblings', () => {
  it('are listed and opened through the folder that was held, even after it was renamed away', () => {
    mkdirSync(join(root, 'm'))
    for (const name of ['model.safetensors', 'config.json']) writeFileSync(join(root, 'm', name), name)
    const file = opened(join(root, 'm/model.safetensors'))

    const names = file.listSiblings()
    const sibling = file.openSibling('config.json')
    const bytes = Buffer.alloc(11)
    sibling?.read(0, bytes)
    sibling?.close()
    file.close()

    expect(names).toEqual(['config.json', 'model.safetensors'])
    expect(bytes.toString()).toBe('config.json')
  })

  it('are only plain names of regular files', () => {
    mkdirSync(join(root, 'm/sub'), { recursive: true })
    for (const name of ['m/model', 'm/sub/x', 'outside']) writeFileSync(join(root, name), 'x')
    symlinkSync('../outside', join(root, 'm/link'))
    const file = opened(join(root, 'm/model'))

    const found = ['../outside', 'sub/x', '/etc/passwd', '..', '', 'link', 'sub', 'absent'].map((name) =>
      file.openSibling(name),
    )
    file.close()

    expect(found).toEqual(Array.from({ length: 8 }, () => null))
  })

  it('are at most 4096, of a folder of any size', () => {
    for (let index = 0; index < 5_000; index += 1) writeFileSync(join(root, `f${index}`), '')
    const file = opened(join(root, 'f0'))

    const names = file.listSiblings()
    file.close()

    expect(names).toHaveLength(4_096)
  })
})

describe('candidateAt', () => {
  it('resolves what a person typed once, links included', () => {
    writeFileSync(join(root, 'blob'), 'x')
    symlinkSync('blob', join(root, 'model.gguf'))

    const candidate = candidateAt(join(root, 'model.gguf'))

    expect(candidate).toMatchObject({ ok: true, value: { path: join(root, 'blob'), name: 'blob' } })
    expect(candidate.ok && outcome(candidate.value.open())).toBe('opened')
  })

  it('refuses a folder', () => {
    expect(candidateAt(root)).toMatchObject({ ok: false, failure: { code: 'GNO_SENSE_NOT_A_FILE' } })
  })

  linuxIt('leaves no descriptor open behind it', () => {
    writeFileSync(join(root, 'model'), 'x')
    symlinkSync('model', join(root, 'link'))
    const probe = (): number => {
      const file = opened(join(root, 'model'))
      file.close()
      return file.fd
    }
    const first = probe()

    for (let turn = 0; turn < 500; turn += 1) {
      outcome(openFile(join(root, 'link')))
      outcome(openFile(join(root, 'absent')))
      outcome(openFile(join(root, 'model')))
    }

    expect(probe()).toBe(first)
    expect(() => closeSync(first)).toThrow()
  })
})

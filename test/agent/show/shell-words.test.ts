import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { readablePath } from '../../../agent/sense/path-text.ts'
import { shellPath, shellWord } from '../../../agent/show/shell-words.ts'

const BASH = '/bin/bash'
const withBash = existsSync(BASH) ? it : it.skip
if (!existsSync(BASH)) console.warn('skipped in part: there is no bash to read the words')

/** What bash makes of a word, as bytes. */
function read(word: string): Buffer {
  return execFileSync(BASH, ['-c', `printf %s ${word}`], { env: { LC_ALL: 'C', PATH: '/usr/bin:/bin' } })
}

const HOSTILE = [
  '/srv/plain-name_1.gguf',
  '/srv/with space',
  '/srv/$(touch pwned)',
  '/srv/`id`;rm -rf ~;#',
  "/srv/it's",
  "/srv/'; id; '",
  '/srv/back\\slash',
  "/srv/both\\'",
  '/srv/new\nline\ttab',
  '/srv/\u202egnp.exe',
  '/srv/\u001b]0;title\u0007',
  '/srv/größe-模型',
  '/srv/!history!',
  '~',
  '*',
]

describe('shellWord', () => {
  withBash.each(HOSTILE)('is read by bash as the text itself, and is plain ASCII: %j', (text) => {
    const word = shellWord(text)

    expect(word).toMatch(/^[ -~]+$/)
    expect(read(word).toString('utf8')).toBe(text)
  })
})

describe('shellPath', () => {
  withBash.each([[0xff], [0x5c, 0x78, 0x66, 0x66], [0x27, 0xc3, 0x28], [0x0a]])(
    'leads back to the bytes of a name (%#)',
    (...bytes) => {
      const name = Buffer.from([0x2f, ...bytes])

      const word = shellPath(readablePath(name.toString('latin1')))

      expect(read(word ?? '').equals(name)).toBe(true)
    },
  )

  it('knows no command for a path that was cut', () => {
    expect(shellPath(readablePath(`/${'x'.repeat(20_000)}`))).toBeNull()
  })
})

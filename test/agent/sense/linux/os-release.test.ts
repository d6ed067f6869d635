import { describe, expect, it } from '@jest/globals'
import { parseOsRelease } from '../../../../agent/sense/linux/os-release.ts'

const table: readonly (readonly [promise: string, text: string, name: string, version: string])[] = [
  [
    'reads quoted and plain fields',
    'PRETTY_NAME="x"\nNAME="Debian GNU/Linux"\nVERSION_ID=12\n',
    'Debian GNU/Linux',
    '12',
  ],
  ['takes single quotes and escapes', 'NAME=\'A\'\nVERSION_ID="1\\$2\\"3"', 'A', '1$2"3'],
  ['says nothing of a version where there is none', 'NAME="Arch Linux"\nID=arch\n', 'Arch Linux', ''],
  ['falls back to id and build', 'ID=arch\nBUILD_ID=rolling', 'arch', 'rolling'],
  ['ignores comments, junk and names that are no own keys', '# NAME=no\n__proto__=x\n=\nNAME\n', '', ''],
  ['runs nothing that a shell would run', 'NAME="$(reboot)"', '$(reboot)', ''],
]

describe('parseOsRelease', () => {
  it.each(table)('%s', (_promise, text, name, version) => {
    const release = parseOsRelease(text)

    expect(release).toEqual({ name, version })
  })

  it('stops at its limits of lines and characters', () => {
    const text = `NAME=${'x'.repeat(10_000)}\n${'A=1\n'.repeat(10_000)}VERSION_ID=late`

    const release = parseOsRelease(text)

    expect([release.name.length, release.version]).toEqual([256, ''])
  })
})

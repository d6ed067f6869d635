// Which packages and files go to an endpoint.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { closeOver, importedPackages, packageFiles } from '../../installer/production-packages.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-closure-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, text = ''): string {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

describe('importedPackages', () => {
  it('finds static, bare, multi-line, re-exporting and dynamic imports, and scoped names', () => {
    const source = put(
      'dist/all.js',
      [
        "import { a } from 'alpha'",
        "import 'beta/register'",
        'import {',
        '  c,',
        "} from '@scope/gamma/deep';",
        "export { d } from 'delta'",
        "const e = await import('epsilon')",
      ].join('\n'),
    )

    expect(importedPackages([{ source, place: 'x' }])).toEqual(['@scope/gamma', 'alpha', 'beta', 'delta', 'epsilon'])
  })

  it('takes Node modules, our own files and texts that look like imports for what they are', () => {
    const source = put(
      'dist/none.js',
      [
        "import { readFileSync } from 'node:fs'",
        "import { x } from './x.js'",
        "export function platformOf(name = 'win32') {}",
        "const sentence = `a format other than those from 'GGUF'`",
      ].join('\n'),
    )

    expect(importedPackages([{ source, place: 'x' }])).toEqual([])
  })
})

describe('closeOver', () => {
  it('follows dependencies, nested ones first', () => {
    const lock = {
      'node_modules/a': { version: '1.0.0', license: 'MIT', dependencies: { b: '^1', c: '^1' } },
      'node_modules/b': { version: '2.0.0', license: 'MIT' },
      'node_modules/a/node_modules/b': { version: '1.0.0', license: 'ISC', dependencies: { c: '^1' } },
      'node_modules/c': { version: '1.1.0', license: 'MIT', dependencies: { a: '^1' } },
    }

    const found = closeOver(['a'], lock)

    expect(found.map(({ place, version }) => `${place} ${version}`)).toEqual([
      'node_modules/a 1.0.0',
      'node_modules/a/node_modules/b 1.0.0',
      'node_modules/c 1.1.0',
    ])
  })

  it('refuses a development dependency and a package that is not locked', () => {
    const lock = { 'node_modules/yaml': { version: '2.0.0', dev: true } }

    expect(() => closeOver(['yaml'], lock)).toThrow('development dependency')
    expect(() => closeOver(['left-pad'], lock)).toThrow('left-pad is not in package-lock.json')
  })
})

describe('packageFiles', () => {
  it('keeps code, data, licences and the one addon of the target', () => {
    for (const file of [
      'index.js',
      'index.d.ts',
      'README.md',
      'LICENSE',
      'package.json',
      'src/addon.cpp',
      'src/build.js',
      'deps/copy.js',
      'prebuilds/linux-x64.node',
      'prebuilds/linuxmusl-x64.node',
      'prebuilds/win32-x64.node',
      'node_modules/inner/index.js',
      'vendor/fastlist.exe',
    ])
      put(`node_modules/native/${file}`)
    const found = { name: 'native', version: '1.0.0', license: 'MIT', place: 'node_modules/native' }

    const places = packageFiles(folder, found, 'linux-x64').map(({ place }) => place)

    expect(places).toEqual([
      'node_modules/native/LICENSE',
      'node_modules/native/index.js',
      'node_modules/native/package.json',
      'node_modules/native/prebuilds/linux-x64.node',
    ])
  })

  it('says what to do when a package is not installed', () => {
    const missing = { name: 'gone', version: '1.0.0', license: 'MIT', place: 'node_modules/gone' }

    expect(() => packageFiles(folder, missing, 'linux-x64')).toThrow('node_modules/gone is not installed; run npm ci')
  })
})

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { defaultSweepRoots, homesOf, sweepRoots } from '../../../agent/sense/known-places.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-places-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const make = (path: string): string => {
  mkdirSync(join(root, path), { recursive: true })
  return join(root, path)
}

describe('sweepRoots', () => {
  it('does not walk a store twice when it lies inside a home', () => {
    const home = make('home/alice')
    make('home/alice/.ollama/models')

    expect(sweepRoots({ stores: ['~/.ollama/models'], homes: [home] })).toEqual([home])
  })

  it('keeps a store outside, one named by a variable, and drops what does not exist', () => {
    const home = make('home/alice')
    const shared = make('share/models')
    const moved = make('big/ollama/models')
    const stores = [shared, '$OLLAMA_MODELS/models', '~/.none', '/nowhere/at/all', '$UNSET', 'relative']

    const roots = sweepRoots({ stores, homes: [home], environment: { OLLAMA_MODELS: join(root, 'big/ollama') } })

    expect(roots).toEqual([moved, home, shared])
  })

  it('resolves a home that is a link, as on Fedora Silverblue', () => {
    const real = make('var/home/alice')
    symlinkSync('var/home', join(root, 'home'))

    expect(sweepRoots({ stores: [], homes: [join(root, 'home/alice'), real] })).toEqual([real])
  })

  it('does not take a neighbour with the same beginning for a part', () => {
    const one = make('home/al')
    const two = make('home/alice')

    expect(sweepRoots({ stores: [], homes: [two, one] })).toEqual([one, two])
  })

  it('never makes the whole machine a home', () => {
    expect(sweepRoots({ stores: [], homes: ['/'] })).toEqual([])
  })
})

describe('homesOf', () => {
  it('takes root and people, not services, and survives nonsense', () => {
    const passwd = [
      'root:x:0:0:root:/root:/bin/bash',
      'daemon:x:1:1::/usr/sbin:/usr/sbin/nologin',
      'alice:x:1000:1000:Alice:/home/alice:/bin/bash',
      'nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin',
      'odd:x:1001:1001::/:/bin/sh',
      'cut:x:10',
      ':::::::',
      'neg:x:-5:0::/home/neg:/bin/sh',
    ].join('\n')

    expect(homesOf(passwd)).toEqual(['/root', '/home/alice'])
  })
})

describe('defaultSweepRoots', () => {
  it('finds at least the home of who runs it', () => {
    expect(defaultSweepRoots([]).length).toBeGreaterThan(0)
  })
})

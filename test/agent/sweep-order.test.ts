// The likely places first: held in one list, and true of a walk over real folders.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { walkFiles } from '../../agent/sense/walk.ts'
import { orderPlaces, orderRoots } from '../../agent/sweep-order.ts'

describe('the order of places', () => {
  it('is stores, downloads, desktops, homes', () => {
    expect(orderPlaces({ stores: ['/a/.ollama/models', '/srv/models'], homes: ['/a', '/b'] })).toEqual([
      '/a/.ollama/models',
      '/srv/models',
      '/a/Downloads',
      '/b/Downloads',
      '/a/Desktop',
      '/b/Desktop',
      '/a/Documents',
      '/b/Documents',
      '/a',
      '/b',
    ])
  })

  it('puts roots that are likely first and keeps the order of the others', () => {
    const places = orderPlaces({ stores: ['/srv/models'], homes: ['/a'] })

    expect(orderRoots(['/z', '/opt', '/a/work', '/a/Downloads/x', '/srv/models'], places)).toEqual([
      '/srv/models',
      '/a/Downloads/x',
      '/a/work',
      '/z',
      '/opt',
    ])
  })

  it('is that of a walk, which enters every folder once', () => {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-order-')))
    try {
      for (const path of [
        'aaa/x',
        'home/.cache/hub/m',
        'home/.cache/other',
        'home/Downloads',
        'home/Desktop',
        'left/hub',
      ])
        mkdirSync(join(root, path), { recursive: true })
      const home = join(root, 'home')
      const first = orderPlaces({
        stores: [join(home, '.cache/hub'), join(root, 'left/hub'), '/elsewhere'],
        homes: [home],
      })
      const signal = new AbortController().signal
      const steps = walkFiles({ roots: [root], first, excludes: ['left'], isSmallCandidate: () => false, signal })
      const walked: string[] = []
      for (let step = steps.next(); step.done !== true; step = steps.next())
        walked.push(step.value.path.slice(root.length))

      expect(walked).toEqual([
        '/home/.cache/hub',
        '/home/.cache/hub/m',
        '/home/Downloads',
        '/home/Desktop',
        '/home',
        '/home/.cache',
        '/home/.cache/other',
        '',
        '/aaa',
        '/aaa/x',
      ])
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  })
})

import { describe, expect, it } from '@jest/globals'
import { compileExcludes } from '../../../agent/sense/excludes.ts'

const segmentsOf = (path: string) => path.split('/').filter((segment) => segment !== '')
const ask = (patterns: readonly string[], path: string) => {
  const segments = segmentsOf(path)
  return compileExcludes(patterns).match(segments, segments.at(-1) ?? '')?.text ?? null
}

describe('compileExcludes', () => {
  it.each([
    ['/home/a/cache', '/home/a/cache', true],
    ['/home/a/cache/', '/home/a/cache', true],
    ['/home/a/cache', '/home/a/cache2', false],
    ['/home/*/cache', '/home/bob/cache', true],
    ['/home/*/cache', '/home/bob/x/cache', false],
    ['node_modules', '/x/y/node_modules', true],
    ['node_modules', '/x/y/node_modules2', false],
    ['*.iso', '/x/debian.iso', true],
    ['?.tmp', '/x/ab.tmp', false],
    ['*a*a*a*b', `/${'a'.repeat(255)}`, false],
  ])('%s at %s: %s', (pattern, path, expected) => {
    expect(ask([pattern], path)).toBe(expected ? pattern : null)
  })

  it('always leaves out the places of the operating system', () => {
    expect(ask([], '/proc')).toBe('/proc')
    expect(ask([], '/run/user/1000/gvfs')).toBe('/run/user/*/gvfs')
    expect(ask([], '/home/proc')).toBeNull()
  })

  it('lets somebody name a place below a system exclude, but not below his own', () => {
    const excludes = compileExcludes(['/srv/private'])

    expect(excludes.matchRoot(segmentsOf('/dev/shm'))).toBeNull()
    expect(excludes.matchRoot(segmentsOf('/srv/private/deep'))?.text).toBe('/srv/private')
  })

  it('ignores the empty pattern and the root, which would silence everything', () => {
    expect(ask(['', ' ', '/'], '/home')).toBeNull()
  })
})

// The packed list of paths: whatever goes in comes out at its place, in order or not.
import { sep } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { PathList } from '../../agent/path-list.ts'

const MARK = '\u0001'

/** In the order of a walk. */
function inOrder(paths: readonly string[]): readonly string[] {
  const keyOf = (path: string): string => path.replaceAll(sep, MARK)
  return [...paths].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

function listOf(paths: readonly string[]): PathList {
  const list = new PathList()
  for (const path of paths) list.push(path)
  return list
}

const TREE = inOrder(
  ['a', 'a-b', 'a.c', 'b', 'ä', '\ud83d\ude00', 'x'.repeat(400)].flatMap((top) =>
    Array.from({ length: 60 }, (_, index) => [
      `${sep}${top}${index}`,
      [`${sep}${top}${index}`, 'in', 'side'].join(sep),
    ]).flat(),
  ),
)

describe('PathList', () => {
  it.each([
    ['in the order of a walk', TREE],
    ['the other way round', [...TREE].reverse()],
    ['in order up to some point', [...TREE.slice(200), ...TREE.slice(0, 200)]],
    ['fewer than a block', TREE.slice(0, 3)],
    ['a whole block', TREE.slice(0, 64)],
    ['one path', [sep]],
    ['none', []],
  ])('gives back %s, each at its place', (_, paths) => {
    const list = listOf(paths)

    expect(list.size).toBe(paths.length)
    expect(paths.map((__, place) => list.at(place))).toEqual(paths)
    expect(paths.map((path) => list.placeOf(path))).toEqual(paths.map((__, place) => place))
    expect(list.at(paths.length)).toBeUndefined()
  })

  it('has no place for a path that was not put in', () => {
    const list = listOf(TREE.filter((_, index) => index % 2 === 0))

    const others = TREE.filter((_, index) => index % 2 === 1)

    expect(others.map((path) => list.placeOf(path))).toEqual(others.map(() => undefined))
    expect([sep, '', `${sep}zzz`].map((path) => list.placeOf(path))).toEqual([undefined, undefined, undefined])
  })

  it('has a place for a path that comes after the others, whatever its order', () => {
    const list = listOf(TREE)

    const place = list.push(`${sep}a1${sep}new`)

    expect(list.placeOf(`${sep}a1${sep}new`)).toBe(place)
    expect(list.at(place)).toBe(`${sep}a1${sep}new`)
  })
})

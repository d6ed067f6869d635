// Roots that appear while a daemon runs, as a stick that is put in.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createArrivingRoots } from '../../agent/arriving-roots.ts'
import { walkFiles } from '../../agent/sense/walk.ts'

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-arriving-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function plant(path: string): string {
  const place = join(folder, path)
  mkdirSync(join(place, '..'), { recursive: true })
  writeFileSync(place, 'x')
  return place
}

/** Roots that a test changes, and what is told of them. */
function following() {
  const { signal } = new AbortController()
  const world = { roots: [join(folder, 'home')], isSweeping: false, walks: 0, touched: [] as string[] }
  const roots = createArrivingRoots({
    rootsNow: () => world.roots,
    walk: (asked) => walkFiles({ roots: asked, excludes: [], isSmallCandidate: () => true, signal }),
    isSweeping: () => world.isSweeping,
    onTouched: (path) => void world.touched.push(path),
    onWalked: () => void (world.walks += 1),
    pause: () => Promise.resolve(),
    signal,
  })
  return { world, look: roots.look }
}

describe('arriving roots', () => {
  it('hand on every file of a root that appeared, once, and none of those that were there', async () => {
    plant('home/old.gguf')
    const inside = [plant('stick/deep/er/model.gguf'), plant('stick/other.bin')]
    const { world, look } = following()
    await look()
    expect(world.touched).toEqual([])

    world.roots = [...world.roots, join(folder, 'stick')]
    await look()
    await look()

    expect(world.touched.sort()).toEqual(inside.sort())
    expect(world.walks).toBe(1)
  })

  it('hand it on again when it was taken out and put in again', async () => {
    const model = plant('stick/model.gguf')
    const { world, look } = following()
    const both = [...world.roots, join(folder, 'stick')]
    for (const roots of [both, world.roots, both]) {
      world.roots = roots
      await look()
    }

    expect(world.touched).toEqual([model, model])
  })

  it('wait while a sweep runs', async () => {
    const model = plant('stick/model.gguf')
    const { world, look } = following()
    world.roots = [...world.roots, join(folder, 'stick')]
    world.isSweeping = true
    await look()
    expect(world.touched).toEqual([])

    world.isSweeping = false
    await look()
    expect(world.touched).toEqual([model])
  })
})

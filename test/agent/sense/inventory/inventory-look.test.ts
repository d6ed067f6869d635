import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compileExcludes } from '../../../../agent/sense/excludes.ts'
import { componentsOf, InventoryLook } from '../../../../agent/sense/inventory/inventory-look.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-look-'))
  for (const home of ['ann', 'ben'])
    for (let at = 0; at < 40; at += 1) mkdirSync(join(folder, home, `d${at}/x`), { recursive: true })
  writeFileSync(join(folder, 'ben/d7/x/status'), 'Package: a\nV: 1\n\nPackage: bee\nV: ü2\n\nPackage: c\nV: 3\n')
  symlinkSync(join(folder, 'ann'), join(folder, 'ben/linked'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function met(look: InventoryLook, home: string, pattern: string): readonly string[] {
  return [...look.meet(join(folder, home), componentsOf(pattern))].map(({ path }) => path.slice(folder.length))
}

describe('a look', () => {
  it('meets what a pattern means, in order, and not what is not there', () => {
    const look = new InventoryLook(compileExcludes([]))

    expect(met(look, 'ann', 'd1*/x').slice(0, 3)).toEqual(['/ann/d1/x', '/ann/d10/x', '/ann/d11/x'])
    expect(met(look, 'ann', 'd7/x/none')).toEqual([])
    expect(met(look, 'none', 'd7')).toEqual([])
    expect([look.takeBlind(), look.gaps.list()]).toEqual([false, []])
  })

  it('does not go through a link, and counts one at the end as there', () => {
    const look = new InventoryLook(compileExcludes([]))

    expect(met(look, 'ben', 'linked')).toEqual(['/ben/linked'])
    expect(met(look, 'ben', 'linked/d1')).toEqual([])
    expect(look.gaps.list()).toMatchObject([{ code: 'GNO_SENSE_NOT_A_FILE', place: join(folder, 'ben/linked') }])
  })

  it('gives every home its own share, and says when one is used up', () => {
    const look = new InventoryLook(compileExcludes([]), 50)

    const first = met(look, 'ann', 'd*/x')
    const firstIsBlind = look.takeBlind()
    const second = met(look, 'ben', 'd7/x')

    expect(first.length).toBeGreaterThan(10)
    expect(first.length).toBeLessThan(40)
    expect([firstIsBlind, look.takeBlind()]).toEqual([true, false])
    expect(second).toEqual(['/ben/d7/x'])
    expect(look.gaps.list()).toMatchObject([{ code: 'GNO_SENSE_LIMIT', count: 1 }])
  })

  it('reads no more than it may, and keeps only stanzas that somebody asks for', () => {
    const look = new InventoryLook(compileExcludes([]))
    for (const each of look.meet(join(folder, 'ben'), componentsOf('d7/x/status'))) {
      expect(each.read(4)).toEqual({ text: 'Pack', isCut: true })
      expect(each.read(1_000, (stanza) => stanza.includes('bee'))?.text).toBe(
        'Package: bee\nV: ü2\n\nPackage: c\nV: 3\n',
      )
    }

    expect.assertions(2)
  })

  it('leaves out what is excluded', () => {
    const look = new InventoryLook(compileExcludes([join(folder, 'ben/d7')]))

    expect(met(look, 'ben', 'd7/x')).toEqual([])
  })
})

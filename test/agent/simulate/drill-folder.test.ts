// What the drill folder promises: nobody else can change it, and nothing that is not ours is ever removed.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import {
  DECOY_NAME,
  HELPER_NAME,
  makeDrillFolder,
  removeDrillFolder,
  removeLeftovers,
} from '../../../agent/simulate/drill-folder.ts'

const START = new Date('2026-11-23T08:00:00.000Z')
const LATER = new Date('2026-11-23T08:11:00.000Z')
const isRoot = process.getuid?.() === 0
let place = ''

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'gnomon-test-place-'))
})
afterEach(() => {
  chmodSync(place, 0o700)
  rmSync(place, { recursive: true })
})

async function make(): Promise<string> {
  const made = await makeDrillFolder(place, START)
  if (!made.ok) throw new Error(made.failure.detail)
  return made.value
}

describe('the folder of a drill', () => {
  it('is fresh, marked and closed to everybody else', async () => {
    const first = await make()
    const second = await make()

    expect(first).not.toBe(second)
    expect(basename(first)).toMatch(/^gnomon-drill-.{6}$/)
    expect(lstatSync(first).mode & 0o777).toBe(0o700)
    expect(JSON.parse(readFileSync(join(first, '.gnomon-drill.json'), 'utf8'))).toMatchObject({
      folder: basename(first),
    })
  })

  it.each([0o777, 0o770])('is not made where others may change the place (mode %o)', async (mode) => {
    chmodSync(place, mode)

    const made = await makeDrillFolder(place, START)

    expect(made).toMatchObject({ ok: false, failure: { code: 'GNO_SIMULATION_FAILED' } })
  })

  it('is made in a sticky place that is open to all, as a temporary folder is', async () => {
    chmodSync(place, 0o1777)

    expect((await makeDrillFolder(place, START)).ok).toBe(true)
  })

  it('is not made below a folder that others may change', async () => {
    const inner = join(place, 'inner')
    mkdirSync(inner, { mode: 0o700 })
    chmodSync(place, 0o777)

    const made = await makeDrillFolder(inner, START)

    expect(made).toMatchObject({ ok: false, failure: { detail: expect.stringContaining(place) } })
  })

  it('is not made where there is no folder', async () => {
    const made = await makeDrillFolder(join(place, 'absent'), START)

    expect(made).toMatchObject({ ok: false, failure: { code: 'GNO_SIMULATION_FAILED' } })
  })

  it('is removed with all that a drill makes, and a second removal is harmless', async () => {
    const folder = await make()
    writeFileSync(join(folder, DECOY_NAME), 'weights')
    writeFileSync(join(folder, HELPER_NAME), 'binary')

    const removals = [await removeDrillFolder(folder), await removeDrillFolder(folder)]

    expect(removals.map((removal) => removal.ok)).toEqual([true, true])
    expect(existsSync(folder)).toBe(false)
  })

  it('loses a symbolic link in place of the decoy, never what it points at', async () => {
    const folder = await make()
    const precious = join(place, 'precious')
    writeFileSync(precious, 'keep')
    symlinkSync(precious, join(folder, DECOY_NAME))

    await removeDrillFolder(folder)

    expect(existsSync(folder)).toBe(false)
    expect(readFileSync(precious, 'utf8')).toBe('keep')
  })

  it('keeps what somebody else put there, and says so', async () => {
    const folder = await make()
    writeFileSync(join(folder, 'thesis.txt'), 'keep')

    const removed = await removeDrillFolder(folder)

    expect(removed).toMatchObject({ ok: false, failure: { code: 'GNO_SIMULATION_FAILED' } })
    expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('keep')
  })
})

describe('leftovers of a drill that was killed', () => {
  it('are removed when they are older than ten minutes', async () => {
    const folder = await make()
    writeFileSync(join(folder, DECOY_NAME), 'weights')

    const removed = await removeLeftovers(place, LATER)

    expect(removed).toEqual([folder])
    expect(existsSync(folder)).toBe(false)
  })

  it('are left alone while another drill may still run', async () => {
    const folder = await make()

    const removed = await removeLeftovers(place, new Date('2026-11-23T08:09:00.000Z'))

    expect(removed).toEqual([])
    expect(existsSync(folder)).toBe(true)
  })

  it('include an empty folder that never got its marker', async () => {
    const folder = join(place, 'gnomon-drill-abc123')
    mkdirSync(folder)
    utimesSync(folder, START, START)

    expect(await removeLeftovers(place, LATER)).toEqual([folder])
  })

  it('do not include a symbolic link to a marked folder', async () => {
    const real = await make()
    const hidden = join(dirname(real), 'kept')
    renameSync(real, hidden)
    symlinkSync(hidden, real)

    const removed = await removeLeftovers(place, LATER)

    expect(removed).toEqual([])
    expect(existsSync(join(hidden, '.gnomon-drill.json'))).toBe(true)
  })

  it('do not include a folder whose marker is a symbolic link', async () => {
    const folder = await make()
    const marker = join(folder, '.gnomon-drill.json')
    renameSync(marker, join(place, 'marker'))
    symlinkSync(join(place, 'marker'), marker)

    expect(await removeLeftovers(place, LATER)).toEqual([])
    expect(existsSync(folder)).toBe(true)
  })

  it.each([
    ['names another folder', (name: string) => name.replace(/"folder":"[^"]+"/, '"folder":"gnomon-drill-other1"')],
    ['has another purpose', (name: string) => name.replace('gnomon fire drill', 'holiday pictures')],
    ['has no date', (name: string) => name.replace(/"startedAt":"[^"]+"/, '"startedAt":"once"')],
    ['is not JSON', () => '{'],
    ['is too large', (name: string) => name.padEnd(2000)],
  ])('do not include a folder whose marker %s', async (_, change) => {
    const folder = await make()
    const marker = join(folder, '.gnomon-drill.json')
    writeFileSync(marker, change(readFileSync(marker, 'utf8')))

    const removed = await removeLeftovers(place, LATER)

    expect(removed).toEqual([])
    expect(existsSync(marker)).toBe(true)
  })

  const asRoot = isRoot ? it : it.skip
  if (!isRoot) console.warn('skipped: only root can make a folder of another user')
  asRoot('do not include a marked folder of another user', async () => {
    const folder = await make()
    chownSync(folder, 12_345, 12_345)

    expect(await removeLeftovers(place, LATER)).toEqual([])
    expect(existsSync(folder)).toBe(true)
  })

  it('are not looked for where there is no folder', async () => {
    expect(await removeLeftovers(join(place, 'absent'), LATER)).toEqual([])
  })
})

import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { describeArrivals } from '../../../agent/sense/arrival.ts'
import { deviceNumber, readMountTable } from '../../../agent/sense/mounts.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-arrival-'))
afterAll(() => rmSync(folder, { recursive: true }))
const asking = { platform: 'linux' as const, signal: new AbortController().signal }
const isLinux = process.platform === 'linux'
const onLinux = isLinux ? it : it.skip
if (!isLinux) console.warn('skipped: file systems and media are read from /proc and /sys, which Linux alone has')

function put(name: string, text = 'x') {
  const path = join(folder, name)
  writeFileSync(path, text)
  return { path, dev: String(lstatSync(path, { bigint: true }).dev) }
}

describe('describeArrivals', () => {
  onLinux('tells file system, owner and birth time of a file', async () => {
    const file = put('model.gguf')

    const { byPath } = await describeArrivals([file], asking)

    const arrival = byPath.get(file.path)
    expect(arrival?.mount?.fileSystem).not.toBe('')
    expect(arrival?.owner).toBeDefined()
    expect(Date.parse(arrival?.createdAt ?? '')).toBeGreaterThan(0)
  })

  onLinux('reads the neighbour file in which WSL keeps the zone, and no link in its place', async () => {
    const file = put('copied.gguf')
    put('copied.gguf:Zone.Identifier', '[ZoneTransfer]\nZoneId=3\n')
    const linked = put('linked.gguf')
    symlinkSync(join(folder, 'copied.gguf:Zone.Identifier'), `${linked.path}:Zone.Identifier`)

    const { byPath } = await describeArrivals([file, linked], asking)

    expect(byPath.get(file.path)?.marks).toEqual([{ mark: 'Zone.Identifier ZoneId', value: '3' }])
    expect(byPath.get(linked.path)?.marks).toEqual([])
  })

  const canMark = isLinux && existsSync('/usr/bin/setfattr') && existsSync('/usr/bin/getfattr')
  const withMarks = canMark ? it : it.skip
  if (!canMark) process.stderr.write('skipped: marks of downloads, since this machine has no setfattr (package attr)\n')

  withMarks('reads the address that a browser wrote onto the file', async () => {
    const file = put('down loaded\n.gguf')
    execFileSync('/usr/bin/setfattr', ['-n', 'user.xdg.origin.url', '-v', 'https://example.org/m?k=1', file.path])

    const { byPath, gaps } = await describeArrivals([file], asking)

    expect(gaps).toEqual([])
    expect(byPath.get(file.path)?.marks).toEqual([{ mark: 'user.xdg.origin.url', value: 'https://example.org/m?…' }])
  })

  it('says that 3,000 models were not all asked', async () => {
    const files = Array.from({ length: 3_000 }, (_, index) => ({ path: `unlinked:${index}`, dev: '0' }))

    const { byPath, gaps } = await describeArrivals(files, asking)

    expect(byPath.size).toBe(2_048)
    expect(gaps.map(({ code }) => code)).toContain('GNO_SENSE_LIMIT')
  })

  it('gives a file that is gone an arrival without times', async () => {
    const { byPath } = await describeArrivals([{ path: join(folder, 'gone'), dev: '0' }], asking)

    expect(byPath.get(join(folder, 'gone'))).toMatchObject({ marks: [] })
  })
})

describe('mounts', () => {
  it('reads device, file system and source of each line (proc(5))', () => {
    const text =
      '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\nbroken\n37 35 8:17 / /media/usb rw - vfat /dev/sdb1 rw\n'

    expect([...readMountTable(text).values()]).toEqual([
      { device: '98:0', fileSystem: 'ext3', source: '/dev/root' },
      { device: '8:17', fileSystem: 'vfat', source: '/dev/sdb1' },
    ])
  })

  it.each([
    ['2049', '8:1'],
    ['66306', '259:2'],
    ['46', '0:46'],
    [String((1n << 32n) | 0x10000fn), '0:271'],
  ])('st_dev %s is device %s', (dev, device) => {
    if (dev.length < 8) expect(deviceNumber(dev)).toBe(device)
    else expect(deviceNumber(dev)).toMatch(/^\d+:\d+$/)
  })
})

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { compileExcludes } from '../../../../agent/sense/excludes.ts'
import { componentsOf, InventoryLook } from '../../../../agent/sense/inventory/inventory-look.ts'
import { networkMountsOf } from '../../../../agent/sense/inventory/network-mounts.ts'

// origin: documented (proc(5)), with mounts of several systems
const TABLE = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:45 / /home/ann/nas rw,relatime - nfs4 10.0.0.1:/vol rw,vers=4.2
41 22 0:46 / /home/ann/two\\040words rw - cifs //srv/share rw
42 22 0:47 / /home/ann/keys rw - fuse.gocryptfs /home/ann/.keys rw
43 22 0:48 / /net rw - autofs /etc/auto.net rw
broken line
44 22 0:49 / /home/ann/usb rw - fuseblk /dev/sdb1 rw`

describe('network mounts', () => {
  it('are told from local ones by the name of their file system', () => {
    expect([...networkMountsOf(TABLE)]).toEqual(['/home/ann/nas', '/home/ann/two words', '/net'])
    expect([...networkMountsOf('')]).toEqual([])
  })

  it('are not gone into, and the place counts as not looked at', () => {
    const home = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-mounts-')))
    try {
      for (const name of ['code', 'nas']) mkdirSync(join(home, name, '.venv'), { recursive: true })
      writeFileSync(join(home, 'nas/.venv/x'), '')
      const look = new InventoryLook(compileExcludes([]), undefined, new Set([join(home, 'nas')]))

      const met = [...look.meet(home, componentsOf('*/.venv'))].map(({ path }) => path)

      expect(met).toEqual([join(home, 'code/.venv')])
      expect(look.takeBlind()).toBe(true)
      expect(look.gaps.list()).toMatchObject([{ code: 'GNO_SENSE_OTHER_FILESYSTEM', place: join(home, 'nas') }])
    } finally {
      rmSync(home, { recursive: true })
    }
  })
})

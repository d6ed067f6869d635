import { describe, expect, it } from '@jest/globals'
import { parseMountPlaces, placeOnDevice } from '../../../../agent/sense/linux/mount-places.ts'

const HERE = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 8:17 / /srv/records rw,relatime - ext4 /dev/sdb1 rw
32 22 8:1 /home/ada/with\\040space /mnt/b rw - ext4 /dev/sda1 rw
33 22 0:44 / /proc rw - proc proc rw
nonsense
`
/** A container: its root is elsewhere, and a folder of the disk below is bound to /data. */
const CONTAINER = `700 600 0:99 / / rw,relatime - overlay overlay rw
701 700 8:17 /patients /data rw,relatime - ext4 /dev/sdb1 rw
702 700 0:51 / /data/inner rw - tmpfs tmpfs rw
703 700 8:1 /etc/x /data/inner rw - ext4 /dev/sda1 rw
`

describe('placeOnDevice', () => {
  const rows: readonly (readonly [string, string, string, string])[] = [
    [HERE, '/etc/passwd', '8:1', '/etc/passwd'],
    [HERE, '/srv/records/patients/x', '8:17', '/patients/x'],
    [HERE, '/srv/records', '8:17', '/'],
    [HERE, '/srv/records-old/x', '8:1', '/srv/records-old/x'],
    [HERE, '/mnt/b/y', '8:1', '/home/ada/with space/y'],
    [CONTAINER, '/data/x', '8:17', '/patients/x'],
    [CONTAINER, '/data', '8:17', '/patients'],
    [CONTAINER, '/data/inner/z', '8:1', '/etc/x/z'],
    [CONTAINER, '/srv/records/patients/x', '0:99', '/srv/records/patients/x'],
  ]
  it.each(rows)('finds the deepest and latest mount (%#)', (table, path, device, place) => {
    expect(placeOnDevice(path, parseMountPlaces(table))).toEqual({ device, path: place })
  })

  it('knows no place without a table', () => {
    expect(placeOnDevice('/etc/passwd', parseMountPlaces(''))).toBeNull()
  })
})

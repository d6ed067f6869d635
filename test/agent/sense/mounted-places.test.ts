// What a mount table says of media, file systems in memory and those of servers; no place is touched.
import { describe, expect, it } from '@jest/globals'
import { sortMounts } from '../../../agent/sense/mounted-places.ts'

let id = 30
const line = (device: string, root: string, point: string, kind: string): string =>
  `${(id += 1)} 22 ${device} ${root} ${point} rw,relatime shared:1 - ${kind} source rw\n`
const ROOT = line('8:1', '/', '/', 'ext4')
const none = (): boolean => false

describe('sortMounts', () => {
  it('takes for removable what the kernel calls so, and what lies where media are mounted', () => {
    const table =
      ROOT +
      line('8:17', '/', '/run/media/ada/STICK\\040ONE', 'vfat') +
      line('8:33', '/', '/srv/backup', 'ext4') +
      line('8:49', '/', '/data', 'xfs') +
      line('8:2', '/', '/boot/efi', 'vfat')

    const { removable } = sortMounts(table, (device) => device === '8:33' || device === '8:2')

    expect(removable).toEqual([
      { path: '/run/media/ada/STICK ONE', kind: 'vfat' },
      { path: '/srv/backup', kind: 'ext4' },
    ])
  })

  it('sweeps no part of the own disk that is bound to a place of media, and a medium that is mounted twice only once', () => {
    const table =
      ROOT +
      line('8:1', '/', '/mnt/own', 'ext4') +
      line('8:17', '/', '/media/stick', 'exfat') +
      line('8:17', '/', '/mnt/again', 'exfat')

    expect(sortMounts(table, none).removable).toEqual([{ path: '/media/stick', kind: 'exfat' }])
  })

  it('takes file systems in memory that users write to, and none that the system keeps for itself', () => {
    const points = [
      '/dev',
      '/dev/shm',
      '/tmp',
      '/run',
      '/run/lock',
      '/run/user/1000',
      '/run/credentials/x',
      '/sys/fs/cgroup',
    ]
    const table = ROOT + points.map((point, index) => line(`0:${index + 40}`, '/', point, 'tmpfs')).join('')

    expect(sortMounts(table, none).memory.map(({ path }) => path)).toEqual(['/dev/shm', '/tmp', '/run/user/1000'])
  })

  it('names file systems of servers, and neither portals of desktops nor automounts of the kernel', () => {
    const table =
      ROOT +
      line('0:50', '/', '/mnt/c', '9p') +
      line('0:51', '/', '/home/ada/share', 'cifs') +
      line('0:52', '/', '/run/user/1000/gvfs', 'fuse.gvfsd-fuse') +
      line('0:53', '/', '/proc/sys/fs/binfmt_misc', 'autofs')

    expect(sortMounts(table, none).remote).toEqual([
      { path: '/mnt/c', kind: '9p' },
      { path: '/home/ada/share', kind: 'cifs' },
    ])
  })

  it('believes the last of two mounts at one place, and says how many it left out', () => {
    const many = Array.from({ length: 70 }, (_, index) =>
      line(`8:${index + 64}`, '/', `/media/m${index}`, 'vfat'),
    ).join('')
    const seen = sortMounts(ROOT + many + line('0:60', '/', '/media/m0', 'nfs4'), none)

    expect(seen.removable).toHaveLength(64)
    expect(seen.removable.map(({ path }) => path)).not.toContain('/media/m0')
    expect(seen.remote).toEqual([{ path: '/media/m0', kind: 'nfs4' }])
    expect(seen.others).toBe(5)
  })
})

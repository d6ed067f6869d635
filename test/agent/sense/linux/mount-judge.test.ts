// On which mounts a file of a process may be touched: by lines of /proc/PID/mountinfo as machines write them (ids and names invented).
import { describe, expect, it } from '@jest/globals'
import { createAnsweringMounts } from '../../../../agent/sense/linux/answering-mounts.ts'
import { judgeMount, type MountVerdict, type OtherMounts } from '../../../../agent/sense/linux/mount-judge.ts'
import { parseMountTable } from '../../../../agent/sense/linux/mount-places.ts'
import { touchIn } from '../../../../agent/sense/linux/process-touch.ts'
import { createRemoteMounts } from '../../../../agent/sense/remote-mounts.ts'

/** A host with systemd, Docker, a home on NFS, and a server of a user's own. */
const HOST = `22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
24 28 0:5 / /dev rw,nosuid,relatime shared:2 - devtmpfs udev rw,size=8123456k,nr_inodes=2030864,mode=755,inode64
28 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
29 24 0:25 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,inode64
41 28 0:35 / /mnt/pool rw,relatime shared:20 - btrfs /dev/sdb1 rw,space_cache=v2,subvolid=5,subvol=/
52 28 0:40 / /net rw,relatime shared:30 - autofs /etc/auto.net rw,fd=6,pgrp=900,timeout=300,minproto=5,maxproto=5,indirect
60 28 0:50 / /home/ada rw,relatime shared:40 - nfs4 filer:/home/ada rw,vers=4.2,hard,proto=tcp,sec=sys
70 28 0:61 / /srv/far rw,nosuid,nodev,relatime shared:50 - fuse.sshfs eve@far:/ rw,user_id=1001,group_id=1001
80 28 0:70 / /var/lib/docker/overlay2/4c1f/merged rw,relatime shared:60 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB:/var/lib/docker/overlay2/l/CD,upperdir=/var/lib/docker/overlay2/4c1f/diff,workdir=/var/lib/docker/overlay2/4c1f/work
`
/** In a user namespace (unshare -Urm): copies of the host's mounts, and what the user mounted. */
const OF_USER = `310 309 259:2 / / rw,relatime master:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro
320 310 0:61 / /srv/far rw,nosuid,nodev,relatime master:50 - fuse.sshfs eve@far:/ rw,user_id=1001,group_id=1001
330 310 0:90 / /home/eve/own rw,nosuid,nodev,relatime - fuse own rw,user_id=0,group_id=0
331 310 0:91 / /home/eve/merged rw,relatime - overlay none rw,lowerdir=/home/eve/own:/home/eve/empty
332 310 0:90 / /home/eve/bound rw,nosuid,nodev,relatime - fuse own rw,user_id=0,group_id=0
333 310 0:92 / /home/eve/memory rw,relatime - tmpfs none rw,uid=1001,gid=1001,inode64
334 310 0:70 / /home/eve/docker rw,relatime - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB
335 310 0:93 / /home/eve/odd rw,relatime - shiftfs /home/eve/own rw
336 310 0:35 /share /home/eve/pool rw,relatime master:20 - btrfs /dev/sdb1 rw,space_cache=v2,subvolid=5,subvol=/
`
/** Of Docker: made by root. */
const OF_DOCKER = `500 499 0:70 / / rw,relatime master:60 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB:/var/lib/docker/overlay2/l/CD
501 500 0:110 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
502 500 259:2 /var/lib/docker/volumes/models/_data /models rw,relatime master:1 - ext4 /dev/nvme0n1p2 rw
503 500 0:50 /shared /share rw,relatime - nfs4 filer:/home/ada rw,vers=4.2
504 500 0:120 / /alone rw,relatime - nfs4 other:/alone rw,vers=4.2
505 500 0:121 / /layers rw,relatime - overlay overlay rw,lowerdir=/a:/b
`

const ours = parseMountTable(HOST)
const other = (text: string, isMadeByUser: boolean): OtherMounts => {
  return { name: 'container:/mnt-4026532567', table: parseMountTable(text), isMadeByUser }
}
const USER = other(OF_USER, true)
const DOCKER = other(OF_DOCKER, false)

/** `local`, or the kind with place and file system. */
function judged(id: number, theirs: OtherMounts | null, first: OtherMounts | null = null): string {
  const verdict: MountVerdict = judgeMount(id, { ours, theirs, first, kernel: 17 })
  return verdict.kind === 'local' ? 'local' : `${verdict.kind} ${verdict.mount.kind} ${verdict.mount.place}`
}

describe('the mount of a file that a process uses', () => {
  it.each([
    ['a disk', 28, 'local'],
    ['another disk', 41, 'local'],
    ['memory', 29, 'local'],
    ['layers that root mounted', 80, 'local'],
    ['a server', 60, 'remote nfs4 /home/ada'],
    ['a program', 70, 'remote fuse.sshfs /srv/far'],
    ['what is mounted when it is touched', 52, 'remote autofs /net'],
    ['memory without a name, on a mount of the kernel', 0, 'local'],
    ['a mount that no table shows', 99, 'unproven a mount that no table shows (mounts of no namespace)'],
  ])('of this machine is judged: %s', (_, id, verdict) => {
    expect(judged(id, null)).toBe(verdict)
    expect(judged(id, USER)).toBe(verdict)
  })

  it.each([
    ['the disk of the machine', 310, 'local'],
    ['a disk of the machine at another place', 336, 'local'],
    ['memory', 333, 'local'],
    ['a program that this machine can ask at a place of its own', 320, 'remote fuse.sshfs /srv/far'],
    ['a program of his own', 330, 'unproven fuse container:/mnt-4026532567/home/eve/own'],
    ['that program bound elsewhere', 332, 'unproven fuse container:/mnt-4026532567/home/eve/bound'],
    ['layers over it', 331, 'unproven overlay container:/mnt-4026532567/home/eve/merged'],
    ['layers that root mounted here', 334, 'local'],
    ['a kind that may lie on anything', 335, 'unproven shiftfs container:/mnt-4026532567/home/eve/odd'],
  ])('in a namespace that a user made is judged: %s', (_, id, verdict) => {
    expect(judged(id, USER)).toBe(verdict)
  })

  it.each([
    ['the root of the container', 500, 'local'],
    ['a volume', 502, 'local'],
    ['a server that this machine can ask', 503, 'remote nfs4 /home/ada'],
    ['a server that only the container sees', 504, 'unproven nfs4 container:/mnt-4026532567/alone'],
    ['layers that root mounted', 505, 'local'],
  ])('in a container is judged: %s', (_, id, verdict) => {
    expect(judged(id, DOCKER)).toBe(verdict)
  })

  it('is asked at the place that can be seen, where a service has homes bound onto themselves', () => {
    // ProtectHome=read-only and ProtectSystem=strict, as our own unit has them.
    const table = parseMountTable(
      `28 1 259:2 / / ro,relatime - ext4 /dev/nvme0n1p2 rw
60 28 0:50 /home/ada /home/ada rw,relatime - nfs4 filer:/home/ada rw,vers=4.2
90 28 259:2 /home /home ro,relatime - ext4 /dev/nvme0n1p2 rw
91 90 0:50 /home/ada /home/ada ro,relatime - nfs4 filer:/home/ada rw,vers=4.2
92 91 0:51 / /home/ada/over ro,relatime - fuse.sshfs eve@near:/ rw
93 28 0:52 / /mnt/gone rw,relatime - nfs4 filer:/gone rw
94 28 0:53 / /mnt rw,relatime - tmpfs none rw
`,
    )
    const verdict = (id: number): string => {
      const { kind, mount } = { mount: null, ...judgeMount(id, { ours: table, theirs: null, first: null, kernel: 17 }) }
      return `${kind} ${mount?.place ?? ''}`
    }

    expect([60, 91, 92, 93, 94].map(verdict)).toEqual([
      'remote /home/ada',
      'remote /home/ada',
      'remote /home/ada/over',
      'unproven /mnt/gone',
      'local ',
    ])
  })

  it('is looked up with the first process where a descriptor was inherited from there', () => {
    expect([judged(502, USER, DOCKER), judged(504, USER, DOCKER), judged(331, USER, DOCKER)]).toEqual([
      'local',
      'unproven nfs4 container:/mnt-4026532567/alone',
      'unproven overlay container:/mnt-4026532567/home/eve/merged',
    ])
  })

  it('is never asked at a place where another one lies over it', () => {
    const covered = parseMountTable(
      `${HOST}71 70 0:62 / /srv/far rw,relatime - fuse.sshfs eve@near:/ rw,user_id=1001\n`,
    )
    const below = parseMountTable(`${HOST}72 28 0:63 / /srv rw,relatime - tmpfs none rw\n`)
    const kindOf = (id: number, table: typeof ours): string =>
      judgeMount(id, { ours: table, theirs: null, first: null, kernel: 17 }).kind

    expect([kindOf(70, covered), kindOf(71, covered), kindOf(70, below)]).toEqual(['unproven', 'remote', 'unproven'])
  })

  it('is told as never touched where nothing is known of the namespace', () => {
    expect(judged(331, { ...USER, table: null })).toMatch(/^unproven /)
  })
})

describe('the touch of a process', () => {
  it('uses held files of local mounts at once, of servers once they answered, of others never', async () => {
    const table = createRemoteMounts(() => HOST)
    const mounts = createAnsweringMounts(table, (place) => Promise.resolve(place === '/home/ada'))
    const judge = (_: string, ids: readonly (number | null)[]) =>
      ids.map((id) => judgeMount(id ?? 0, { ours, theirs: USER, first: null, kernel: 17 }))
    const ids = [28, 60, 70, 331]

    const before = touchIn(mounts, judge).mayUse('/proc/1', ids)
    await mounts.ask(new AbortController().signal)
    const touch = touchIn(mounts, judge)
    const after = touch.mayUse('/proc/1', ids)

    expect(before).toEqual([true, false, false, false])
    expect(after).toEqual([true, true, false, false])
    expect([touch.isCut(), touch.metRemote()]).toEqual([true, true])
    expect(touch.unproven()).toEqual([{ place: 'container:/mnt-4026532567/home/eve/merged', kind: 'overlay' }])
    expect(mounts.silent()).toEqual([{ place: '/srv/far', kind: 'fuse.sshfs' }])
  })
})

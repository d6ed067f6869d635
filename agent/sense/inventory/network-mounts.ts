// Mounts whose files another machine keeps, from /proc/self/mountinfo (proc(5)). When that machine is gone, asking for anything in
// one of them waits without end, so they are known by their path before they are asked.
import { readFileSync } from 'node:fs'

/** A container host has some thousand mounts; further ones are taken for local (CWE-770). */
const MAX_MOUNTS = 16_384

/** Names in the third field behind ` - `; `autofs` is the trigger that mounts one. */
const NETWORK = new Set([
  '9p',
  'afs',
  'autofs',
  'beegfs',
  'ceph',
  'cifs',
  'coda',
  'davfs',
  'glusterfs',
  'gpfs',
  'lustre',
  'ncpfs',
  'nfs',
  'nfs4',
  'orangefs',
  'smb3',
  'smbfs',
  'fuse.ceph',
  'fuse.cvmfs2',
  'fuse.davfs',
  'fuse.davfs2',
  'fuse.gcsfuse',
  'fuse.glusterfs',
  'fuse.goofys',
  'fuse.gvfsd-fuse',
  'fuse.juicefs',
  'fuse.rclone',
  'fuse.s3fs',
  'fuse.sshfs',
])

/** Mount points of network file systems, in byte form (path-text.ts). */
export function networkMountsOf(text: string): ReadonlySet<string> {
  const places = new Set<string>()
  for (const line of text.split('\n', MAX_MOUNTS)) {
    const [left = '', right = ''] = line.split(' - ', 2)
    const place = left.split(' ', 5)[4]
    const [fileSystem = ''] = right.split(' ', 1)
    if (place !== undefined && NETWORK.has(fileSystem)) places.add(withoutEscapes(place))
  }
  return places
}

/** Space, tab, newline and backslash stand there as `\040`. */
function withoutEscapes(place: string): string {
  return place.replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Those of this machine; none where there is no /proc. */
export function networkMounts(): ReadonlySet<string> {
  try {
    return networkMountsOf(readFileSync('/proc/self/mountinfo', 'latin1'))
  } catch {
    // Only Linux has it; elsewhere mounts are not told apart.
    return new Set()
  }
}

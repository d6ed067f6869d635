// File systems behind which a server stands: told from the mount table, and never touched.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createRemoteMounts, findRemote, remoteKinds } from '../../../agent/sense/remote-mounts.ts'
import { MINIMUM_BYTES, walkFiles } from '../../../agent/sense/walk.ts'

const line = (place: string, kind: string): string => `36 35 0:40 / ${place} rw,relatime shared:1 - ${kind} source rw\n`

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-remote-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function plant(path: string): string {
  const place = join(root, path)
  mkdirSync(join(place, '..'), { recursive: true })
  writeFileSync(place, '')
  truncateSync(place, MINIMUM_BYTES)
  return place
}

describe('the mount table', () => {
  it('names what a server or a program stands behind, and no local disk', () => {
    const kinds = remoteKinds(
      line('/', 'virtiofs') +
        line('/mnt/a\\040b', 'nfs4') +
        line('/mnt/usb', 'fuseblk') +
        line('/home/x/drive', 'fuse.sshfs') +
        line('/data', 'ext4') +
        line('/net', 'autofs') +
        line('/covered', 'cifs') +
        line('/covered', 'xfs'),
    )

    expect([...kinds]).toEqual([
      ['/mnt/a b', 'nfs4'],
      ['/home/x/drive', 'fuse.sshfs'],
      ['/net', 'autofs'],
    ])
  })

  it('is read again after a second, since mounts come and go', () => {
    let nowMs = 0
    let table = ''
    const remote = createRemoteMounts(
      () => table,
      () => nowMs,
    )
    expect(remote.around('/mnt/x')).toBeUndefined()
    table = line('/mnt', 'cifs')
    expect(remote.around('/mnt/x')).toBeUndefined()
    nowMs = 1_001

    expect(remote.around('/mnt/x/y')).toBe('cifs')
    expect(remote.around('/mntx')).toBeUndefined()
  })

  it('is asked at every link on the way, before the next step', () => {
    symlinkSync('/nowhere/far', join(root, 'link'))
    symlinkSync('link/below', join(root, 'second'))
    symlinkSync('loop', join(root, 'loop'))
    const remote = createRemoteMounts(() => line('/nowhere/far', 'nfs'))

    expect(findRemote(join(root, 'second/x'), remote)).toBe('nfs')
    expect(findRemote(join(root, 'loop'), remote)).toBeNull()
    expect(findRemote(join(root, 'absent'), remote)).toBeNull()
  })
})

describe('a walk', () => {
  function walk(far: string, entersRemote = false): { readonly paths: string[]; readonly gaps: readonly unknown[] } {
    const remote = createRemoteMounts(() => line(far, 'fuse.sshfs'))
    const signal = new AbortController().signal
    const steps = walkFiles({
      roots: [root],
      excludes: [],
      isSmallCandidate: () => false,
      signal,
      remote,
      entersRemote,
    })
    const paths: string[] = []
    for (;;) {
      const step = steps.next()
      if (step.done === true) return { paths, gaps: step.value.gaps }
      paths.push(...step.value.candidates.map(({ path }) => path))
    }
  }

  it('does not enter such a folder, and names it', () => {
    const near = plant('near/model')
    plant('far/model')

    const { paths, gaps } = walk(join(root, 'far'))

    expect(paths).toEqual([near])
    expect(gaps).toMatchObject([{ code: 'GNO_SENSE_OTHER_FILESYSTEM', place: join(root, 'far') }])
    expect(JSON.stringify(gaps)).toContain('fuse.sshfs')
  })

  it('does not touch such a root, unless somebody named it', () => {
    const model = plant('model')

    expect(walk(root)).toMatchObject({ paths: [], gaps: [{ code: 'GNO_SENSE_OTHER_FILESYSTEM', place: root }] })
    expect(walk(root, true).paths).toEqual([model])
  })
})

import { execFileSync } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { MINIMUM_BYTES, type WalkOptions, walkFiles } from '../../../agent/sense/walk.ts'
import type { CandidateFile, WalkSummary } from '../../../contract/observation.ts'

let root = ''
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-walk-')))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function plant(path: string, size = MINIMUM_BYTES): string {
  const place = join(root, path)
  mkdirSync(join(place, '..'), { recursive: true })
  writeFileSync(place, 'x')
  truncateSync(place, size)
  return place
}

interface Walked {
  readonly paths: readonly string[]
  readonly folders: readonly string[]
  readonly summary: WalkSummary
}

function walk(options: Partial<WalkOptions> = {}, visit: (candidate: CandidateFile) => void = () => undefined): Walked {
  const paths: string[] = []
  const folders: string[] = []
  const steps = walkFiles({
    roots: [root],
    excludes: [],
    isSmallCandidate: () => false,
    signal: new AbortController().signal,
    ...options,
  })
  for (;;) {
    const step = steps.next()
    if (step.done === true) return { paths: paths.sort(), folders, summary: step.value }
    folders.push(step.value.path)
    for (const candidate of step.value.candidates) {
      paths.push(candidate.path)
      visit(candidate)
    }
  }
}

const NEVER = new AbortController().signal

const codes = (summary: WalkSummary) => summary.gaps.map((gap) => gap.code)
const linuxIt = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped: special files and mounts are proved on Linux, where /proc and /dev lie')

describe('walkFiles', () => {
  it('yields large files whatever their names, and small ones only when asked for', () => {
    const large = plant('a/b/notes')
    plant('a/small.txt', 10)
    const config = plant('a/config.json', 10)
    plant('empty.json', 0)

    const { paths, summary } = walk({ isSmallCandidate: (name) => name.endsWith('.json') })

    expect(paths).toEqual([config, large].sort())
    expect(summary).toMatchObject({ filesSeen: 4, foldersSeen: 3, isComplete: true, gaps: [] })
  })

  it('opens a candidate as the file that was seen', () => {
    plant('model')
    const sizes: number[] = []

    walk({}, (candidate) => {
      const opened = candidate.open()
      if (!opened.ok) throw new Error(opened.failure.detail)
      sizes.push(opened.value.sampleIdentity().sizeBytes)
      opened.value.close()
    })

    expect(sizes).toEqual([MINIMUM_BYTES])
  })

  it('refuses a candidate that was swapped for another file or a link', () => {
    const place = plant('model')
    const other = plant('other/thing')
    const failures: string[] = []
    const note = (candidate: CandidateFile) => {
      const opened = candidate.open()
      failures.push(opened.ok ? 'opened' : opened.failure.code)
    }

    walk({ excludes: ['other'] }, (candidate) => {
      renameSync(other, place)
      note(candidate)
      rmSync(place)
      symlinkSync('/etc/passwd', place)
      note(candidate)
    })

    expect(failures).toEqual(['GNO_SENSE_VANISHED', 'GNO_SENSE_NOT_A_FILE'])
  })

  it('follows no link, neither to folders nor to files, and does not loop', () => {
    const only = plant('real/model')
    symlinkSync(join(root, 'real'), join(root, 'alias'))
    symlinkSync(only, join(root, 'alias-file'))
    symlinkSync('.', join(root, 'real/self'))

    const { paths } = walk()

    expect(paths).toEqual([only])
  })

  it('resolves links in the root that somebody named', () => {
    const only = plant('real/model')
    symlinkSync(join(root, 'real'), join(root, 'alias'))

    const { paths } = walk({ roots: [join(root, 'alias')] })

    expect(paths).toEqual([only])
  })

  it('takes a single file as a root', () => {
    const only = plant('a/model')
    plant('a/other')

    const { paths } = walk({ roots: [only] })

    expect(paths).toEqual([only])
  })

  it('honours excludes before it descends and counts them', () => {
    plant('skip/deep/model')
    plant('keep/skip-not/model.iso')
    const kept = plant('keep/model')

    const { paths, folders, summary } = walk({ excludes: [join(root, 'skip'), '*.iso', 'skip-*'] })

    expect(paths).toEqual([kept])
    expect(folders).not.toContain(join(root, 'skip'))
    expect(summary.gaps.map((gap) => gap.place).sort()).toEqual([join(root, 'skip'), 'skip-*'].sort())
  })

  it.each([
    ['a folder that somebody chose', { excludes: ['skip'] }, false],
    ['a file that somebody chose', { excludes: ['*.iso'] }, false],
    ['the very root', { excludes: ['gnomon-*'] }, false],
    ['nothing, for the exclude meets nothing', { excludes: ['elsewhere'] }, true],
    ['a folder of the agent itself', { ownPlaces: ['skip'] }, true],
  ])('is complete or not when it leaves out %s', (_what, options, expected) => {
    plant('skip/model')
    plant('keep/model.iso')

    const { summary } = walk(options)

    expect(summary.isComplete).toBe(expected)
  })

  it('yields one inode once, however many names it has', () => {
    const first = plant('a/model')
    linkSync(first, join(root, 'b-link'))

    const { paths, summary } = walk()

    expect(paths).toHaveLength(1)
    expect(summary.alreadySeen).toBe(1)
  })

  it('tells a missing root from an empty one', () => {
    const { summary } = walk({ roots: [join(root, 'nowhere')] })

    expect(summary.isComplete).toBe(false)
    expect(codes(summary)).toEqual(['GNO_NOT_FOUND'])
  })

  it('stops when asked, and says so', () => {
    plant('a/model')
    const stop = AbortSignal.abort()

    const { summary } = walk({ signal: stop })

    expect(summary.isComplete).toBe(false)
    expect(codes(summary)).toEqual(['GNO_SENSE_LIMIT'])
  })

  it('survives a folder that vanishes between two looks', () => {
    plant('a/b/model')
    const steps = walkFiles({
      roots: [root],
      excludes: [],
      isSmallCandidate: () => false,
      signal: new AbortController().signal,
    })

    steps.next()
    rmSync(join(root, 'a'), { recursive: true })
    const end = steps.next()

    expect(end.done === true && codes(end.value)).toEqual(['GNO_SENSE_VANISHED'])
    expect(end.done === true && end.value.isComplete).toBe(true)
  })

  linuxIt('counts FIFOs, sockets and devices without opening them', async () => {
    execFileSync('/usr/bin/mkfifo', [join(root, 'pipe')])
    const server = createServer().listen(join(root, 'socket'))
    await new Promise((resolve) => server.once('listening', resolve))

    const { paths, summary } = walk()
    await new Promise((resolve) => server.close(resolve))

    expect(paths).toEqual([])
    expect(summary.gaps).toMatchObject([{ code: 'GNO_SENSE_NOT_A_FILE', place: root, count: 2 }])
  })

  linuxIt('keeps names that are not UTF-8 and opens them', () => {
    const name = Buffer.concat([Buffer.from(`${root}/m`), Buffer.from([0xff, 0xfe])])
    const folder = Buffer.concat([Buffer.from(`${root}/d`), Buffer.from([0xc3])])
    writeFileSync(name, Buffer.alloc(MINIMUM_BYTES))
    mkdirSync(folder)
    writeFileSync(Buffer.concat([folder, Buffer.from('/x')]), Buffer.alloc(MINIMUM_BYTES))
    const opened: boolean[] = []

    const { paths, summary } = walk({}, (candidate) => {
      const file = candidate.open()
      opened.push(file.ok)
      if (file.ok) file.value.close()
    })

    expect(paths).toEqual([`${root}/d\\xc3/x`, `${root}/m\\xff\\xfe`])
    expect(opened).toEqual([true, true])
    expect(summary.gaps).toEqual([])
  })

  linuxIt('walks a tree of 200 folders inside one another, with paths far longer than the system takes', () => {
    const name = 'd'.repeat(60)
    const deep = Array.from({ length: 200 }, () => name)
    // In steps, since no call of the system takes a path of 12,000 bytes.
    const script = `const fs = require('fs')
      for (let at = 0; at < 200; at += 1) { fs.mkdirSync('${name}'); process.chdir('${name}') }
      fs.writeFileSync('model', Buffer.alloc(2_000_000))`
    execFileSync(process.execPath, ['-e', script], { cwd: root })

    const { paths, summary } = walk({}, (candidate) => {
      const opened = candidate.open()
      if (!opened.ok) throw new Error(opened.failure.detail)
      opened.value.close()
    })

    expect(paths).toHaveLength(1)
    expect(summary).toMatchObject({ foldersSeen: deep.length + 1, isComplete: true, gaps: [] })
    execFileSync('/bin/rm', ['-rf', join(root, name)])
  })

  linuxIt('stops at a depth that holds no real tree, without running out of descriptors', () => {
    mkdirSync(join(root, ...Array.from({ length: 300 }, () => 'd')), { recursive: true })
    const near = plant('d/d/model')

    const { paths, summary } = walk()

    expect(paths).toEqual([near])
    expect(summary.gaps).toMatchObject([{ code: 'GNO_SENSE_LIMIT', count: 1 }])
    expect(summary.isComplete).toBe(false)
  })

  linuxIt('refuses a file system of the kernel even when it is named', () => {
    const { summary } = walk({ roots: ['/proc/self', '/sys/kernel'] })

    expect(summary.filesSeen).toBe(0)
    expect(codes(summary)).toEqual(['GNO_SENSE_EXCLUDED', 'GNO_SENSE_EXCLUDED'])
  })

  linuxIt('does not cross into another file system', () => {
    const { folders, summary } = walk({ roots: ['/dev'], excludes: [] })

    expect(folders).not.toContain('/dev/pts')
    expect(codes(summary)).toContain('GNO_SENSE_OTHER_FILESYSTEM')
  })

  it('reads a folder of 30,000 names', () => {
    const folder = join(root, 'many')
    mkdirSync(folder)
    for (let file = 0; file < 30_000; file += 1) writeFileSync(join(folder, `a-rather-long-name-of-a-file-${file}`), '')
    const large = plant('many/zz')
    let pieces = 0
    const steps = walkFiles({ roots: [root], excludes: [], isSmallCandidate: () => false, signal: NEVER })
    for (let step = steps.next(); step.done !== true; step = steps.next()) pieces += step.value.isPiece === true ? 1 : 0
    // Other work has its turn between the pieces.
    expect(pieces).toBe(3)

    const { paths, summary } = walk()

    expect(paths).toEqual([large])
    expect(summary.filesSeen).toBe(30_001)
  })

  const asPerson = process.getuid?.() === 0 ? it.skip : it
  if (process.getuid?.() === 0) console.warn('skipped: root may read everything, so a refused folder cannot be made')
  asPerson('counts a folder that it may not enter', () => {
    mkdirSync(join(root, 'closed'), { mode: 0 })

    const { summary } = walk()

    expect(summary.gaps).toMatchObject([{ code: 'GNO_SENSE_DENIED', place: join(root, 'closed') }])
  })
})

// Labelled folders, held against this very process: what it has open is known, and every count is made through /proc as in a sweep.
import {
  closeSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type LabelledOptions, tellLabelledFolders } from '../../agent/labelled-folders.ts'
import { isBelow } from '../../agent/sense/linux/labelled-files.ts'
import { parseStat } from '../../agent/sense/linux/proc-text.ts'
import type { ProcessObservation } from '../../contract/observation.ts'
import type { Runtime } from '../../contract/runtime.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux')
  console.warn('skipped in part: open files are counted through /proc, which is Linux only')

let folder = ''
let open: number[] = []
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-labelled-')))
})
afterEach(() => {
  for (const fd of open) closeSync(fd)
  open = []
  rmSync(folder, { recursive: true, force: true })
})

function hold(path: string): void {
  open.push(openSync(path, 'r'))
}

function write(path: string): string {
  writeFileSync(path, 'x')
  return path
}

const story: Runtime = {
  runtimeKey: 'run1:0',
  pid: process.pid,
  startedAt: '2026-11-23T01:00:00.000Z',
  name: 'notes',
  parent: null,
  user: { uid: 0, name: null },
  executable: null,
  commandLine: [],
  weights: [],
  memory: null,
  listeners: [],
  activity: 'inference',
  identification: null,
  gaps: [],
  simulated: false,
}

function self(changes: Partial<ProcessObservation> = {}): ProcessObservation {
  const startTicks =
    process.platform === 'linux' ? (parseStat(readFileSync('/proc/self/stat', 'latin1'))?.startTicks ?? '') : '0'
  return {
    kind: 'process',
    pid: process.pid,
    startTicks,
    startedAt: '2026-11-23T01:00:00.000Z',
    parentPid: 1,
    name: 'node',
    executable: null,
    user: { uid: 0, name: null },
    commandLine: [],
    cgroup: null,
    memory: null,
    mapped: [],
    open: [],
    ...changes,
  }
}

function tell(options: Partial<LabelledOptions>, stories = [story], seen = [self()]): Runtime {
  const [told] = tellLabelledFolders(stories, seen, { platform: 'linux', folders: [], resolved: new Map(), ...options })
  if (told === undefined) throw new Error('no story')
  return told
}

describe('tellLabelledFolders', () => {
  it('says nothing and looks at nothing while no folder is labelled', () => {
    const stories = [story]

    const told = tellLabelledFolders(stories, [self()], { platform: 'linux', folders: [], resolved: new Map() })

    expect(told).toBe(stories)
  })

  onLinux('counts each open file once, and nothing of a folder whose name only begins alike', () => {
    for (const name of ['data', 'data-old', 'data/deep']) mkdirSync(join(folder, name))
    hold(write(join(folder, 'data/a')))
    hold(join(folder, 'data/a'))
    hold(write(join(folder, 'data/deep/b')))
    hold(write(join(folder, 'data-old/c')))
    hold(join(folder, 'data/deep'))

    const told = tell({ folders: [{ path: join(folder, 'data'), label: 'patients' }] })

    expect(told.labelledFolders).toEqual([{ label: 'patients', openFiles: 2 }])
    expect(JSON.stringify(told)).not.toContain(folder)
  })

  onLinux(
    'counts a file that was unlinked since, and one that has a second name elsewhere by the name it was opened by',
    () => {
      mkdirSync(join(folder, 'data'))
      hold(write(join(folder, 'data/gone')))
      unlinkSync(join(folder, 'data/gone'))
      linkSync(write(join(folder, 'outside')), join(folder, 'data/inside'))
      hold(join(folder, 'outside'))

      const told = tell({ folders: [{ path: join(folder, 'data'), label: 'patients' }] })

      expect(told.labelledFolders).toEqual([{ label: 'patients', openFiles: 1 }])
    },
  )

  onLinux('resolves a link to a folder once, whatever it points at later', () => {
    mkdirSync(join(folder, 'first'))
    mkdirSync(join(folder, 'second'))
    symlinkSync(join(folder, 'first'), join(folder, 'link'))
    hold(write(join(folder, 'first/a')))
    const options = { folders: [{ path: join(folder, 'link'), label: 'payroll' }], resolved: new Map<string, string>() }
    const before = tell(options)
    unlinkSync(join(folder, 'link'))
    symlinkSync(join(folder, 'second'), join(folder, 'link'))

    const after = tell(options)

    expect(before.labelledFolders).toEqual([{ label: 'payroll', openFiles: 1 }])
    expect(after.labelledFolders).toEqual(before.labelledFolders)
  })

  onLinux('adds up folders of one label, and tells a folder that is not there as a gap', () => {
    for (const name of ['a', 'b']) mkdirSync(join(folder, name))
    hold(write(join(folder, 'a/1')))
    hold(write(join(folder, 'b/2')))
    const folders = ['a', 'b', 'absent'].map((name) => ({ path: join(folder, name), label: 'patients' }))

    const told = tell({ folders })

    expect(told.labelledFolders).toEqual([{ label: 'patients', openFiles: 2 }])
    expect(told.gaps.map(({ code }) => code)).toEqual(['GNO_SENSE_VANISHED'])
  })

  onLinux(
    'tells an empty list where it looked and found nothing, and no list where another process has the number',
    () => {
      const folders = [{ path: folder, label: 'patients' }]

      const none = tell({ folders })
      const other = tell({ folders }, [story], [self({ startTicks: '1' })])

      expect(none.labelledFolders).toEqual([])
      expect(other).not.toHaveProperty('labelledFolders')
      expect(other.gaps.map(({ code }) => code)).toEqual(['GNO_SENSE_VANISHED'])
    },
  )

  onLinux('leaves every process alone that does not run a model', () => {
    hold(write(join(folder, 'a')))
    const folders = [{ path: folder, label: 'patients' }]

    for (const activity of ['in-use-by', 'present'] as const) {
      expect(tell({ folders }, [{ ...story, activity }])).not.toHaveProperty('labelledFolders')
    }
  })

  it('counts on macOS what lsof listed, and says that smaller files are not in it', () => {
    const link = { dev: '1', fdNumber: 3, isDeleted: false, sizeBytes: 2_000_000 }
    const listed = self({
      open: [
        { ...link, path: `${folder}/a`, inode: '5' },
        { ...link, path: `${folder}/a`, inode: '5' },
        { ...link, path: `${folder}-old/b`, inode: '6' },
      ],
    })

    const told = tell({ platform: 'darwin', folders: [{ path: folder, label: 'patients' }] }, [story], [listed])

    expect(told.labelledFolders).toEqual([{ label: 'patients', openFiles: 1 }])
    expect(told.gaps.map(({ code }) => code)).toEqual(['GNO_SENSE_LIMIT'])
  })

  it('says that nobody could look on Windows, and where lsof was refused', () => {
    const folders = [{ path: folder, label: 'patients' }]

    const windows = tell({ platform: 'win32', folders }, [story], [self({ open: null })])
    const refused = tell({ platform: 'darwin', folders }, [story], [self({ open: null })])

    expect(windows).not.toHaveProperty('labelledFolders')
    expect(windows.gaps.map(({ code }) => code)).toEqual(['GNO_SENSE_UNSUPPORTED'])
    expect(refused).not.toHaveProperty('labelledFolders')
    expect(refused.gaps.map(({ code }) => code)).toEqual(['GNO_SENSE_DENIED'])
  })
})

describe('isBelow', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['/srv/data/x', '/srv/data', true],
    ['/srv/data', '/srv/data', false],
    ['/srv/data (deleted)', '/srv/data', false],
    ['/srv/data/x (deleted)', '/srv/data', true],
    ['/srv/database/x', '/srv/data', false],
    ['/x', '/', true],
    ['/', '/', false],
  ]
  it.each(rows)('%s in %s: %s', (path, within, expected) => {
    expect(isBelow(path, within)).toBe(expected)
  })
})

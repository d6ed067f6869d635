import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { createWeightsMemory, seeWeights } from '../../agent/weights-in-use.ts'
import type { ProcessObservation } from '../../contract/observation.ts'
import { buildGguf, text } from '../build-gguf.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: files in use are looked at through /proc, which is Linux only')

const MODEL = buildGguf({
  kv: [['general.architecture', text('llama')]],
  tensors: [{ name: 'token_embd.weight', dims: [256, 1200] }],
})

let folder = ''
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'gnomon-in-use-')))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** This very process, as a sensor would tell that it holds one file. */
function holding(path: string, fd: number): ProcessObservation {
  const { dev, ino, size } = fstatSync(fd, { bigint: true })
  const stat = readFileSync('/proc/self/stat', 'utf8')
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
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
    open: [{ path, dev: String(dev), inode: String(ino), fdNumber: fd, isDeleted: false, sizeBytes: Number(size) }],
  }
}

describe('seeWeights', () => {
  onLinux('sees a download that was allocated first and filled in place later, in the life of one daemon', async () => {
    const path = join(folder, 'download')
    writeFileSync(path, Buffer.alloc(MODEL.length))
    const fd = openSync(path, 'r+')
    const memory = createWeightsMemory()

    const before = await seeWeights(holding(path, fd), memory, new Map())
    writeFileSync(path, MODEL, { flag: 'r+' })
    const after = await seeWeights(holding(path, fd), memory, new Map())
    closeSync(fd)

    expect(before).toEqual([])
    expect(after.map(({ path: seen, format }) => ({ seen, format }))).toEqual([{ seen: path, format: 'gguf' }])
  })

  onLinux('asks again at the next look where nobody could look at a file', async () => {
    const path = join(folder, 'model')
    writeFileSync(path, MODEL)
    const fd = openSync(path, 'r')
    const memory = createWeightsMemory()

    const before = await seeWeights(holding(path, fd), memory, new Map(), {
      sniffFormat: () => Promise.resolve(undefined),
    })
    const after = await seeWeights(holding(path, fd), memory, new Map())
    closeSync(fd)

    expect(before).toEqual([])
    expect(after.map(({ path: seen }) => seen)).toEqual([path])
  })
})

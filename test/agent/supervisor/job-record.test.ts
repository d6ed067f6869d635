// The job that survives the death of who wrote it, and the ends that wait to be told.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { forgetEnds, keepEnd, readEnds } from '../../../agent/supervisor/end-record.ts'
import { openJobRecord, takeJobs } from '../../../agent/supervisor/job-record.ts'
import type { WorkerEnd } from '../../../agent/supervisor/worker-end.ts'

const MODULE = join(import.meta.dirname, '../../../agent/supervisor/job-record.ts')
const file = { dev: '1', inode: '2', sizeBytes: 3, mtimeNs: '4' }
const now = (): Date => new Date(5)
let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-jobs-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the record of jobs', () => {
  it('tells the job of a process that was killed in the middle of it', () => {
    const program = `
      const { openJobRecord } = await import(${JSON.stringify(MODULE)})
      const record = openJobRecord(${JSON.stringify(folder)}, () => new Date(5))
      record.lane('read').begin('sensor', 'host')
      record.lane('hash').begin('file', '/home/ä/\\n"big".gguf', ${JSON.stringify(file)})
      process.kill(process.pid, 'SIGKILL')
      await new Promise(() => setInterval(() => undefined, 1000))`
    const words = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program]
    const ended = spawnSync(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit'] })

    expect(ended.signal).toBe('SIGKILL')
    expect(takeJobs(folder)).toEqual([
      { kind: 'file', place: '/home/ä/\n"big".gguf', ...file, sinceMs: 5 },
      { kind: 'sensor', place: 'host', dev: '', inode: '', sizeBytes: 0, mtimeNs: '', sinceMs: 5 },
    ])
    expect(takeJobs(folder)).toEqual([])
  })

  it('goes back to the outer job when the inner one ends, and to none after that', async () => {
    const record = openJobRecord(folder, now)
    const lane = record.lane('read')
    lane.begin('sensor', 'processes')
    lane.begin('file', '/a/very/long/name/that/leaves/a/long/line/behind', file)
    lane.end()
    await setImmediate()
    expect(takeJobs(folder)).toMatchObject([{ kind: 'sensor', place: 'processes' }])

    const again = openJobRecord(folder, now)
    again.lane('read').begin('file', '/b', file)
    again.lane('read').end()
    const idle = again.lane('read')
    idle.begin('file', '/c', file)
    idle.end()
    await setImmediate()
    expect(takeJobs(folder)).toEqual([])
    record.close()
    again.close()
  })

  it('keeps a path of any length within its block', () => {
    const record = openJobRecord(folder, now)
    const path = `/start${'\u0001'.repeat(16_000)}/end.gguf`
    record.lane('read').begin('file', path, file)
    const [job] = takeJobs(folder)
    expect(job).toMatchObject(file)
    expect(job?.place.startsWith('/start')).toBe(true)
    expect(job?.place.endsWith('/end.gguf')).toBe(true)
    record.close()
  })

  it('follows no link and works on without a record', () => {
    const target = join(folder, 'elsewhere')
    writeFileSync(target, 'as it was')
    symlinkSync(target, join(folder, 'job'))
    const record = openJobRecord(folder, now)
    record.lane('read').begin('file', '/a', file)
    expect(readFileSync(target, 'utf8')).toBe('as it was')
    expect(takeJobs(folder)).toEqual([])
    record.close()
  })

  it.each(['', '\0\0\0\0', '{"kind":"file"}\n', '{"kind":"other","place":1}\n', 'no line end', '[]\n'])(
    'believes nothing of another shape: %j',
    (text) => {
      writeFileSync(join(folder, 'job'), text)
      expect(takeJobs(folder)).toEqual([])
    },
  )
})

describe('ends that wait to be told', () => {
  const end = (atMs: number): WorkerEnd => ({ atMs, cause: 'crash', detail: 'SIGSEGV', job: null, isBlamed: false })

  it('are kept, the newest sixteen, until they are forgotten', () => {
    for (let at = 1; at <= 20; at += 1) expect(keepEnd(folder, end(at))).toBeNull()
    expect(readEnds(folder).map(({ atMs }) => atMs)).toEqual(Array.from({ length: 16 }, (_unused, at) => at + 5))
    forgetEnds(folder)
    expect(readEnds(folder)).toEqual([])
    expect(readdirSync(folder)).toEqual([])
  })

  it('say why they cannot be kept', () => {
    expect(keepEnd(join(folder, 'absent'), end(1))).toContain('ENOENT')
  })

  it('are none where the file is damaged', () => {
    writeFileSync(join(folder, 'worker-ends.json'), '[{"atMs":1')
    expect(readEnds(folder)).toEqual([])
  })
})

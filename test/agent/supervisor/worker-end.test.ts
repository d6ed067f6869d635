// How a worker ended, and which file is accused of it: never an innocent one for a limit that took minutes.
import { describe, expect, it } from '@jest/globals'
import { createRespawnDelay } from '../../../agent/supervisor/respawn-delay.ts'
import { explainEnd, readWorkerEnd, type SeenEnd } from '../../../agent/supervisor/worker-end.ts'
import type { Job } from '../../../agent/supervisor/job-record.ts'

const AT = 1_000_000
const NO_KILLS = { anywhere: 3, ownGroup: 0 }
const file = (agoMs: number): Job => ({
  kind: 'file',
  place: '/home/a/big.gguf',
  dev: '1',
  inode: '2',
  sizeBytes: 3,
  mtimeNs: '4',
  sinceMs: AT - agoMs,
})
const sensor: Job = { ...file(0), kind: 'sensor', place: 'processes', dev: '', inode: '' }

function seen(part: Partial<SeenEnd>): SeenEnd {
  return {
    atMs: AT,
    code: null,
    signal: null,
    excess: null,
    jobs: [file(100)],
    killsBefore: NO_KILLS,
    killsAfter: NO_KILLS,
    ...part,
  }
}

describe('how a worker ended', () => {
  it.each(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGTRAP'])(
    'is a crash with %s, and the file is to blame',
    (signal) => {
      expect(explainEnd(seen({ signal }))).toMatchObject({ cause: 'crash', detail: signal, isBlamed: true })
    },
  )

  it('is a crash with an exit code of its own', () => {
    expect(explainEnd(seen({ code: 3 }))).toMatchObject({ cause: 'crash', detail: 'exit code 3', isBlamed: true })
  })

  it.each([
    [{ signal: 'SIGKILL' }, 'SIGKILL'],
    [{ signal: 'SIGTERM' }, 'SIGTERM'],
    [{ code: 0 }, 'exit code 0'],
  ])('is somebody else with %p, and no file is accused', (how, said) => {
    const end = explainEnd(seen(how))
    expect(end).toMatchObject({ cause: 'killed', isBlamed: false })
    expect(end.detail).toContain(said)
  })

  it('is want of memory when the kernel counted one more; the file is accused when our own group was full', () => {
    const machine = seen({ signal: 'SIGKILL', killsAfter: { anywhere: 4, ownGroup: 0 } })
    const group = seen({ signal: 'SIGKILL', killsAfter: { anywhere: 4, ownGroup: 1 } })
    expect(explainEnd(machine)).toMatchObject({ cause: 'out-of-memory', isBlamed: false })
    expect(explainEnd(group)).toMatchObject({ cause: 'out-of-memory', isBlamed: true })
  })

  it('accuses the file that was open when memory ran over', () => {
    const excess = { cause: 'memory', detail: '201 of 200', lastedMs: 0 } as const
    expect(explainEnd(seen({ signal: 'SIGKILL', excess }))).toMatchObject({ detail: '201 of 200', isBlamed: true })
  })

  it('accuses a file of using the processor only when it was open for half of that time', () => {
    const excess = { cause: 'processor', detail: '50 %', lastedMs: 12_000 } as const
    const ended = (agoMs: number) => explainEnd(seen({ signal: 'SIGKILL', excess, jobs: [file(agoMs)] }))
    expect(ended(5_900)).toMatchObject({ cause: 'processor', isBlamed: false })
    expect(ended(6_000)).toMatchObject({ cause: 'processor', isBlamed: true })
  })

  it('never sets a sensor aside', () => {
    expect(explainEnd(seen({ signal: 'SIGSEGV', jobs: [sensor] }))).toMatchObject({ isBlamed: false, job: sensor })
    expect(explainEnd(seen({ signal: 'SIGSEGV', jobs: [] }))).toMatchObject({ isBlamed: false, job: null })
  })
})

describe('an end on its way through a file', () => {
  const end = explainEnd(seen({ signal: 'SIGSEGV' }))

  it('comes back as it was', () => {
    expect(readWorkerEnd(JSON.parse(JSON.stringify(end)))).toEqual(end)
  })

  it('is not believed when it has another shape', () => {
    for (const value of [null, 'x', {}, { ...end, cause: 'weather' }, { ...end, atMs: '1' }, { ...end, isBlamed: 1 }])
      expect(readWorkerEnd(value)).toBeNull()
    expect(readWorkerEnd({ ...end, job: { kind: 'file' } })).toMatchObject({ job: null })
  })
})

describe('the wait before the next start', () => {
  it('grows from 5 s to 10 minutes while workers keep ending, and starts anew after a sound life', () => {
    const delay = createRespawnDelay()
    const waits = Array.from({ length: 10 }, () => delay.after('crash', 1_000, 5_000) / 1000)
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600, 600])
    expect(delay.after('memory', 600_000, 5_000)).toBe(5_000)
    expect(delay.after('memory', 1_000, 5_000)).toBe(10_000)
  })

  it('does not grow for somebody who kills the worker again and again', () => {
    const delay = createRespawnDelay()
    for (let round = 0; round < 30; round += 1) expect(delay.after('killed', 10, 5_000)).toBe(5_000)
  })
})

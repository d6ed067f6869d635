// Who starts a supervisor, who is its worker, and what they believe of each other.
import { describe, expect, it } from '@jest/globals'
import { limitsOf } from '../../../agent/supervisor/limits.ts'
import { isStopMessage, readWorkerMessage } from '../../../agent/supervisor/messages.ts'
import { isWorker, needsSupervisor, WORKER_WORD } from '../../../agent/supervisor/role.ts'

const plain = { environment: {}, hasChannel: false }
const worker = { environment: { [WORKER_WORD]: '12' }, hasChannel: true }

describe('gnomon run', () => {
  it.each([[['run']], [['run', '--json', '/home']], [['run', '--', '--once']]])('gets a supervisor as %j', (argv) => {
    expect(needsSupervisor({ ...plain, argv })).toBe(true)
  })

  it.each([[['run', '--once']], [['run', '-h']], [['run', '/a', '--help']], [['scan']], [[]], [['help', 'run']]])(
    'needs none as %j',
    (argv) => {
      expect(needsSupervisor({ ...plain, argv })).toBe(false)
    },
  )

  it('is the worker with the word and a channel, and a supervisor with the word alone', () => {
    expect(isWorker({ ...worker, argv: ['run'] })).toBe(true)
    expect(needsSupervisor({ ...worker, argv: ['run'] })).toBe(false)
    expect(needsSupervisor({ ...worker, hasChannel: false, argv: ['run'] })).toBe(true)
    expect(needsSupervisor({ ...plain, hasChannel: true, argv: ['run'] })).toBe(true)
  })
})

describe('words over the channel', () => {
  const ready = { kind: 'ready', stateFolder: '/s', limits: limitsOf('normal') }

  it('are understood as they are said', () => {
    expect(readWorkerMessage(JSON.parse(JSON.stringify(ready)))).toEqual(ready)
    expect(readWorkerMessage({ kind: 'alive', processorMs: 1, memoryBytes: 2, more: 3 })).toEqual({
      kind: 'alive',
      processorMs: 1,
      memoryBytes: 2,
    })
    expect(isStopMessage({ kind: 'stop' })).toBe(true)
  })

  it.each([
    null,
    'ready',
    {},
    { ...ready, limits: {} },
    { ...ready, stateFolder: 1 },
    { kind: 'alive' },
    { kind: 'stop' },
  ])('of another shape are not believed: %j', (value) => {
    expect(readWorkerMessage(value)).toBeNull()
  })
})

// The first sign of life of a daemon, told before it looks at anything, over real HTTP to a listening collector.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tellStart } from '../../agent/first-heartbeat.ts'
import type { CommandContext } from '../../agent/commands/command.ts'
import { contextOf } from '../../agent/command-context.ts'
import { takeDaemonLock } from '../../agent/report/daemon-lock.ts'
import { deliverOnce } from '../../agent/report/deliver.ts'
import { enroll } from '../../agent/report/enroll.ts'
import { enqueueSweep } from '../../agent/report/outbox.ts'
import { countWaiting } from '../../agent/report/status.ts'
import { AGENT_VERSION } from '../../agent/version.ts'
import { type ListeningCollector, sendJson, startListening } from './report/listening-collector.ts'
import { makeFolder, openTestState, removeFolder, sampleSweep, valueOf } from './report/sample-sweep.ts'

let folder = ''
let collector: ListeningCollector

beforeEach(async () => {
  folder = makeFolder()
  collector = await startListening()
})
afterEach(async () => {
  await collector.close()
  removeFolder(folder)
})

const signal = new AbortController().signal

async function enrol(hostId: string): Promise<void> {
  const state = openTestState(folder)
  collector.misbehave((_request, response) =>
    sendJson(response, 200, { agentId: 'agt_1', agentToken: 'token-of-agt_1', nextSequence: 1 }),
  )
  const who = { collectorUrl: collector.url, token: 'one-time', hostId, hostName: 'lt-0042' }
  valueOf(await enroll(state, { ...who, fetch: globalThis.fetch, signal }))
  collector.misbehave(null)
  state.close()
}

async function start(): Promise<readonly Record<string, unknown>[]> {
  const settings = join(folder, 'settings.json')
  writeFileSync(settings, '{}')
  const context: CommandContext = { ...contextOf(signal, null), hostName: 'lt-0042' }
  const before = collector.received.length
  const { done } = await tellStart(['run', '--json', '--settings', settings, '--state', folder], context)
  await done
  return collector.received.slice(before).map(({ text }) => JSON.parse(text) as Record<string, unknown>)
}

describe('a daemon that starts', () => {
  it('says who it is, and nothing of what it saw', async () => {
    await enrol('host-1')

    const told = await start()

    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({
      sequence: 1,
      host: { hostId: 'host-1', hostName: 'lt-0042', agentVersion: AGENT_VERSION },
      coverage: [],
      gaps: [],
      artifacts: [],
    })
  })

  it('says of the machine what its last sweep saw', async () => {
    await enrol('host-1')
    const state = openTestState(folder)
    const sweep = sampleSweep()
    valueOf(enqueueSweep(state, { ...sweep, host: { ...sweep.host, processor: 'Known Processor 9' } }))
    await deliverOnce(state, { fetch: globalThis.fetch, signal, now: state.now, random: () => 0 })
    state.close()

    const told = await start()

    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ host: { processor: 'Known Processor 9', agentVersion: AGENT_VERSION } })
  })

  it('sends what waits, which says as much, and adds nothing to it', async () => {
    await enrol('host-1')
    const state = openTestState(folder)
    valueOf(enqueueSweep(state, sampleSweep()))
    state.close()

    const told = await start()
    const again = openTestState(folder)

    expect(told.map(({ sequence }) => sequence)).toStrictEqual([1])
    expect(countWaiting(again)).toBe(0)
    again.close()
  })

  it('is silent beside a daemon that works on the same state', async () => {
    await enrol('host-1')
    const other = valueOf(takeDaemonLock(folder, { pid: 1, supervisorPid: null, since: '' }, 0))

    const told = await start()
    other.release()

    expect(told).toHaveLength(0)
  })

  it('is silent without a collector', async () => {
    openTestState(folder).close()

    const told = await start()

    expect(told).toHaveLength(0)
  })
})

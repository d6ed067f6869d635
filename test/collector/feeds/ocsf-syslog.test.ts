// Findings from a report to a real TCP receiver: at least once, in order, also when the receiver dies in the middle.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type Server, type Socket, createServer } from 'node:net'
import { join } from 'node:path'
import type { Channel } from '../../../collector/feeds/feed.ts'
import { openChannel } from '../../../collector/feeds/feeds.ts'
import { openSqliteStore } from '../../../collector/store/sqlite-store.ts'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'
import { sampleEvent } from '../sample-event.ts'
import { emptyReport, sampleFinding, sampleReport } from '../sample-report.ts'
import { type Receiver, startReceiver } from './syslog-receiver.ts'

const eventOf = (message: string): string => /event="([^"]+)"/.exec(message)?.[1] ?? ''
const gone = (findingId: string) => ({ artifactPaths: [], runtimeKeys: [], findingIds: [findingId] })
const never = new AbortController().signal

function channelTo(port: number): Channel {
  const channel = openChannel(`syslog://127.0.0.1:${port}`, { version: '0.1.0' })
  if (!channel.ok) throw new Error(channel.failure.detail)
  return channel.value
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

/** Resolves when the feed has nothing left to tell. */
async function confirmed(statePath: string, feedId: string): Promise<void> {
  const store = openSqliteStore(join(statePath, 'collector.sqlite'))
  if (!store.ok) throw new Error(store.failure.detail)
  while ((await store.value.pendingEvents(feedId, 1)).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
  await store.value.close()
}

describe('the feed of a running collector', () => {
  let folder: ReturnType<typeof temporaryFolder>
  let receiver: Receiver
  let collector: Collector | null = null
  beforeEach(() => {
    folder = temporaryFolder()
  })
  afterEach(async () => {
    await collector?.stop()
    await receiver.close()
    folder.remove()
  })

  it('tells each change once and in order', async () => {
    receiver = await startReceiver()
    collector = await startCollector(folder.path, { feeds: [`syslog://127.0.0.1:${receiver.port}`] })
    const token = await collector.enrol()
    const { findingId } = sampleFinding()

    await collector.report(token, sampleReport())
    await collector.report(token, emptyReport(2, { findings: [sampleFinding({ severity: 'high' })] }))
    await collector.report(token, emptyReport(3, { findings: [sampleFinding({ severity: 'high' })] }))
    await collector.report(token, emptyReport(4, { gone: gone(findingId) }))
    await collector.report(token, emptyReport(5, { findings: [sampleFinding()] }))

    const messages = await receiver.arrived(4)
    expect(messages.map(eventOf)).toEqual([1, 2, 3, 4].map((revision) => `${findingId}@host-1/${revision}`))
    expect(messages.map((message) => /change="(\w+)"/.exec(message)?.[1])).toEqual([
      'opened',
      'changed',
      'resolved',
      'reopened',
    ])
  })

  it('tells a receiver that never closes everything exactly once, over one connection and a restart', async () => {
    receiver = await startReceiver()
    const feed = `syslog://127.0.0.1:${receiver.port}`
    collector = await startCollector(folder.path, { feeds: [feed] })
    const token = await collector.enrol()
    const ids = Array.from({ length: 3 }, (_, index) => `fnd1:${index}`)

    for (const [index, findingId] of ids.slice(0, 2).entries()) {
      await collector.report(token, emptyReport(index + 1, { findings: [sampleFinding({ findingId })] }))
      await confirmed(folder.path, feed)
    }
    expect(receiver.connections()).toBe(1)
    await collector.stop()
    collector = await startCollector(folder.path, { feeds: [feed] })
    await collector.report(token, emptyReport(3, { findings: [sampleFinding({ findingId: 'fnd1:2' })] }))
    await confirmed(folder.path, feed)

    expect(receiver.messages().map(eventOf)).toEqual(ids.map((id) => `${id}@host-1/1`))
    expect(receiver.connections()).toBe(2)
  })

  it('sends again what a receiver that died in the middle may not have read', async () => {
    // Takes some bytes of the first batch, then resets the connection: what it read is lost with it.
    let deaths = 0
    receiver = await startReceiver((socket) => {
      deaths += 1
      if (deaths === 1) socket.resetAndDestroy()
      return deaths === 1
    })
    collector = await startCollector(folder.path, { feeds: [`syslog://127.0.0.1:${receiver.port}`] })
    const token = await collector.enrol()
    const findings = Array.from({ length: 150 }, (_, index) => sampleFinding({ findingId: `fnd1:${index}` }))

    await collector.report(token, sampleReport({ findings }))

    const messages = await receiver.arrived(150)
    expect(deaths).toBeGreaterThan(1)
    expect(new Set(messages.map(eventOf)).size).toBe(150)
    expect(collector.logged.join('\n')).toContain('feed is down')
  })

  it('keeps events while nobody listens, also through a restart, and resumes where it was', async () => {
    receiver = await startReceiver()
    const { port } = receiver
    const feeds = [`syslog://127.0.0.1:${port}`]
    collector = await startCollector(folder.path, { feeds })
    const token = await collector.enrol()
    await collector.report(token, sampleReport())
    await receiver.arrived(1)
    await receiver.close()
    await collector.report(token, emptyReport(2, { findings: [sampleFinding({ findingId: 'fnd1:later' })] }))
    await collector.stop()

    receiver = await startReceiver(undefined, port)
    collector = await startCollector(folder.path, { feeds })

    const messages = await receiver.arrived(1)
    expect(messages.map(eventOf).at(-1)).toBe('fnd1:later@host-1/1')
  })
})

describe('a channel', () => {
  it('uses its connection again, and takes a fresh one when the receiver has closed it', async () => {
    const receiver = await startReceiver()
    const channel = channelTo(receiver.port)
    const send = (findingId: string) => channel.send([sampleEvent({ finding: sampleFinding({ findingId }) })], never)

    const sent = [await send('fnd1:1'), await send('fnd1:2')]
    const connectionsBefore = receiver.connections()
    await receiver.close()
    const again = await startReceiver(undefined, receiver.port)
    // The close may cross the batch on its way; then it is sent once more.
    while (!(await send('fnd1:3')).ok);

    expect(sent.map((one) => one.ok)).toEqual([true, true])
    expect(connectionsBefore).toBe(1)
    expect(receiver.messages().map(eventOf)).toEqual(['fnd1:1@host-1/1', 'fnd1:2@host-1/1'])
    expect(again.messages().map(eventOf)).toEqual(['fnd1:3@host-1/1'])
    channel.close()
    await again.close()
  })

  it('does not believe a receiver that takes a batch into its kernel and resets before it has read it', async () => {
    const server = createServer({ pauseOnConnect: true }, (socket) => void setImmediate(() => socket.resetAndDestroy()))
    const port = await listen(server)
    const channel = channelTo(port)

    const sent = await channel.send([sampleEvent()], never)

    expect(sent).toMatchObject({ ok: false, failure: { code: 'GNO_FEED_DOWN' } })
    await new Promise((resolve) => server.close(resolve))
  })

  it('does not believe a close that may have crossed the batch on a connection used before', async () => {
    let batches = 0
    const receiver = await startReceiver((socket) => {
      batches += 1
      if (batches === 2) socket.end()
      return batches === 2
    })
    const channel = channelTo(receiver.port)

    const first = await channel.send([sampleEvent()], never)
    const crossed = await channel.send([sampleEvent()], never)
    const again = await channel.send([sampleEvent()], never)

    expect([first.ok, crossed.ok, again.ok]).toEqual([true, false, true])
    expect(receiver.messages()).toHaveLength(2)
    channel.close()
    await receiver.close()
  })

  it('believes a receiver that reads one batch and closes cleanly', async () => {
    const receiver = await startReceiver((socket) => {
      socket.end()
      return false
    })
    const channel = channelTo(receiver.port)

    const sent = [await channel.send([sampleEvent()], never), await channel.send([sampleEvent()], never)]

    expect(sent.map((one) => one.ok)).toEqual([true, true])
    expect(receiver.messages()).toHaveLength(2)
    await receiver.close()
  })

  it('ends a batch unconfirmed when it is told to stop while the receiver reads nothing', async () => {
    const server = createServer({ pauseOnConnect: true })
    const port = await listen(server)
    const held = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const channel = channelTo(port)
    const stop = new AbortController()

    const sending = channel.send(
      Array.from({ length: 5_000 }, () => sampleEvent()),
      stop.signal,
    )
    const socket = await held
    stop.abort()

    expect(await sending).toMatchObject({ ok: false, failure: { code: 'GNO_FEED_DOWN' } })
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  it('says where nobody listens', async () => {
    const receiver = await startReceiver()
    await receiver.close()

    const sent = await channelTo(receiver.port).send([sampleEvent()], never)

    expect(sent).toMatchObject({ ok: false, failure: { code: 'GNO_FEED_DOWN' } })
  })

  it.each(['smtp://host', 'syslog:', 'nonsense', 'syslog://'])('refuses the address %s', (address) => {
    expect(openChannel(address, { version: '0.1.0' })).toMatchObject({
      ok: false,
      failure: { code: 'GNO_SETTINGS_INVALID' },
    })
  })
})

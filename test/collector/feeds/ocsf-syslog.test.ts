// Findings from a report to a real TCP receiver: at least once, in order, also when the receiver dies in the middle.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { openChannel } from '../../../collector/feeds/feeds.ts'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'
import { sampleEvent } from '../sample-event.ts'
import { emptyReport, sampleFinding, sampleReport } from '../sample-report.ts'
import { type Receiver, startReceiver } from './syslog-receiver.ts'

const eventOf = (message: string): string => /event="([^"]+)"/.exec(message)?.[1] ?? ''
const gone = (findingId: string) => ({ artifactPaths: [], runtimeKeys: [], findingIds: [findingId] })
const never = new AbortController().signal

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
  it('does not believe a receiver whose kernel takes the bytes but who never reads them', async () => {
    const server = createServer({ pauseOnConnect: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const held = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const channel = openChannel(`syslog://127.0.0.1:${port}`, { version: '0.1.0' })
    if (!channel.ok) throw new Error(channel.failure.detail)
    const stop = new AbortController()

    const sending = channel.value.send([sampleEvent()], stop.signal)
    const socket = await held
    setTimeout(() => stop.abort(), 300)

    expect(await sending).toMatchObject({ ok: false, failure: { code: 'GNO_FEED_DOWN' } })
    socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })

  it('says where nobody listens', async () => {
    const receiver = await startReceiver()
    await receiver.close()
    const channel = openChannel(`syslog://127.0.0.1:${receiver.port}`, { version: '0.1.0' })
    if (!channel.ok) throw new Error(channel.failure.detail)

    const sent = await channel.value.send([sampleEvent()], never)

    expect(sent).toMatchObject({ ok: false, failure: { code: 'GNO_FEED_DOWN' } })
  })

  it.each(['smtp://host', 'syslog:', 'nonsense', 'syslog://'])('refuses the address %s', (address) => {
    expect(openChannel(address, { version: '0.1.0' })).toMatchObject({
      ok: false,
      failure: { code: 'GNO_SETTINGS_INVALID' },
    })
  })
})

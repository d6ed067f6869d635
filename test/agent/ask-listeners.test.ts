// Asking listeners of this very process: the owner is checked in the real /proc.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readlinkSync, readdirSync } from 'node:fs'
import { type RequestListener, type Server, createServer } from 'node:http'
import { serialize } from 'node:v8'
import { afterEach, describe, expect, it } from '@jest/globals'
import { type AnswerMemory, askListeners, askingOf } from '../../agent/ask-listeners.ts'
import type { ListenerObservation, ProcessObservation } from '../../contract/observation.ts'
import type { Probe } from '../../contract/product-facts.ts'

const whereLinux = process.platform === 'linux' ? describe : describe.skip
if (process.platform !== 'linux') console.warn('skipped: sockets are tied to processes by /proc, which is Linux only')

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
})

/** Far more than a busy machine needs; whoever is to be silent closes the connection. */
const WITHIN_MS = 60_000

const PROBE: Probe = {
  id: 'tiny-models',
  method: 'GET',
  path: '/v1/models',
  answer: { status: 200, json: [{ at: ['data', '*', 'owned_by'], equals: 'tiny' }] },
  strength: 'strong',
  tells: { model: ['data', '*', 'id'] },
}

const startTicks = (): string =>
  readFileSync('/proc/self/stat', 'latin1')
    .replace(/^.*\) /, '')
    .split(' ')[19] ?? ''

/** This process as a sensor would show it. */
const self = (): ProcessObservation => ({
  kind: 'process',
  pid: process.pid,
  startTicks: startTicks(),
  startedAt: new Date(0).toISOString(),
  parentPid: 1,
  name: 'node',
  executable: null,
  user: { uid: 0, name: null },
  commandLine: [],
  cgroup: null,
  memory: null,
  mapped: null,
  open: null,
})

async function listen(
  answer: RequestListener,
  options: { readonly reusePort?: boolean } = {},
): Promise<{ readonly listener: ListenerObservation; readonly asked: () => number }> {
  let asked = 0
  const before = socketsNow()
  const server = createServer((question, response) => {
    asked += 1
    answer(question, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', ...options }, resolve))
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const inode = [...socketsNow()].find((socket) => !before.has(socket)) ?? ''
  return {
    listener: {
      kind: 'listener',
      protocol: 'tcp',
      address: '127.0.0.1',
      port,
      scope: 'loopback',
      inode,
      pids: [process.pid],
    },
    asked: () => asked,
  }
}

/** Inodes of the listening sockets of this process. */
function socketsNow(): ReadonlySet<string> {
  const listening = readFileSync('/proc/self/net/tcp', 'latin1')
    .split('\n')
    .filter((line) => line.trim().split(/\s+/)[3] === '0A')
    .map((line) => line.trim().split(/\s+/)[9] ?? '')
  const held = new Set<string>()
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      held.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`))?.[1] ?? '')
    } catch {
      // The descriptor by which the folder was listed is closed again.
    }
  }
  return new Set(listening.filter((inode) => held.has(inode)))
}

const MODELS = '{"data":[{"id":"tiny-1","owned_by":"tiny"}]}'

whereLinux('askListeners', () => {
  const memory: AnswerMemory = new Map()
  let nowMs = 0
  const ask = (listener: ListenerObservation, who = self(), probes: readonly Probe[] = [PROBE]) =>
    askListeners(
      who,
      [listener],
      probes,
      askingOf({ memory, signal: new AbortController().signal, elapsedMs: () => nowMs, withinMs: WITHIN_MS }),
    )

  it('tells which probes were answered, and asks again only after a while', async () => {
    const { listener, asked } = await listen((_question, answer) => answer.end(MODELS))
    const first = await ask(listener)
    const second = await ask(listener)

    expect(first).toEqual({
      api: { opensWithoutKey: null, models: ['tiny-1'], asked: [] },
      answered: ['tiny-models'],
      told: { model: 'tiny-1' },
      gaps: [],
    })
    expect(second).toEqual(first)
    expect(asked()).toBe(1)
    nowMs += 400_000
    await ask(listener)
    expect(asked()).toBe(2)
  })

  it.each([
    ['another process', (listener: ListenerObservation) => ask(listener, { ...self(), pid: process.ppid })],
    [
      'a process of that number that has ended',
      (listener: ListenerObservation) => ask(listener, { ...self(), startTicks: '1' }),
    ],
    ['another socket', (listener: ListenerObservation) => ask({ ...listener, inode: '1' })],
    [
      'a socket at that port of another network',
      (listener: ListenerObservation) => ask({ ...listener, port: listener.port - 1 }),
    ],
  ])('does not ask for %s', async (_name, askFor) => {
    const { listener, asked } = await listen((_question, answer) => answer.end(MODELS))

    expect(await askFor(listener)).toMatchObject({ answered: [], gaps: [{ code: 'GNO_PROBE_FAILED' }] })
    expect(asked()).toBe(0)
  })

  it('does not ask where another process listens at the same port and may answer', async () => {
    const { listener, asked } = await listen((_question, answer) => answer.end(MODELS), { reusePort: true })
    const text = `require('net').createServer().listen({ port: ${listener.port}, host: '127.0.0.1', reusePort: true }, () => console.log('ready'))`
    const other = spawn(process.execPath, ['-e', text], { stdio: ['pipe', 'pipe', 'inherit'] })
    const ended = once(other, 'close')
    try {
      await Promise.race([once(other.stdout, 'data'), ended])
      expect(await ask(listener)).toMatchObject({ answered: [], gaps: [{ code: 'GNO_PROBE_FAILED' }] })
      expect(asked()).toBe(0)
    } finally {
      other.kill('SIGKILL')
      await ended
    }
    nowMs += 400_000
    expect(await ask(listener)).toMatchObject({ answered: ['tiny-models'] })
  })

  it('does not ask what is no TCP on loopback', async () => {
    const { listener, asked } = await listen((_question, answer) => answer.end(MODELS))
    const nothing = { api: undefined, answered: [], told: {} }

    expect(await ask({ ...listener, protocol: 'unix', address: '/run/docker.sock' })).toEqual({ ...nothing, gaps: [] })
    for (const address of ['192.0.2.1', '127.9.9.9']) {
      expect(await ask({ ...listener, scope: 'specific', address })).toMatchObject({
        ...nothing,
        gaps: [{ code: 'GNO_PROBE_SKIPPED', place: `${address}:${listener.port}` }],
      })
    }
    expect(asked()).toBe(0)
  })

  it('takes a refusal for an answer, and says that a key is wanted', async () => {
    const { listener } = await listen((_question, answer) => answer.writeHead(401).end('{"error":"Unauthorized"}'))

    expect(await ask(listener, self(), [{ ...PROBE, keyed: true }])).toEqual({
      api: { opensWithoutKey: false, models: [], asked: [{ port: listener.port, path: '/v1/models', status: 401 }] },
      answered: [],
      told: {},
      gaps: [],
    })
  })

  it('lets the last answers stand while the same process is too busy for new ones', async () => {
    let isBusy = false
    const { listener, asked } = await listen((question, answer) => {
      if (isBusy) question.socket.destroy()
      else answer.end(MODELS)
    })
    const before = await ask(listener)
    isBusy = true
    nowMs += 400_000

    expect(await ask(listener)).toEqual(before)
    expect(asked()).toBe(2)
  })

  it('asks a silent listener more and more seldom', async () => {
    const { listener, asked } = await listen((question) => void question.socket.destroy())

    expect(await ask(listener)).toMatchObject({
      gaps: [{ code: 'GNO_PROBE_FAILED', place: `127.0.0.1:${listener.port}` }],
    })
    for (const [afterMs, times] of [
      [4_000, 1],
      [5_000, 2],
      [10_000, 2],
      [30_000, 3],
      [60_000, 3],
      [120_000, 4],
      [480_000, 5],
      [500_000, 5],
      [1_800_000, 6],
      [1_000_000, 6],
    ] as const) {
      nowMs += afterMs
      await ask(listener)
      expect(asked()).toBe(times)
    }
  })

  it('asks no more listeners in one look than it may', async () => {
    const asking = askingOf({
      memory: new Map(),
      signal: new AbortController().signal,
      elapsedMs: () => nowMs,
      withinMs: WITHIN_MS,
    })
    const { listener, asked } = await listen((_question, answer) => answer.end('{}'))
    const many = Array.from({ length: 40 }, (_, index) =>
      askListeners(self(), [listener], [{ ...PROBE, path: `/${index}` }], asking),
    )
    await Promise.all(many)

    expect(asked()).toBe(16)
  })
  it('lets no process take the turn of all others', async () => {
    const asking = askingOf({
      memory: new Map(),
      signal: new AbortController().signal,
      elapsedMs: () => nowMs,
      withinMs: WITHIN_MS,
    })
    const greedy: Awaited<ReturnType<typeof listen>>[] = []
    for (let count = 0; count < 10; count += 1) greedy.push(await listen((_question, answer) => answer.end(MODELS)))
    const greedyAsked = await askListeners(
      self(),
      greedy.map(({ listener }) => listener),
      [PROBE],
      asking,
    )

    expect(greedy.filter(({ asked }) => asked() > 0)).toHaveLength(4)
    expect(greedyAsked.gaps.map(({ code }) => code)).toEqual(Array.from({ length: 6 }, () => 'GNO_SENSE_LIMIT'))
    const { listener } = await listen((_question, answer) => answer.end(MODELS))
    expect((await askListeners(self(), [listener], [PROBE], asking)).answered).toEqual(['tiny-models'])
  })

  it('spends a bounded time on listeners that each answer at the last moment', async () => {
    let elapsedMs = 0
    const late = () =>
      listen((_question, answer) => {
        elapsedMs += WITHIN_MS
        answer.end(MODELS)
      })
    const probes = Array.from({ length: 12 }, (_, index) => ({ ...PROBE, id: `late-${index}`, path: `/${index}` }))
    const asking = askingOf({
      memory: new Map(),
      signal: new AbortController().signal,
      elapsedMs: () => elapsedMs,
      withinMs: WITHIN_MS,
    })
    const asked: number[] = []
    for (let count = 0; count < 4; count += 1) {
      const { listener, asked: askedNow } = await late()
      await askListeners(self(), [listener], probes, asking)
      asked.push(askedNow())
    }

    expect(asked).toEqual([3, 3, 0, 0])
  })

  it('keeps what answers say and not their text', async () => {
    const before = memory.size
    const { listener } = await listen((_question, answer) =>
      answer.end(`${MODELS.slice(0, -1)},"x":"${'é'.repeat(30_000)}"}`),
    )

    expect((await ask(listener)).answered).toEqual(['tiny-models'])
    expect(memory.size).toBe(before + 1)
    expect(serialize(memory).length).toBeLessThan(20_000)
  })
})

// The collector's commands as an operator meets them: what they print, what they leave behind, and how they refuse.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Command } from '../../../collector/commands/command.ts'
import { doctor } from '../../../collector/commands/doctor.ts'
import { exportCommand } from '../../../collector/commands/export.ts'
import { feed } from '../../../collector/commands/feed.ts'
import { serve } from '../../../collector/commands/serve.ts'
import { token } from '../../../collector/commands/token.ts'
import { interpretArguments } from '../../../contract/command-line.ts'
import { startReceiver } from '../feeds/syslog-receiver.ts'
import { startCollector, temporaryFolder } from '../running-collector.ts'
import { sampleReport } from '../sample-report.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => {
  folder = temporaryFolder()
})
afterEach(() => folder.remove())

interface Outcome {
  readonly printed: readonly string[]
  readonly code: number | string
  readonly detail: string
}

async function run(
  command: Command,
  args: readonly string[],
  signal = new AbortController().signal,
  onPrint: (line: string) => void = () => undefined,
  isTerminal = false,
): Promise<Outcome> {
  const program = { name: 'gnomon-collector', summary: '', commands: [command.spec] }
  const read = interpretArguments(program, [command.spec.name, ...args, '--state', folder.path], parseArgs)
  if (!read.ok || read.value.kind === 'help') return { printed: [], code: 'GNO_USAGE', detail: '' }
  const printed: string[] = []
  const print = (line: string): void => {
    printed.push(line)
    onPrint(line)
  }
  const answer = await command.run({
    invocation: read.value.invocation,
    environment: {},
    now: () => new Date(),
    print,
    isTerminal,
    note: () => undefined,
    signal,
  })
  return answer.ok
    ? { printed, code: answer.value, detail: '' }
    : { printed, code: answer.failure.code, detail: answer.failure.detail }
}

describe('token', () => {
  it('makes a token that enrols, and keeps only its digest', async () => {
    const { printed, code } = await run(token, ['--json', '--uses', '2'])
    const made: unknown = JSON.parse(printed[0] ?? '')
    const text = /gno_enrol_[\w-]{43}/.exec(printed[0] ?? '')?.[0] ?? ''

    const collector = await startCollector(folder.path)
    const answer = await collector.post(
      '/api/v1/enrol',
      null,
      JSON.stringify({ token: text, hostId: 'h', hostName: 'h' }),
    )
    await collector.stop()

    expect(code).toBe(0)
    expect(made).toMatchObject({ uses: 2, token: text })
    expect(answer.status).toBe(200)
    expect(readFileSync(join(folder.path, 'collector.sqlite')).includes(text)).toBe(false)
  })

  it.each([['host-1'], ['lt-0042'], ['any']])('--replace %s enrols that host again', async (host) => {
    const collector = await startCollector(folder.path)
    await collector.enrol('host-1', 'lt-0042')
    const { printed } = await run(token, ['--replace', host])

    const body = JSON.stringify({ token: printed[0], hostId: 'host-1', hostName: 'lt-0042' })
    const answer = await collector.post('/api/v1/enrol', null, body)
    await collector.stop()

    expect(answer.status).toBe(200)
  })

  it('--replace takes a name that one host has, and an id before a name', async () => {
    const collector = await startCollector(folder.path)
    await collector.enrol('host-1', 'twin')
    await collector.enrol('host-2', 'twin')
    await collector.enrol('host-3', 'host-1')
    await collector.stop()

    expect(await run(token, ['--replace', 'twin'])).toMatchObject({ code: 'GNO_USAGE' })
    expect(await run(token, ['--replace', 'nobody'])).toMatchObject({ code: 'GNO_NOT_FOUND' })
    expect(await run(token, ['--replace', 'host-1', '--uses', '2'])).toMatchObject({ code: 'GNO_USAGE' })
    expect(await run(token, ['--replace', 'host-1'])).toMatchObject({ code: 0 })
  })

  it.each([
    ['--uses', '0'],
    ['--uses', '1e3'],
    ['--hours', '-1'],
    ['--hours', '99999'],
  ])('refuses %s %s', async (name, value) => {
    expect(await run(token, [`${name}=${value}`])).toMatchObject({ code: 'GNO_USAGE' })
  })
})

describe('serve', () => {
  it('says as JSON where it listens, keeps the admin token to its file, and stops when told', async () => {
    const stop = new AbortController()

    const outcome = await run(serve, ['--listen', '127.0.0.1:0', '--json'], stop.signal, () => stop.abort())

    const line = outcome.printed[0] ?? ''
    expect(outcome.code).toBe(0)
    expect(JSON.parse(line)).toMatchObject({
      listening: expect.stringMatching(/^http:\/\/127\.0\.0\.1:[1-9][0-9]*$/),
      adminTokenFile: join(folder.path, 'admin-token'),
    })
    expect(line).not.toContain(readFileSync(join(folder.path, 'admin-token'), 'utf8').trim())
  })

  it('names the file of the token where its output is kept by others, and the token nowhere', async () => {
    const stop = new AbortController()

    const { printed } = await run(serve, ['--listen', '127.0.0.1:0'], stop.signal, (line) => {
      if (line.startsWith('page:')) stop.abort()
    })

    const file = join(folder.path, 'admin-token')
    expect(printed[1]).toMatch(/^page: http:\/\/127\.0\.0\.1:[0-9]+\/ \(/)
    expect(printed[1]).toContain(`(admin token in ${file})`)
    expect(printed.join()).not.toContain(readFileSync(file, 'utf8').trim())
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('puts the token behind # in the address for a person at a terminal, where no server log sees it', async () => {
    const stop = new AbortController()

    const { printed } = await run(
      serve,
      ['--listen', '127.0.0.1:0'],
      stop.signal,
      (line) => {
        if (line.startsWith('page:')) stop.abort()
      },
      true,
    )

    expect(printed[1]).toMatch(/^page: http:\/\/127\.0\.0\.1:[0-9]+\/#token=gno_admin_/)
  })

  it('says which address is taken', async () => {
    const first = await startCollector(folder.path)
    const { host } = new URL(first.url)

    const outcome = await run(serve, ['--listen', host])
    await first.stop()

    expect(outcome).toMatchObject({ code: 'GNO_LISTEN_FAILED' })
    expect(outcome.detail).toContain(host)
  })

  it.each([[['--listen', '0.0.0.0:0']], [['--feed', 'smtp://x']]])('does not start with %j', async (args) => {
    expect(await run(serve, args)).toMatchObject({ code: 'GNO_SETTINGS_INVALID' })
  })
})

describe('export', () => {
  it('writes the same bytes for the same instant', async () => {
    const collector = await startCollector(folder.path)
    await collector.report(await collector.enrol(), sampleReport())
    await collector.stop()
    const asOf = new Date().toISOString()
    const out = join(folder.path, 'bom.json')

    const first = await run(exportCommand, ['cyclonedx', '--host', 'host-1', '--as-of', asOf])
    const second = await run(exportCommand, ['cyclonedx', '--host', 'host-1', '--as-of', asOf, '--out', out])

    expect(first.code).toBe(0)
    expect(JSON.parse(first.printed[0] ?? '')).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: { timestamp: asOf },
    })
    expect(second.printed).toEqual([])
    expect(readFileSync(out, 'utf8')).toBe(`${first.printed[0] ?? ''}\n`)
    expect(statSync(out).mode & 0o077).toBe(0)
  })

  it.each([
    [['cyclonedx'], 'GNO_USAGE'],
    [['spdx', '--host', 'x'], 'GNO_USAGE'],
    [['cyclonedx', '--host', 'x', '--as-of', 'yesterday'], 'GNO_USAGE'],
    [['cyclonedx', '--host', 'x', '--as-of', '2999-01-01T00:00:00Z'], 'GNO_USAGE'],
    [['cyclonedx', '--host', 'nobody'], 'GNO_EXPORT_FAILED'],
  ])('refuses %j with %s', async (args, code) => {
    expect(await run(exportCommand, args)).toMatchObject({ code })
  })
})

describe('feed test', () => {
  it('sends one event that says that it is a test', async () => {
    const receiver = await startReceiver()
    writeFileSync(
      join(folder.path, 'settings.json'),
      JSON.stringify({ feeds: { soc: `syslog://127.0.0.1:${receiver.port}` } }),
    )

    const outcome = await run(feed, ['test', 'soc'])
    await receiver.close()

    expect(outcome.code).toBe(0)
    expect(receiver.messages()).toHaveLength(1)
    expect(receiver.messages()[0]).toContain('"labels":["simulated","test"]')
  })

  it('says that a feed is unknown, or down', async () => {
    const receiver = await startReceiver()
    await receiver.close()

    expect(await run(feed, ['test', 'nowhere'])).toMatchObject({ code: 'GNO_SETTINGS_INVALID' })
    expect(await run(feed, ['test', `syslog://127.0.0.1:${receiver.port}`])).toMatchObject({ code: 'GNO_FEED_DOWN' })
    expect(await run(feed, ['stop', 'soc'])).toMatchObject({ code: 'GNO_USAGE' })
  })
})

describe('doctor', () => {
  it('is content with a fresh state', async () => {
    const outcome = await run(doctor, ['--json'])

    expect(outcome.code).toBe(0)
    expect(JSON.parse(outcome.printed[0] ?? '')).toMatchObject({ isFine: true })
  })

  it('names what is wrong and ends with 3', async () => {
    writeFileSync(join(folder.path, 'admin-token'), 'damaged', { mode: 0o600 })
    writeFileSync(join(folder.path, 'settings.json'), '{"feeds":{"soc":"smtp://x"}}')

    const outcome = await run(doctor, [])

    expect(outcome.code).toBe(3)
    expect(outcome.printed.filter((line) => line.startsWith('WRONG')).map((line) => line.split(/\s+/)[1])).toEqual([
      'token',
      'feed',
    ])
  })
})

// The agent's figures over a Unix socket, asked for by real clients: one path, one method, private, and nothing left behind.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { startMetrics, type ToldMetrics } from '../../../agent/self/tell-metrics.ts'
import { makeFolder, removeFolder } from '../report/sample-sweep.ts'

const onUnix = process.platform === 'win32' ? it.skip : it
if (process.platform === 'win32') console.warn('skipped: Windows has no Unix sockets in folders')

let folder = ''
let metrics: ToldMetrics
let text: string | null = null
beforeEach(() => {
  folder = makeFolder()
  text = 'gnomon_processor_percent 1\n# EOF\n'
  metrics = startMetrics(folder, () => text)
})
afterEach(() => {
  metrics.close()
  removeFolder(folder)
})

const socketPath = (): string => join(folder, 'metrics.sock')
const filePath = (): string => join(folder, 'metrics.prom')

interface Answer {
  readonly status: number | undefined
  readonly type: string | undefined
  readonly body: string
}

function ask(path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketPath(), path, method, agent: false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const { statusCode: status, headers } = response
        resolve({ status, type: headers['content-type'], body: Buffer.concat(parts).toString() })
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** A hang guard, not a promise about speed. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 600 && !condition(); turn += 1) await pause(100)
  expect(condition()).toBe(true)
}

describe('metrics on a socket', () => {
  onUnix('are given to GET /metrics alone, as they were measured last', async () => {
    metrics.tell('socket')
    await until(() => existsSync(socketPath()))
    expect(await ask('/metrics')).toEqual({
      status: 200,
      type: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      body: text,
    })
    expect((await ask('/metrics', 'POST')).status).toBe(405)
    expect((await ask('/metrics/../state.db')).status).toBe(404)
    expect((await ask(`/${'x'.repeat(100)}`)).status).toBe(404)

    text = null
    metrics.tell('socket')
    expect((await ask('/metrics')).status).toBe(503)
  })

  onUnix('are for one account, and gone with the daemon or the setting', async () => {
    writeFileSync(socketPath(), 'left behind by a daemon that was killed')
    metrics.tell('file')
    expect(readFileSync(filePath(), 'utf8')).toBe(text)
    metrics.tell('socket')
    await until(() => lstatSync(socketPath(), { throwIfNoEntry: false })?.isSocket() === true)
    await until(() => (lstatSync(socketPath()).mode & 0o777) === 0o600)
    expect((await ask('/metrics')).status).toBe(200)
    expect(existsSync(filePath())).toBe(false)

    metrics.tell('off')
    expect(existsSync(socketPath())).toBe(false)
    metrics.tell('socket')
    await until(() => existsSync(socketPath()))
    expect((await ask('/metrics')).status).toBe(200)
    metrics.close()
    expect(existsSync(socketPath())).toBe(false)
  })

  onUnix('drop clients that say too much, or nothing', async () => {
    metrics.tell('socket')
    await until(() => existsSync(socketPath()))
    let ended = 0
    const clients = Array.from({ length: 30 }, (_, at) => {
      const client = connect(socketPath())
      client.on('close', () => (ended += 1))
      client.on('error', () => undefined)
      if (at % 2 === 0) client.write(`GET /metrics HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}`)
      return client
    })
    await until(() => ended === clients.length)

    expect((await ask('/metrics')).status).toBe(200)
  })

  onUnix('are written to the file where no socket can be had', () => {
    const deep = join(folder, 'd'.repeat(120))
    mkdirSync(deep)
    const elsewhere = startMetrics(deep, () => text)
    elsewhere.tell('socket')

    expect(readFileSync(join(deep, 'metrics.prom'), 'utf8')).toBe(text)
    expect(readdirSync(folder)).toEqual(['d'.repeat(120)])
    elsewhere.close()
  })
})

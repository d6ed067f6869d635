// Names that the collector answers to, and the headers that keep its page to itself.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'

const folders = [temporaryFolder(), temporaryFolder()]
let loopback: Collector
let remote: Collector
beforeAll(async () => {
  const [first, second] = folders.map((folder) => folder.path)
  loopback = await startCollector(first ?? '')
  remote = await startCollector(second ?? '', { allowRemote: true })
})
afterAll(async () => {
  await loopback.stop()
  await remote.stop()
  for (const folder of folders) folder.remove()
})

const askAs = (collector: Collector, host: string, path = '/healthz') =>
  collector.raw(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)
const portOf = (collector: Collector) => new URL(collector.url).port

describe('a collector on loopback', () => {
  it.each(['127.0.0.1', '[::1]', 'localhost', 'LocalHost'])('answers to %s with its port', async (name) => {
    const answer = await askAs(loopback, `${name}:${portOf(loopback)}`)

    expect(answer.status).toBe(200)
  })

  it.each(['/', '/page.js', '/healthz', '/api/v1/summary', '/api/v1/openapi.json', '/nowhere'])(
    'refuses %s under a foreign name, before it looks at anything else',
    async (path) => {
      const answer = await askAs(loopback, `rebound.example:${portOf(loopback)}`, path)

      expect(answer.status).toBe(421)
      expect(answer.text).toContain('GNO_HOST_REFUSED')
    },
  )

  it.each(['127.0.0.1', 'localhost:1', '127.0.0.1.evil.example', '', '0.0.0.0', 'localhost.evil.example'])(
    'refuses the name "%s"',
    async (host) => {
      expect((await askAs(loopback, host)).status).toBe(421)
    },
  )
})

describe('a collector that was allowed to be remote', () => {
  it('answers to any name', async () => {
    expect((await askAs(remote, 'collector.example')).status).toBe(200)
  })
})

describe('the headers of the page', () => {
  const files = ['/', '/page.css', '/page.js', '/view.js', '/favicon.svg', '/nowhere']
  it.each(files)('%s is nobody else’s: no foreign code, no guessing of types, no frame', async (path) => {
    const { headers } = await loopback.get(path, 'none')

    const policy = headers.get('content-security-policy') ?? ''
    expect(policy.split(';')).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]),
    )
    expect(policy).not.toContain('unsafe')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toMatch(/^(DENY|SAMEORIGIN)$/)
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  })
})

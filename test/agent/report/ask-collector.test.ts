// The agent's own HTTP, against a server on loopback that misbehaves in the ways that matter.
import { createServer, type Server, type ServerResponse } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { askCollector } from '../../../agent/report/ask-collector.ts'
import { postJson, readBounded } from '../../../agent/report/exchange.ts'

let server: Server
let place = ''
let answer: (response: ServerResponse) => void = () => undefined
let asked: { readonly method: string; readonly body: string; readonly token: string }[] = []

beforeEach(async () => {
  asked = []
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece: string) => (body += piece))
    request.on('end', () => {
      asked.push({ method: request.method ?? '', body, token: request.headers.authorization ?? '' })
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  place = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const never = (): AbortSignal => new AbortController().signal

function ask(signal = never()) {
  return askCollector(place, { redirect: 'error', signal, headers: { authorization: 'Bearer t' } })
}

function post(timeoutMs = 60_000, url = place) {
  const options = { fetch: askCollector, token: 't', encoding: 'gzip', signal: never(), now: () => new Date() } as const
  return postJson({ ...options, url, body: '{"a":1}', timeoutMs })
}

describe('asking the collector', () => {
  it('posts, and reads status, headers and body', async () => {
    answer = (response) => response.writeHead(429, { 'retry-after': '7' }).end('{"b":2}')

    const got = await post()

    expect(got).toMatchObject({ kind: 'answer', status: 429, json: { b: 2 }, retryAfterMs: 7_000 })
    expect(asked).toStrictEqual([{ method: 'POST', body: '{"a":1}', token: 'Bearer t' }])
  })

  it('follows nobody elsewhere', async () => {
    answer = (response) => response.writeHead(307, { location: `${place}other` }).end()

    const got = await post()

    expect(got).toMatchObject({ kind: 'down', detail: expect.stringContaining('leads elsewhere (status 307)') })
    expect(asked).toHaveLength(1)
  })

  it('stops reading an answer that is too long, and hangs up', async () => {
    let hungUp: () => void = () => undefined
    const closed = new Promise<void>((resolve) => (hungUp = resolve))
    answer = (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more)
      }
      response.on('error', () => undefined).on('close', hungUp)
      more()
    }

    const text = await readBounded(await ask(), 1_000_000)

    expect(text).toBeNull()
    await closed
  })

  it('says that time ran out, before an answer and amid one', async () => {
    answer = () => undefined
    const silent = await post(50)
    answer = (response) => response.write('{')
    const slow = await post(500)

    expect(silent).toMatchObject({ kind: 'down', detail: expect.stringContaining('no answer within 50 ms') })
    expect(slow).toMatchObject({ kind: 'down', detail: expect.stringContaining('no answer within 500 ms') })
  })

  it('takes no torn answer for a whole one', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{"acknowledged":1}', () => response.destroy())
    }

    const got = await post()

    expect(got.kind).toBe('down')
  })

  it('names what the system said where nobody listens', async () => {
    const got = await post(60_000, 'http://127.0.0.1:1/')

    expect(got).toMatchObject({ kind: 'down', detail: expect.stringContaining('ECONNREFUSED') })
  })

  it('ends with the reason of the signal', async () => {
    const stop = new AbortController()
    answer = () => stop.abort()

    await expect(ask(stop.signal)).rejects.toMatchObject({ name: 'AbortError' })
  })
})

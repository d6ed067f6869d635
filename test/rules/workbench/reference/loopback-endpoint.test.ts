// What the endpoint of the reference runtime promises: OpenAI-compatible answers, on loopback alone, within bounds.
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { serveLoopback } from '../../../../rules/workbench/reference/loopback-endpoint.ts'
import type { Generate } from '../../../../rules/workbench/reference/load-model.ts'

let port = 0
let close: () => void = () => undefined
let letGo: () => void = () => undefined
let begun: Promise<void> = Promise.resolve()

/** Generates one word a token; on the prompt `wait` it holds until the test lets go. */
function createGenerator(): Generate {
  let tellBegun: () => void = () => undefined
  begun = new Promise((resolve) => {
    tellBegun = resolve
  })
  return async (prompt, tokens) => {
    if (prompt === 'break') throw new Error('lost')
    if (prompt === 'wait') {
      tellBegun()
      await new Promise<void>((resolve) => {
        letGo = resolve
      })
    }
    return { text: 'la '.repeat(tokens).trim(), promptTokens: 2, tokens, milliseconds: 1 }
  }
}

beforeEach(async () => {
  const served = await serveLoopback({ model: 'quarterly-notes', generate: createGenerator(), port: 0 })
  if (!served.ok) throw new Error(served.failure.detail)
  port = served.value.port
  close = served.value.close
})
afterEach(() => close())

interface Answer {
  readonly status: number
  readonly body: unknown
}

function ask(method: string, path: string, body = '', host = `127.0.0.1:${port}`): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers: { host } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (piece: string) => {
        text += piece
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }))
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

const complete = (wish: unknown) => ask('POST', '/v1/completions', JSON.stringify(wish))

describe('the loopback endpoint', () => {
  it('names its model and its health', async () => {
    expect(await ask('GET', '/health')).toEqual({ status: 200, body: { status: 'ok' } })
    expect(await ask('GET', '/v1/models?limit=1')).toMatchObject({
      status: 200,
      body: { object: 'list', data: [{ id: 'quarterly-notes', object: 'model' }] },
    })
  })

  it('refuses everything below /v1 without the key that it was given, and nothing else', async () => {
    const keyed = await serveLoopback({ model: 'm', generate: createGenerator(), port: 0, apiKey: 'tr-1' })
    if (!keyed.ok) throw new Error(keyed.failure.detail)
    const statusOf = async (path: string, authorization = ''): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${keyed.value.port}${path}`, { headers: { authorization } })
      return answer.status
    }

    expect(await statusOf('/health')).toBe(200)
    expect(await statusOf('/v1/models')).toBe(401)
    expect(await statusOf('/v1/completions', 'Bearer tr-2')).toBe(401)
    expect(await statusOf('/v1/models', 'Bearer tr-1')).toBe(200)
    keyed.value.close()
  })

  it('completes a prompt in the form of the OpenAI interface', async () => {
    const answer = await complete({ prompt: 'sing', max_tokens: 3 })

    expect(answer).toMatchObject({
      status: 200,
      body: {
        object: 'text_completion',
        choices: [{ text: 'la la la', index: 0 }],
        usage: { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 },
      },
    })
  })

  it.each([
    [1_000_000, 256],
    [-5, 1],
    ['many', 16],
  ])('turns %p wanted tokens into %p', async (wanted, given) => {
    expect(await complete({ prompt: 'sing', max_tokens: wanted })).toMatchObject({
      body: { usage: { completion_tokens: given } },
    })
  })

  it.each(['', '{', '[]', 'null', '{"prompt":7}', JSON.stringify({ prompt: 'x'.repeat(70_000) })])(
    'refuses a body that is no prompt (%#)',
    async (body) => {
      expect((await ask('POST', '/v1/completions', body)).status).toBe(400)
    },
  )

  it('answers one question at a time and is free again afterwards', async () => {
    const first = complete({ prompt: 'wait' })
    await begun

    const second = await complete({ prompt: 'sing' })
    letGo()

    expect(second.status).toBe(503)
    expect((await first).status).toBe(200)
    expect((await complete({ prompt: 'sing' })).status).toBe(200)
  })

  it('goes on after an answer that failed', async () => {
    expect((await complete({ prompt: 'break' })).status).toBe(500)
    expect((await complete({ prompt: 'sing' })).status).toBe(200)
  })

  it('refuses a web page that reaches it under a name of its own', async () => {
    expect((await ask('GET', '/v1/models', '', 'evil.example')).status).toBe(403)
    expect((await ask('GET', '/v1/models', '', '127.0.0.1.evil.example')).status).toBe(403)
  })

  it('knows no other path', async () => {
    expect((await ask('GET', '/')).status).toBe(404)
    expect((await ask('DELETE', '/v1/models')).status).toBe(404)
  })

  it('is not reachable on any other address of the machine', async () => {
    const others = Object.values(networkInterfaces()).flatMap((list) =>
      (list ?? []).flatMap((entry) => (entry.internal || entry.family !== 'IPv4' ? [] : entry.address)),
    )

    // 127.0.0.2 is loopback too, but not the address that it listens on.
    for (const host of [...others, ...(process.platform === 'linux' ? ['127.0.0.2', '::1'] : [])]) {
      const outcome = await new Promise<string>((resolve) => {
        const socket = connect({ host, port, timeout: 5000 }, () => resolve('connected'))
        socket.on('error', () => resolve('refused')).on('timeout', () => resolve('refused'))
        socket.on('close', () => socket.destroy())
      })
      expect(outcome).toBe('refused')
    }
  })

  it('says so when its port is taken', async () => {
    const second = await serveLoopback({ model: 'other', generate: createGenerator(), port })

    expect(second).toMatchObject({ ok: false, failure: { code: 'GNO_LISTEN_FAILED' } })
  })
})

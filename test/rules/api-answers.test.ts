// Whether an interface wants a key, by answers of servers and of liars, with the probes of the pack that ships.
import { describe, expect, it } from '@jest/globals'
import { type Told, judgeAnswers } from '../../rules/loopback-answers.ts'
import { joinApis, judgeApi } from '../../rules/api-answers.ts'
import { planProbes } from '../../rules/plan-probes.ts'
import { realPack } from './real-pack.ts'

type Answers = Readonly<Record<string, readonly [status: number, body: string]>>

/** What a listener that gives these answers, and 404 else, is judged to be. */
function judge(answers: Answers, entryId: string | null = null) {
  const probes = planProbes(entryId, realPack)
  const byPath = new Map(
    probes.map(({ path }) => {
      const [status, body] = answers[path] ?? [404, 'not found']
      return [path, { status, headers: new Map<string, string>(), body }]
    }),
  )
  const { answered, told } = judgeAnswers(probes, byPath)
  return { answered, told, api: judgeApi({ port: 8000, probes, answers: byPath, standing: answered }) }
}

const list = (owner: string, ...ids: readonly unknown[]): string => listOf(owner, ids)
const listOf = (owner: string, ids: readonly unknown[]): string =>
  JSON.stringify({ object: 'list', data: ids.map((id) => ({ id, object: 'model', owned_by: owner })) })
const OPEN = [200, list('anybody', 'tiny-1', 'tiny-2')] as const
const REFUSED = [401, '{"error":"Unauthorized"}'] as const
const PROPS = [200, '{"default_generation_settings":{"n_ctx":4096},"model_path":"/m/a.gguf"}'] as const

describe('judgeApi', () => {
  it.each<[string, Answers, boolean | null]>([
    ['an open list of models', { '/v1/models': OPEN }, true],
    ['a refused list beside an open health', { '/v1/models': REFUSED, '/health': [200, '{}'] }, false],
    ['a forbidden list', { '/v1/models': [403, 'no'] }, false],
    ['an open list in the manner of Ollama', { '/api/tags': [200, '{"models":[{"name":"a"}]}'] }, true],
    [
      'llama.cpp with a key, whose lists stay open',
      {
        '/v1/models': [200, list('llamacpp', 'a')],
        '/api/tags': [200, '{"models":[{"name":"a"}]}'],
        '/props': REFUSED,
      },
      false,
    ],
    ['llama.cpp without a key', { '/v1/models': [200, list('llamacpp', 'a')], '/props': PROPS }, true],
    ['llama.cpp that did not tell its settings', { '/v1/models': [200, list('llamacpp', 'a')] }, null],
    ['a copy of llama.cpp under another name', { '/v1/models': OPEN, '/props': REFUSED }, false],
    ['one path refused that no key protects', { '/v1/models': OPEN, '/metrics': REFUSED }, true],
  ])('judges %s', (_name, answers, opensWithoutKey) => {
    expect(judge(answers).api?.opensWithoutKey).toBe(opensWithoutKey)
  })

  it.each<[string, Answers]>([
    ['a page at every place', { '/v1/models': [200, '<html>'], '/api/tags': [200, '<html>'] }],
    ['an error at every place', { '/v1/models': [500, ''], '/health': [200, '{"status":"ok"}'] }],
    ['an empty list', { '/v1/models': [200, list('x')] }],
    ['a list that is none', { '/v1/models': [200, '{"object":"list","data":{"id":"a"}}'] }],
    ['its own prototype', { '/v1/models': [200, '{"object":"list","__proto__":{"data":[{"id":"a"}]}}'] }],
  ])('concludes nothing from %s', (_name, answers) => {
    expect(judge(answers).api).toBeUndefined()
  })

  it('names the requests that tell it, and the status that came back', () => {
    expect(judge({ '/v1/models': REFUSED }, 'vllm').api).toEqual({
      opensWithoutKey: false,
      models: [],
      asked: [{ port: 8000, path: '/v1/models', status: 401 }],
    })
    expect(judge({ '/v1/models': OPEN }, 'vllm').api).toEqual({
      opensWithoutKey: true,
      models: ['tiny-1', 'tiny-2'],
      asked: [{ port: 8000, path: '/v1/models', status: 200 }],
    })
  })

  it('tells model and context size of a server that nothing names', () => {
    const body = '{"object":"list","data":[{"id":"tiny-1","max_model_len":2048}]}'

    expect(judge({ '/v1/models': [200, body] })).toMatchObject({
      answered: ['model-list-openai'],
      told: { model: 'tiny-1', contextTokens: 2048 } satisfies Told,
    })
  })

  it('keeps 16 of a million models, texts only, with what escapes they have', () => {
    const escapes = '\u001b]0;owned\u0007\u202e'
    const body = listOf('x', [7, null, { id: 'a' }, '', escapes, 'z'.repeat(5_000), ...Array(1_000_000).keys()])
    const { api } = judge({ '/v1/models': [200, body] })
    const many = judge({ '/v1/models': [200, listOf('x', [...Array(1_000).keys()].map(String))] }).api

    // Who shows them makes them printable (contract/printable.ts); what is kept is what was said.
    expect(api?.models).toEqual([escapes, 'z'.repeat(512)])
    expect(many?.models).toHaveLength(16)
  })
})

describe('joinApis', () => {
  it('is open where one listener is, and silent where none told', () => {
    const open = judge({ '/v1/models': OPEN }).api
    const keyed = judge({ '/v1/models': REFUSED }).api

    expect(joinApis([undefined, keyed, open])).toMatchObject({ opensWithoutKey: true, models: ['tiny-1', 'tiny-2'] })
    expect(joinApis([keyed, undefined])).toMatchObject({ opensWithoutKey: false })
    expect(joinApis([undefined])).toBeUndefined()
  })

  it('names no more requests than the wire takes', () => {
    const keyed = judge({ '/v1/models': REFUSED, '/props': REFUSED, '/api/ps': REFUSED }).api

    expect(joinApis(Array(20).fill(keyed))?.asked).toHaveLength(16)
  })
})

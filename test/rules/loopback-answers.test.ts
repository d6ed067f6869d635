// Answers of listeners that may be anybody: products, imitators, liars.
import { describe, expect, it } from '@jest/globals'
import type { Probe } from '../../contract/product-facts.ts'
import { judgeAnswers } from '../../rules/loopback-answers.ts'

const probe = (id: string, path: string, rest: Partial<Probe> = {}): Probe => ({
  id,
  method: 'GET',
  path,
  answer: { status: 200 },
  strength: 'strong',
  ...rest,
})
const answering = (body: string, headers: Readonly<Record<string, string>> = {}, status = 200) => ({
  status,
  headers: new Map(Object.entries(headers)),
  body,
})
const judgeOne = (answer: Probe['answer'], text: ReturnType<typeof answering>) =>
  judgeAnswers([probe('p', '/', { answer })], new Map([['/', text]])).answered.length === 1

describe('judgeAnswers', () => {
  it.each<[string, Probe['answer'], ReturnType<typeof answering>, boolean]>([
    ['the body', { status: 200, bodyEquals: 'Ollama is running' }, answering(' Ollama is running\n'), true],
    ['another body', { status: 200, bodyEquals: 'Ollama is running' }, answering('Ollama is running!'), false],
    ['a text in it', { status: 200, bodyContains: ['vllm:'] }, answering('# HELP vllm:x'), true],
    ['one of two texts', { status: 200, bodyContains: ['vllm:', 'sglang:'] }, answering('# HELP vllm:x'), false],
    [
      'a header',
      { status: 200, headers: [{ name: 'server', equals: 'llama.cpp' }] },
      answering('', { server: 'llama.cpp' }),
      true,
    ],
    ['no header', { status: 200, headers: [{ name: 'server' }] }, answering(''), false],
    ['another status', { status: 200 }, answering('', {}, 404), false],
    ['a key', { status: 200, json: [{ at: ['models'] }] }, answering('{"models":[]}'), true],
    ['no key', { status: 200, json: [{ at: ['models'] }] }, answering('{"data":[]}'), false],
    [
      'a member of a list',
      { status: 200, json: [{ at: ['data', '*', 'owned_by'], equals: 'llamacpp' }] },
      answering('{"data":[{"owned_by":"x"},{"owned_by":"llamacpp"}]}'),
      true,
    ],
    [
      'no member',
      { status: 200, json: [{ at: ['data', '*', 'owned_by'], equals: 'llamacpp' }] },
      answering('{"data":{"owned_by":"llamacpp"}}'),
      false,
    ],
    ['a key of no JSON', { status: 200, json: [{ at: ['models'] }] }, answering('{"models":'), false],
    ['an inherited key', { status: 200, json: [{ at: ['constructor'] }] }, answering('{}'), false],
    ['an inherited key of a list', { status: 200, json: [{ at: ['length'] }] }, answering('[]'), true],
    ['a prototype', { status: 200, json: [{ at: ['__proto__', 'toString'] }] }, answering('{}'), false],
    ['a key of null', { status: 200, json: [{ at: ['a', 'b'] }] }, answering('{"a":null}'), false],
  ])('judges %s', (_name, answer, text, expected) => {
    expect(judgeOne(answer, text)).toBe(expected)
  })

  it('lets an imitator that answered rule its model out', () => {
    const probes = [
      probe('koboldcpp-tags', '/api/tags', { answer: { status: 200, bodyContains: ['koboldcpp'] } }),
      probe('ollama-tags', '/api/tags', {
        answer: { status: 200, json: [{ at: ['models'] }] },
        unless: ['koboldcpp-tags'],
      }),
    ]
    const judged = (body: string) => judgeAnswers(probes, new Map([['/api/tags', answering(body)]])).answered

    expect(judged('{"models":[]}')).toEqual(['ollama-tags'])
    expect(judged('{"models":[{"family":"koboldcpp"}]}')).toEqual(['koboldcpp-tags'])
  })

  it('takes what is told from answers as expected only, bounded and of the right kind', () => {
    const tells = { version: ['version'], model: ['m', '*', 'name'], contextTokens: ['n'], loadedBytes: ['size'] }
    const told = (body: string, status = 200) =>
      judgeAnswers([probe('p', '/', { tells })], new Map([['/', answering(body, {}, status)]])).told

    expect(told('{"version":"0.17.1","m":[{},{"name":"llama3"}],"n":4096,"size":5}')).toEqual({
      version: '0.17.1',
      model: 'llama3',
      contextTokens: 4096,
      loadedBytes: 5,
    })
    expect(told('{"version":{"a":1},"m":[{"name":7}],"n":-1,"size":1e400}')).toEqual({})
    expect(told(`{"version":"${'9'.repeat(5_000)}"}`).version).toHaveLength(512)
    expect(told('{"version":"0.17.1"}', 500)).toEqual({})
  })

  it('looks at no more than it must of a list of a million', () => {
    const body = `[${'{"a":1},'.repeat(5_000)}{"a":2}]`

    expect(judgeOne({ status: 200, json: [{ at: ['*', 'a'], equals: 2 }] }, answering(body))).toBe(false)
  })

  it('survives nesting', () => {
    expect(judgeOne({ status: 200, json: [{ at: ['a'] }] }, answering('['.repeat(60_000)))).toBe(false)
  })
})

// What is bound, and what was answered at loopback, together: who reaches an interface without a key.
import { describe, expect, it } from '@jest/globals'
import type { Listener, Runtime } from '../../contract/runtime.ts'
import { apiExposureOf } from '../../rules/api-exposure.ts'
import { findings, runtime } from './judged-subjects.ts'

const bound = (scope: Listener['scope'], port = 8000): Listener => ({
  protocol: 'tcp',
  address: { any: '0.0.0.0', loopback: '127.0.0.1', specific: '192.0.2.7' }[scope],
  port,
  scope,
})
const api = (status: number, port = 8000): Runtime['api'] => ({
  opensWithoutKey: status === 200,
  models: [],
  asked: [{ port, path: '/v1/models', status }],
})

describe('apiExposureOf', () => {
  it.each<[string, Listener[], Runtime['api'], readonly string[]]>([
    ['open on every address', [bound('any')], api(200), ['open']],
    ['keyed on every address', [bound('any')], api(401), ['keyed']],
    ['silent', [bound('any')], undefined, ['unknown']],
    ['another port that answered', [bound('any')], api(401, 9000), ['unknown']],
    ['one address, whatever loopback said', [bound('specific')], api(401), ['unknown']],
    ['loopback alone', [bound('loopback')], api(200), []],
    ['a Unix socket', [{ ...bound('any'), protocol: 'unix' }], api(200), []],
    ['two listeners', [bound('any'), bound('specific', 9000)], api(200), ['open', 'unknown']],
  ])('knows %s', (_name, listeners, told, expected) => {
    expect(apiExposureOf({ listeners, api: told }).beyond).toEqual(expected)
  })

  it('says by which request, asked where', () => {
    const lines = (listener: Listener, told: Runtime['api']) =>
      apiExposureOf({ listeners: [listener], api: told }).evidence.map(({ place, detail }) => `${place} ${detail}`)

    expect(lines(bound('any'), api(401))).toEqual([
      '0.0.0.0:8000 GET /v1/models without a key, asked at loopback, was refused with 401',
    ])
    expect(lines(bound('specific'), undefined)[0]).toContain('only loopback is asked')
  })

  it('names no more lines than a person reads', () => {
    const many = Array.from({ length: 64 }, (_, port) => bound('any', port))

    expect(apiExposureOf({ listeners: many, api: undefined }).evidence).toHaveLength(16)
  })
})

describe('the policies of program interfaces', () => {
  const policies = (some: Partial<Runtime>): readonly string[] =>
    findings({ runtimes: [runtime(some)] })
      .filter(({ policyId }) => policyId.startsWith('inference-api'))
      .map(({ policyId, severity }) => `${policyId} ${severity}`)

  it.each<[string, Partial<Runtime>, readonly string[]]>([
    ['no key', { listeners: [bound('any')], api: api(200) }, ['inference-api-exposed high']],
    ['an unknown key', { listeners: [bound('specific')] }, ['inference-api-exposed high']],
    ['a key', { listeners: [bound('any')], api: api(401) }, ['inference-api-keyed low']],
    ['loopback without a key', { listeners: [bound('loopback')], api: api(200) }, []],
  ])('rate an interface with %s', (_name, some, expected) => {
    expect(policies(some)).toEqual(expected)
  })

  it('show the request in the finding', () => {
    const [finding] = findings({ runtimes: [runtime({ listeners: [bound('any')], api: api(200) })] }).filter(
      ({ policyId }) => policyId === 'inference-api-exposed',
    )

    expect(finding?.evidence).toContainEqual({
      kind: 'program-interface',
      place: '0.0.0.0:8000',
      detail: 'GET /v1/models without a key, asked at loopback, was answered with 200: no key is needed',
    })
  })
})

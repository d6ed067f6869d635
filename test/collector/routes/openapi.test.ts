// The OpenAPI document and the routes hold together: every status that a route is made to answer is documented, and no other.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'
import { emptyReport, sampleFinding, sampleReport } from '../sample-report.ts'

const generous = { agentPerMinute: 1_000, adminPerMinute: 1_000, anonymousPerMinute: 1_000 }
/** One request of each kind, then 429. */
const narrow = { agentPerMinute: 0, adminPerMinute: 0, anonymousPerMinute: 0 }
/** Documented everywhere; a test that could provoke them at will would be a defect of its own. */
const BREAKDOWNS = ['500', '503']

const NO_BODY = '304'

const folders = [temporaryFolder(), temporaryFolder()]
let collector: Collector
let busy: Collector
let agentToken: string
let enrolmentToken: string
let statuses: ReadonlyMap<string, readonly string[]>
beforeAll(async () => {
  const [first, second] = folders.map((folder) => folder.path)
  collector = await startCollector(first ?? '', { limits: generous })
  agentToken = await collector.enrol('host-1')
  await collector.report(agentToken, sampleReport())
  const other = await collector.enrol('host-2')
  const host = { ...sampleReport().host, hostId: 'host-2' }
  await collector.report(other, emptyReport(1, { host, findings: [sampleFinding()] }))
  enrolmentToken = await collector.enrolmentToken(1)
  busy = await startCollector(second ?? '', { limits: narrow })
  statuses = documented((await collector.get('/api/v1/openapi.json', 'none')).body)
})
afterAll(async () => {
  await collector.stop()
  await busy.stop()
  for (const folder of folders) folder.remove()
})

type Ask = () => Promise<{ readonly status: number }>

/** A request under a foreign name, as a page behind a re-pointed name would send it. */
const foreign = (method: string, path: string): Ask => {
  return () => collector.raw(`${method} ${path} HTTP/1.1\r\nhost: rebound.example\r\nconnection: close\r\n\r\n`)
}
const open = (path: string): readonly Ask[] => [() => collector.get(path, 'none'), foreign('GET', path)]
const guarded = (path: string, token: () => string, example = path): readonly Ask[] => [
  () => collector.get(example, token()),
  () => collector.get(example, 'gno_admin_wrong'),
  () => busy.get(example, busy.adminToken),
  foreign('GET', example),
]
const admin = (path: string, ...more: readonly string[]): readonly Ask[] => [
  ...guarded(path, () => collector.adminToken),
  ...more.map((example) => () => collector.get(example)),
]
const long = 'x'.repeat(600)
const enrol = (body: object | string, headers?: Record<string, string>): Ask => {
  return () =>
    collector.post('/api/v1/enrol', null, typeof body === 'string' ? body : JSON.stringify(body), headers ?? {})
}
const report = (body: object | string, headers?: Record<string, string>): Ask => {
  return () =>
    collector.post('/api/v1/reports', agentToken, typeof body === 'string' ? body : JSON.stringify(body), headers ?? {})
}

/** The policy, asked for by somebody who has it. */
async function askAgain(): Promise<{ readonly status: number }> {
  const { headers } = await collector.get('/api/v1/agent/policy', agentToken)
  return await fetch(`${collector.url}/api/v1/agent/policy`, {
    headers: { authorization: `Bearer ${agentToken}`, 'if-none-match': headers.get('etag') ?? '' },
  })
}

const REQUESTS: Readonly<Record<string, readonly Ask[]>> = {
  'get /healthz': open('/healthz'),
  'get /api/v1/healthz': open('/api/v1/healthz'),
  'get /api/v1/openapi.json': open('/api/v1/openapi.json'),
  'get /api/v1/summary': admin('/api/v1/summary'),
  'get /api/v1/hosts': admin('/api/v1/hosts', '/api/v1/hosts?limit=0'),
  'get /api/v1/hosts/{id}': admin(
    '/api/v1/hosts/host-1',
    '/api/v1/hosts/none',
    '/api/v1/hosts/%zz',
    `/api/v1/hosts/${long}`,
  ),
  'get /api/v1/artifacts': admin('/api/v1/artifacts', '/api/v1/artifacts?cursor=x'),
  'get /api/v1/runtimes': admin('/api/v1/runtimes', '/api/v1/runtimes?cursor=x'),
  'get /api/v1/installations': admin('/api/v1/installations', '/api/v1/installations?cursor=x'),
  'get /api/v1/findings': admin('/api/v1/findings', '/api/v1/findings?severity=huge'),
  'get /api/v1/findings/{id}': admin(
    `/api/v1/findings/${sampleFinding().findingId}?host=host-1`,
    `/api/v1/findings/${sampleFinding().findingId}`,
    '/api/v1/findings/none',
    '/api/v1/findings/%zz',
    `/api/v1/findings/${long}`,
  ),
  'get /api/v1/agent/findings': [
    ...guarded('/api/v1/agent/findings', () => agentToken).slice(0, 2),
    () => busy.get('/api/v1/agent/findings', 'gno_agent_wrong'),
    foreign('GET', '/api/v1/agent/findings'),
  ],
  'get /api/v1/agent/policy': [
    ...guarded('/api/v1/agent/policy', () => agentToken).slice(0, 2),
    () => busy.get('/api/v1/agent/policy', 'gno_agent_wrong'),
    foreign('GET', '/api/v1/agent/policy'),
    askAgain,
  ],
  'post /api/v1/enrol': [
    () =>
      collector.post('/api/v1/enrol', null, JSON.stringify({ token: enrolmentToken, hostId: 'host-9', hostName: 'x' })),
    enrol({ token: 'x', hostId: '', hostName: 'x' }),
    enrol({ token: 'x', hostId: 'x', hostName: 'x' }),
    enrol({ token: 'x'.repeat(20_000), hostId: 'x', hostName: 'x' }),
    enrol('text', { 'content-type': 'text/plain' }),
    () => busy.post('/api/v1/enrol', null, '{}'),
    foreign('POST', '/api/v1/enrol'),
  ],
  'post /api/v1/reports': [
    report(emptyReport(2)),
    report({}),
    () => collector.post('/api/v1/reports', 'gno_agent_wrong', '{}'),
    report({ ...emptyReport(3), host: { ...sampleReport().host, hostId: 'host-2' } }),
    report(emptyReport(9)),
    report(' '.repeat(8_400_000)),
    report('text', { 'content-type': 'text/plain' }),
    () => busy.post('/api/v1/reports', 'gno_agent_wrong', '{}'),
    foreign('POST', '/api/v1/reports'),
  ],
}

describe('the OpenAPI document', () => {
  it('names every route of the API', () => {
    expect([...statuses.keys()].sort()).toEqual(Object.keys(REQUESTS).sort())
  })

  it.each(Object.keys(REQUESTS))('%s documents exactly the statuses that it answers', async (route) => {
    const seen = new Set<string>()

    for (const ask of REQUESTS[route] ?? []) seen.add(String((await ask()).status))

    const written = (statuses.get(route) ?? []).filter((status) => !BREAKDOWNS.includes(status))
    expect(written).toEqual([...seen].sort())
    expect(statuses.get(route)).toContain('500')
  })
})

function documented(document: unknown): ReadonlyMap<string, readonly string[]> {
  const paths = entriesOf(isRecord(document) ? document['paths'] : undefined)
  const operations = paths.flatMap(([path, methods]) =>
    entriesOf(methods).map(([method, operation]) => [`${method} ${path}`, operation] as const),
  )
  return new Map(operations.map(([route, operation]) => [route, statusesOf(route, operation)]))
}

/** The statuses of one operation; each must say what its body looks like. */
function statusesOf(route: string, operation: unknown): readonly string[] {
  const answers = entriesOf(isRecord(operation) ? operation['responses'] : undefined)
  const bare = answers.filter(([status, answer]) => status !== NO_BODY && !JSON.stringify(answer).includes('"schema"'))
  if (bare.length > 0) throw new Error(`${route} answers ${bare.map(([status]) => status).join()} without a schema`)
  return answers.map(([status]) => status)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isRecord(value) ? Object.entries(value) : []
}

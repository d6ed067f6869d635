// What people and tools read: filters, pages, one finding with its history, coverage that keeps "nothing" and "could not look" apart.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'
import { emptyReport, sampleArtifact, sampleFinding, sampleReport, sampleRuntime } from '../sample-report.ts'

let collector: Collector
let folder: ReturnType<typeof temporaryFolder>
const get = async (path: string) => (await collector.get(`/api/v1/${path}`)).body
const hostTwo = { ...sampleReport().host, hostId: 'host-2', hostName: 'ws-0007' }
const NOTHING_GONE = { artifactPaths: [], runtimeKeys: [], findingIds: [] }

beforeAll(async () => {
  folder = temporaryFolder()
  collector = await startCollector(folder.path)
  const one = await collector.enrol('host-1', 'lt-0042')
  await collector.report(
    one,
    sampleReport({
      findings: [
        sampleFinding({ findingId: 'fnd1:a', severity: 'low' }),
        sampleFinding({
          findingId: 'fnd1:b',
          severity: 'critical',
          subject: { kind: 'runtime', key: sampleRuntime().runtimeKey },
        }),
        sampleFinding({ findingId: 'fnd1:c', severity: 'high', simulated: true, title: 'A drill' }),
      ],
    }),
  )
  await collector.report(one, emptyReport(2, { findings: [sampleFinding({ findingId: 'fnd1:a', severity: 'high' })] }))
  await collector.report(one, emptyReport(3, { gone: { ...NOTHING_GONE, findingIds: ['fnd1:a', 'never-heard-of'] } }))
  await collector.report(
    one,
    emptyReport(4, { findings: [sampleFinding({ findingId: 'fnd1:a', severity: 'medium' })] }),
  )
  const two = await collector.enrol('host-2', 'ws-0007')
  await collector.report(
    two,
    sampleReport({
      host: hostTwo,
      gaps: [],
      artifacts: [sampleArtifact({ path: '/opt/x.bin' })],
      runtimes: [],
      findings: [],
      coverage: [{ sensor: 'files', state: 'complete', places: ['/opt'], looked: 10, detail: '' }],
    }),
  )
  await collector.report(two, {
    ...emptyReport(2),
    host: hostTwo,
    gone: { ...NOTHING_GONE, artifactPaths: ['/opt/x.bin'] },
  })
  await collector.enrol('host-3', 'silent')
})
afterAll(async () => {
  await collector.stop()
  folder.remove()
})

describe('the reading routes', () => {
  it('sum the fleet up, with fire drills apart', async () => {
    expect(await get('summary')).toMatchObject({
      hosts: { enrolled: 3, reporting: 2, stale: 0, never: 1, withGaps: 1 },
      artifacts: { total: 1, distinct: 1 },
      runtimes: { total: 1, inference: 1 },
      findings: { open: { info: 0, low: 0, medium: 1, high: 0, critical: 1 }, simulatedOpen: 1, resolved: 0 },
    })
  })

  it('tell each step in the life of a finding, newest first', async () => {
    const detail = await get('findings/fnd1:a')

    expect(detail).toMatchObject({
      row: { severity: 'medium', status: 'open', revision: 4 },
      history: [
        { revision: 4, change: 'reopened', severity: 'medium', sequence: 4 },
        { revision: 3, change: 'resolved', sequence: 3 },
        { revision: 2, change: 'changed', previousSeverity: 'low', severity: 'high', sequence: 2 },
        { revision: 1, change: 'opened', severity: 'low', sequence: 1 },
      ],
      artifacts: [{ artifact: { path: sampleArtifact().path } }],
      runtimes: [],
    })
    expect(await get('findings/fnd1:b')).toMatchObject({ runtimes: [{ runtime: { pid: 812 } }] })
  })

  it.each([
    ['', ['fnd1:b', 'fnd1:c', 'fnd1:a']],
    ['?severity=critical', ['fnd1:b']],
    ['?simulated=false', ['fnd1:b', 'fnd1:a']],
    ['?simulated=true', ['fnd1:c']],
    ['?status=resolved', []],
    ['?q=A%20DRILL', ['fnd1:c']],
    ['?q=%25', []],
    ['?host=host-2', []],
    ['?host=host-1&severity=high&simulated=true&status=open&q=notes.dat', ['fnd1:c']],
  ])('filter findings by %s', async (query, ids) => {
    const answer = await get(`findings${query}`)

    expect(idsOf(answer)).toEqual(ids)
  })

  it('turn pages without leaving out or repeating a row', async () => {
    const seen: string[] = []
    let cursor = ''
    for (let page = 0; page < 5; page += 1) {
      const answer: unknown = await get(`findings?limit=1${cursor}`)
      seen.push(...idsOf(answer))
      const next = isRecord(answer) ? answer['next'] : null
      if (typeof next !== 'string') break
      cursor = `&cursor=${next}`
    }

    expect(seen).toEqual(['fnd1:b', 'fnd1:c', 'fnd1:a'])
  })

  it('keep "nothing found" and "could not look" apart', async () => {
    expect(await get('hosts/host-1')).toMatchObject({
      row: { looked: 'partial', gapCount: 3 },
      gaps: [{ code: 'GNO_SENSE_DENIED', place: '/home/bob', count: 3 }],
      coverage: [
        { sensor: 'files', state: 'partial' },
        { sensor: 'linux-processes', state: 'complete' },
      ],
    })
    expect(JSON.stringify(await get('hosts/host-1'))).toContain('3 places could not be looked at')
    expect(await get('hosts/host-2')).toMatchObject({ row: { looked: 'complete' }, gaps: [] })
    expect(await get('hosts/host-3')).toMatchObject({ row: { looked: 'never', lastReportAt: null }, host: null })
  })

  it('list what is there now and not what is gone', async () => {
    expect(await get('artifacts')).toMatchObject({ items: [{ hostId: 'host-1' }], next: null })
    expect(await get('artifacts?host=host-2')).toEqual({ items: [], next: null })
    expect(await get('artifacts?q=LLAMA%203.1')).toMatchObject({ items: [{ hostId: 'host-1' }] })
    expect(await get('runtimes?q=llama.cpp')).toMatchObject({ items: [{ runtime: { name: 'notes' } }] })
  })

  it.each([
    'findings?limit=0',
    'findings?limit=501',
    'findings?limit=1e3',
    'findings?severity=huge',
    'hosts?cursor=x',
    'findings?status=a&status=b',
  ])('refuse %s with a code', async (path) => {
    const answer = await collector.get(`/api/v1/${path}`)

    expect(answer).toMatchObject({ status: 400, body: { code: 'GNO_REQUEST_INVALID' } })
  })

  it.each(['findings/none', 'hosts/none', 'hosts/%2e%2e%2fetc', 'nowhere'])('answer 404 for %s', async (path) => {
    expect(await collector.get(`/api/v1/${path}`)).toMatchObject({ status: 404, body: { code: 'GNO_NOT_FOUND' } })
  })
})

describe('access', () => {
  const guarded = [
    'summary',
    'hosts',
    'hosts/host-1',
    'artifacts',
    'runtimes',
    'findings',
    'findings/fnd1:a',
    'agent/findings',
  ]

  it.each(guarded)('%s is closed to strangers', async (path) => {
    const answer = await collector.get(`/api/v1/${path}`, 'gno_admin_wrong')

    expect(answer).toMatchObject({ status: 401, body: { code: 'GNO_UNAUTHORISED' } })
  })

  it('an agent token opens no reading route, and the admin token no agent route', async () => {
    const token = await collector.enrol('host-4', 'x')

    expect((await collector.get('/api/v1/findings', token)).status).toBe(401)
    expect((await collector.get('/api/v1/agent/findings')).status).toBe(401)
    expect((await collector.post('/api/v1/reports', collector.adminToken, JSON.stringify(sampleReport()))).status).toBe(
      401,
    )
  })

  it('health needs no token', async () => {
    expect(await collector.get('/healthz', 'none')).toMatchObject({ status: 200, body: { status: 'ok' } })
  })

  it('the OpenAPI document names every route and its schemas', async () => {
    const { body } = await collector.get('/api/v1/openapi.json', 'none')

    const paths = isRecord(body) && isRecord(body['paths']) ? Object.keys(body['paths']) : []
    expect(paths).toEqual(
      expect.arrayContaining(['/api/v1/enrol', '/api/v1/reports', '/api/v1/findings/{id}', '/api/v1/hosts/{id}']),
    )
    expect(JSON.stringify(body)).toContain('gnomon-report/1')
  })
})

describe('rate limits', () => {
  it('slow a guesser down without touching an agent or the administrator', async () => {
    const place = temporaryFolder()
    const small = await startCollector(place.path, {
      limits: { agentPerMinute: 3, adminPerMinute: 100, anonymousPerMinute: 5 },
    })
    const token = await small.enrol()

    const guesses = []
    for (let guess = 0; guess < 8; guess += 1)
      guesses.push((await small.get('/api/v1/summary', `gno_admin_${guess}`)).status)
    const own = []
    for (let sequence = 1; sequence <= 4; sequence += 1) own.push(await small.report(token, emptyReport(sequence)))

    expect(guesses).toEqual([401, 401, 401, 401, 429, 429, 429, 429])
    expect(own.map((answer) => answer.status)).toEqual([200, 200, 200, 429])
    expect(own[3]).toMatchObject({ body: { code: 'GNO_RATE_LIMITED' } })
    expect(own[3]?.headers.get('retry-after')).toMatch(/^[0-9]+$/)
    expect((await small.get('/api/v1/summary')).status).toBe(200)
    await small.stop()
    place.remove()
  })
})

describe('the page', () => {
  it('comes with a policy that allows our own files alone', async () => {
    const page = await collector.get('/', 'none')

    expect(page.status).toBe(200)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  })

  it('names only files that are served, and nothing from elsewhere', async () => {
    const todo = ['/']
    const visited = new Set<string>()
    for (let url = todo.pop(); url !== undefined; url = todo.pop()) {
      if (visited.has(url)) continue
      visited.add(url)
      const { status, body } = await collector.get(url, 'none')
      expect([url, status]).toEqual([url, 200])
      const text = String(body)
      expect(text.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(
        /https?:\/\/|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(| style=| onclick=/,
      )
      todo.push(...[...text.matchAll(/(?:from '\.|src="|href=")(\/[\w.-]+)['"]/g)].map((match) => match[1] ?? ''))
    }

    expect([...visited].sort()).toEqual([
      '/',
      '/agent-use.js',
      '/api.js',
      '/details.js',
      '/favicon.svg',
      '/finding.js',
      '/findings.js',
      '/fleet.js',
      '/host.js',
      '/installed.js',
      '/ladder.js',
      '/page.css',
      '/page.js',
      '/view.js',
      '/withheld.js',
    ])
  })
})

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function idsOf(page: unknown): readonly string[] {
  const items = isRecord(page) && Array.isArray(page['items']) ? page['items'] : []
  return items.map((item: unknown) => (isRecord(item) ? String(item['findingId']) : ''))
}

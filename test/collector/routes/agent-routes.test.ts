// What agents may do at the collector, and what becomes of everything they get wrong, over real HTTP.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { connect } from 'node:net'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'
import { emptyReport, sampleArtifact, sampleFinding, sampleReport } from '../sample-report.ts'

const REPORTS = '/api/v1/reports'
let collector: Collector
let folder: ReturnType<typeof temporaryFolder>
beforeEach(async () => {
  folder = temporaryFolder()
  collector = await startCollector(folder.path)
})
afterEach(async () => {
  await collector.stop()
  folder.remove()
})

const findings = async () => (await collector.get('/api/v1/findings')).body
const nothing = { items: [], next: null }

describe('enrolment', () => {
  it('takes a token once', async () => {
    const token = await collector.enrolmentToken(1)
    const body = JSON.stringify({ token, hostId: 'host-1', hostName: 'lt-0042' })

    const first = await collector.post('/api/v1/enrol', null, body)
    const second = await collector.post('/api/v1/enrol', null, body)

    expect(first.status).toBe(200)
    expect(first.body).toMatchObject({ nextSequence: 1 })
    expect(second.status).toBe(403)
    expect(second.body).toMatchObject({ code: 'GNO_ENROLMENT_REFUSED' })
  })

  it('lets exactly as many hosts in as the token allows, also all at once', async () => {
    const token = await collector.enrolmentToken(3)

    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        collector.post('/api/v1/enrol', null, JSON.stringify({ token, hostId: `host-${index}`, hostName: 'x' })),
      ),
    )

    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(3)
  })

  it('refuses an expired token', async () => {
    const token = await collector.enrolmentToken(1, '2020-01-02T00:00:00.000Z')

    const answer = await collector.post('/api/v1/enrol', null, JSON.stringify({ token, hostId: 'h', hostName: 'h' }))

    expect(answer.status).toBe(403)
  })

  const enrolAgain = (token: string, hostId = 'host-1', bearer: string | null = null) =>
    collector.post('/api/v1/enrol', bearer, JSON.stringify({ token, hostId, hostName: 'renamed' }))
  const rowOf = async (hostId: string) => (await collector.get(`/api/v1/hosts/${hostId}`)).body

  it('with a plain token never takes over an enrolled host, and keeps the token for a new one', async () => {
    const victim = await collector.enrol('host-1')
    await collector.report(victim, sampleReport())
    const token = await collector.enrolmentToken()
    const stranger = await collector.enrol('host-2')

    const refused = await enrolAgain(token)
    const withOther = await enrolAgain(token, 'host-1', stranger)

    for (const answer of [refused, withOther])
      expect(answer).toMatchObject({
        status: 403,
        body: { code: 'GNO_ENROLMENT_REFUSED', detail: expect.stringContaining('gnomon-collector token --replace') },
      })
    expect(await rowOf('host-1')).toMatchObject({ row: { hostName: 'lt-0042', replacedAt: null } })
    expect((await collector.report(victim, emptyReport(2))).status).toBe(200)
    expect((await enrolAgain(token, 'host-3')).status).toBe(200)
  })

  it('of a host with its own token gives a new one, takes the old one away, and goes on with its sequence', async () => {
    const old = await collector.enrol('host-1')
    await collector.report(old, sampleReport())

    const again = await enrolAgain(await collector.enrolmentToken(), 'host-1', old)

    expect(again).toMatchObject({ status: 200, body: { nextSequence: 2 } })
    expect(await rowOf('host-1')).toMatchObject({ row: { hostName: 'renamed', replacedBy: 'own-token' } })
    expect((await collector.report(old, emptyReport(2))).status).toBe(401)
  })

  it.each([
    ['this host', 'host-1'],
    ['any host', ''],
  ])('with a token that replaces %s is recorded, and works once', async (_name, replaces) => {
    const old = await collector.enrol('host-1')
    const token = await collector.enrolmentToken(1, '2999-01-01T00:00:00.000Z', replaces)

    const again = await enrolAgain(token)
    const twice = await enrolAgain(token)

    expect(again.status).toBe(200)
    expect(twice.status).toBe(403)
    expect(await rowOf('host-1')).toMatchObject({
      row: { replacedAt: expect.any(String), replacedBy: 'replacement-token' },
    })
    expect((await collector.report(old, sampleReport())).status).toBe(401)
  })

  it('with a token that replaces another host is refused, whether this one is enrolled or new', async () => {
    await collector.enrol('host-1')
    const token = await collector.enrolmentToken(1, '2999-01-01T00:00:00.000Z', 'host-2')

    const answers = [await enrolAgain(token), await enrolAgain(token, 'host-9')]

    expect(answers.map((answer) => answer.status)).toEqual([403, 403])
  })
})

describe('reports', () => {
  it('are acknowledged and seen at once', async () => {
    const token = await collector.enrol()

    const answer = await collector.report(token, sampleReport())

    expect(answer).toMatchObject({ status: 200, body: { acknowledged: 1 } })
    expect(await findings()).toMatchObject({
      items: [{ findingId: sampleFinding().findingId, status: 'open', hostName: 'lt-0042', revision: 1 }],
    })
    expect((await collector.get('/api/v1/agent/findings', token)).body).toMatchObject({
      findings: [{ findingId: sampleFinding().findingId, title: sampleFinding().title, simulated: false }],
    })
  })

  it('sent twice are acknowledged twice and stored once', async () => {
    const token = await collector.enrol()
    await collector.report(token, sampleReport())
    await collector.report(token, emptyReport(2))

    const double = await collector.report(token, sampleReport({ findings: [sampleFinding({ severity: 'critical' })] }))

    expect(double).toMatchObject({ status: 200, body: { acknowledged: 2 } })
    expect(await findings()).toMatchObject({ items: [{ severity: 'medium', revision: 1 }] })
  })

  it('of one sequence that arrive at the same time are stored once', async () => {
    const token = await collector.enrol()

    const answers = await Promise.all(Array.from({ length: 12 }, () => collector.report(token, sampleReport())))

    expect(answers.map((answer) => answer.body)).toEqual(Array.from({ length: 12 }, () => ({ acknowledged: 1 })))
    expect((await collector.get(`/api/v1/findings/${sampleFinding().findingId}`)).body).toMatchObject({
      history: [{ revision: 1, change: 'opened', sequence: 1 }],
    })
  })

  it('that skip a sequence are refused with the number that is expected', async () => {
    const token = await collector.enrol()

    const answer = await collector.report(token, sampleReport({ sequence: 3 }))

    expect(answer).toMatchObject({ status: 409, body: { code: 'GNO_REPORT_OUT_OF_ORDER', expectedSequence: 1 } })
    expect(await findings()).toEqual(nothing)
  })

  it('of an agent for another host are refused', async () => {
    const token = await collector.enrol('host-2')

    const answer = await collector.report(token, sampleReport())

    expect(answer).toMatchObject({ status: 403, body: { code: 'GNO_UNAUTHORISED' } })
    expect(await findings()).toEqual(nothing)
  })

  it('of a rogue agent cannot touch the finding of another host that has the same id', async () => {
    const victim = await collector.enrol('host-1')
    await collector.report(victim, sampleReport())
    const rogue = await collector.enrol('host-2', 'rogue')
    const host = { ...sampleReport().host, hostId: 'host-2', hostName: 'rogue' }

    await collector.report(rogue, emptyReport(1, { host, findings: [sampleFinding({ severity: 'info' })] }))
    await collector.report(
      rogue,
      emptyReport(2, { host, gone: { artifactPaths: [], runtimeKeys: [], findingIds: [sampleFinding().findingId] } }),
    )

    const ofVictim = await collector.get(`/api/v1/findings/${sampleFinding().findingId}?host=host-1`)
    expect(ofVictim.body).toMatchObject({ row: { severity: 'medium', status: 'open' } })
    expect((await collector.get(`/api/v1/findings/${sampleFinding().findingId}`)).status).toBe(409)
  })
})

describe('bad reports store nothing', () => {
  const valid = JSON.stringify(sampleReport())
  // A frame as RFC 8878 has it: magic, no declared length, window of 2^27, and one raw block, the last.
  const rawBlock = Buffer.from([((valid.length << 3) & 0xff) | 1, valid.length >> 5, valid.length >> 13])
  const wide = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (27 - 10) << 3]), rawBlock, Buffer.from(valid)])
  const broken = sampleReport({ findings: [sampleFinding(), { ...sampleFinding(), title: 'x'.repeat(5_000) }] })
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const cases: readonly (readonly [string, string | Buffer, Record<string, string>, number, string])[] = [
    ['one field too long', JSON.stringify(broken), {}, 400, 'GNO_REPORT_MALFORMED'],
    ['half a report', valid.slice(0, valid.length / 2), {}, 400, 'GNO_REPORT_MALFORMED'],
    ['an empty body', '', {}, 400, 'GNO_REPORT_MALFORMED'],
    ['a sequence as text', valid.replace('"sequence":1', '"sequence":"1"'), {}, 400, 'GNO_REPORT_MALFORMED'],
    ['a fractional sequence', valid.replace('"sequence":1', '"sequence":1.5'), {}, 400, 'GNO_REPORT_MALFORMED'],
    ['another schema', valid.replace('gnomon-report/1', 'gnomon-report/9'), {}, 400, 'GNO_REPORT_MALFORMED'],
    ['__proto__', valid.replace('"lostReports"', '"__proto__":{"x":1},"lostReports"'), {}, 400, 'GNO_REPORT_MALFORMED'],
    ['deep nesting', deep, {}, 400, 'GNO_REPORT_MALFORMED'],
    ['no JSON type', valid, { 'content-type': 'text/plain' }, 415, 'GNO_REPORT_MALFORMED'],
    ['an unknown encoding', valid, { 'content-encoding': 'br' }, 415, 'GNO_REPORT_MALFORMED'],
    ['broken gzip', Buffer.from('not gzip'), { 'content-encoding': 'gzip' }, 400, 'GNO_REPORT_MALFORMED'],
    ['cut gzip', gzipSync(valid).subarray(0, 200), { 'content-encoding': 'gzip' }, 400, 'GNO_REPORT_MALFORMED'],
    ['more than 8 MiB', `${valid.slice(0, -1)}${' '.repeat(8_400_000)}}`, {}, 413, 'GNO_REPORT_TOO_LARGE'],
    ['broken zstd', Buffer.from('not zstd'), { 'content-encoding': 'zstd' }, 400, 'GNO_REPORT_MALFORMED'],
    ['cut zstd', zstdCompressSync(valid).subarray(0, 200), { 'content-encoding': 'zstd' }, 400, 'GNO_REPORT_MALFORMED'],
    [
      'a zstd bomb',
      zstdCompressSync(Buffer.alloc(64 << 20, ' ')),
      { 'content-encoding': 'zstd' },
      413,
      'GNO_REPORT_TOO_LARGE',
    ],
    ['zstd with a window of 128 MiB', wide, { 'content-encoding': 'zstd' }, 400, 'GNO_REPORT_MALFORMED'],
    ['a gzip bomb', gzipSync(Buffer.alloc(64 << 20, ' ')), { 'content-encoding': 'gzip' }, 413, 'GNO_REPORT_TOO_LARGE'],
  ]
  it.each(cases)('%s', async (_name, body, headers, status, code) => {
    const token = await collector.enrol()

    const answer = await collector.post(REPORTS, token, body, headers)

    expect(answer).toMatchObject({ status, body: { code } })
    expect(await findings()).toEqual(nothing)
    expect((await collector.report(token, sampleReport())).body).toEqual({ acknowledged: 1 })
  })

  it('a connection that breaks in the middle of a report', async () => {
    const token = await collector.enrol()
    const { port } = new URL(collector.url)

    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        const head = `POST ${REPORTS} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`
        socket.write(`${head}content-length: ${valid.length}\r\n\r\n${valid.slice(0, 900)}`, () => socket.destroy())
      })
      socket.on('close', () => resolve())
      socket.on('error', reject)
    })

    expect(await findings()).toEqual(nothing)
    expect((await collector.report(token, sampleReport())).body).toEqual({ acknowledged: 1 })
  })

  it('detail names the field and echoes no content', async () => {
    const token = await collector.enrol()
    const secret = 'SECRET-CONTENT'

    const answer = await collector.post(REPORTS, token, valid.replace('"severity":"medium"', `"severity":"${secret}"`))

    expect(JSON.stringify(answer.body)).toContain('severity')
    expect(JSON.stringify(answer.body)).not.toContain(secret)
  })
})

describe('half a surrogate pair', () => {
  const lone = 'lone\ud800x'
  const reports = [
    ['a finding id', sampleReport({ findings: [sampleFinding({ findingId: lone })] })],
    ['a title', sampleReport({ findings: [sampleFinding({ title: lone })] })],
    ['a path', sampleReport({ artifacts: [sampleArtifact({ path: lone })] })],
    ['what is gone', emptyReport(1, { gone: { artifactPaths: [], runtimeKeys: [], findingIds: [lone] } })],
  ] as const
  it.each(reports)('in %s is refused, and nothing is stored', async (_name, report) => {
    const token = await collector.enrol()

    const answer = await collector.report(token, report)

    expect(answer).toMatchObject({ status: 400, body: { code: 'GNO_REPORT_MALFORMED' } })
    expect(await findings()).toEqual(nothing)
    expect((await collector.get('/api/v1/artifacts')).body).toEqual(nothing)
  })

  it('in a host id or name enrols nobody', async () => {
    const token = await collector.enrolmentToken()
    const bodies = [
      { token, hostId: lone, hostName: 'x' },
      { token, hostId: 'x', hostName: lone },
    ]

    for (const body of bodies)
      expect((await collector.post('/api/v1/enrol', null, JSON.stringify(body))).status).toBe(400)
    expect((await collector.get('/api/v1/hosts')).body).toEqual(nothing)
  })

  it('does not stop whole pairs', async () => {
    const token = await collector.enrol()

    const answer = await collector.report(token, sampleReport({ findings: [sampleFinding({ title: '\u{1f600}' })] }))

    expect(answer.status).toBe(200)
    expect(await findings()).toMatchObject({ items: [{ title: '\u{1f600}' }] })
  })
})

describe('what is accepted', () => {
  it('zstd is read, and asked for in every answer', async () => {
    const token = await collector.enrol()

    const answer = await collector.post(REPORTS, token, zstdCompressSync(JSON.stringify(sampleReport())), {
      'content-encoding': 'zstd',
    })

    expect(answer.status).toBe(200)
    expect(answer.headers.get('accept-encoding')).toBe('zstd, gzip')
  })

  it('gzip is read', async () => {
    const token = await collector.enrol()

    const answer = await collector.post(REPORTS, token, gzipSync(JSON.stringify(sampleReport())), {
      'content-encoding': 'gzip',
    })

    expect(answer.body).toEqual({ acknowledged: 1 })
  })

  it('unknown fields of a newer agent are dropped, not stored', async () => {
    const token = await collector.enrol()

    const answer = await collector.post(REPORTS, token, JSON.stringify({ ...sampleReport(), laterField: 1 }))

    expect(answer.body).toEqual({ acknowledged: 1 })
  })

  it('hostile texts come back exactly as they were sent', async () => {
    const token = await collector.enrol()
    const path = `/home/<img src=x onerror=alert(1)>/\u202egpj.exe\u0000\u001b[31m/${'ü'.repeat(16_000)}`
    const report = sampleReport({
      artifacts: [sampleArtifact({ path, parts: [] })],
      findings: [
        sampleFinding({ title: '"><script>alert(1)</script>\u2028', subject: { kind: 'artifact', key: path } }),
      ],
    })

    const answer = await collector.report(token, report)

    expect(answer.status).toBe(200)
    const detail = await collector.get(`/api/v1/findings/${sampleFinding().findingId}`)
    expect(detail.body).toMatchObject({ finding: report.findings[0], artifacts: [{ artifact: { path } }] })
    expect(detail.headers.get('content-type')).toContain('application/json')
    expect(detail.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('everything is still there after a restart', async () => {
    const token = await collector.enrol()
    await collector.report(token, sampleReport())
    const before = await findings()
    await collector.stop()

    collector = await startCollector(folder.path)

    expect(await findings()).toEqual(before)
    expect((await collector.report(token, emptyReport(2))).body).toEqual({ acknowledged: 2 })
  })
})

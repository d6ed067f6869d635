// The store's own promises: whole transactions, as-of snapshots that can be made again, group commit that isolates a bad neighbour.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { ReportQueue } from '../../../collector/report-queue.ts'
import { openSqliteStore } from '../../../collector/store/sqlite-store.ts'
import type { Delivery, Store } from '../../../collector/store/store.ts'
import { temporaryFolder } from '../running-collector.ts'
import { emptyReport, sampleArtifact, sampleFinding, sampleInstallation, sampleReport } from '../sample-report.ts'

const AT = '2026-11-23T08:00:00.000Z'
let folder: ReturnType<typeof temporaryFolder>
let file: string
let store: Store

beforeEach(async () => {
  folder = temporaryFolder()
  file = join(folder.path, 'collector.sqlite')
  store = open()
  await enrol('host-1')
})
afterEach(async () => {
  await store.close()
  folder.remove()
})

function open(): Store {
  const opened = openSqliteStore(file)
  if (!opened.ok) throw new Error(opened.failure.detail)
  return opened.value
}

async function enrol(hostId: string): Promise<void> {
  await store.addEnrolmentToken({
    digest: `t-${hostId}`,
    uses: 1,
    createdAt: AT,
    expiresAt: '2999-01-01T00:00:00.000Z',
    replaces: null,
  })
  await store.enrol({
    tokenDigest: `t-${hostId}`,
    hostId,
    hostName: hostId,
    agentId: `agt-${hostId}`,
    agentTokenDigest: `d-${hostId}`,
    currentTokenDigest: null,
    at: AT,
  })
}

const delivery = (report = sampleReport(), receivedAt = AT): Delivery => ({
  agentId: 'agt-host-1',
  report,
  content: null,
  receivedAt,
})

describe('a snapshot as of an instant', () => {
  it('is the same later, whatever was reported in between', async () => {
    const installed = sampleReport({ installations: [sampleInstallation()] })
    await store.ingest([delivery(installed, '2026-11-23T08:00:00.000Z')])
    const before = await store.snapshotHost('host-1', '2026-11-23T08:30:00.000Z')
    const changed = sampleArtifact({ verdict: 'malicious' })
    const next = sampleReport({ sequence: 2, artifacts: [changed], gaps: [], startedAt: '2026-11-23T09:00:00.000Z' })
    await store.ingest([delivery(next, '2026-11-23T09:00:00.000Z')])
    const { installationKey } = sampleInstallation()
    const gone = {
      artifactPaths: [changed.path],
      runtimeKeys: [],
      findingIds: [],
      installationKeys: [installationKey],
    }
    await store.ingest([delivery(emptyReport(3, { gone }), '2026-11-23T10:00:00.000Z')])

    const again = await store.snapshotHost('host-1', '2026-11-23T08:30:00.000Z')
    const then = await store.snapshotHost('host-1', '2026-11-23T09:30:00.000Z')
    const now = await store.snapshotHost('host-1', '2026-11-23T10:00:00.000Z')

    expect(again).toEqual(before)
    expect(before?.gaps).toHaveLength(1)
    expect(then).toMatchObject({
      gaps: [],
      artifacts: [{ verdict: 'malicious' }],
      lastReportAt: '2026-11-23T09:00:00.000Z',
    })
    expect(then?.installations).toEqual([sampleInstallation()])
    expect(now).toMatchObject({ artifacts: [], installations: [] })
    expect(await store.snapshotHost('host-1', '2026-11-23T07:59:59.999Z')).toBeNull()
  })

  it('adds the gaps of one sweep told in several reports, and forgets them at the next sweep', async () => {
    const gap = (place: string) => [{ code: 'GNO_SENSE_DENIED', place, count: 1, detail: '' }]
    await store.ingest([delivery(sampleReport({ gaps: gap('/a') })), delivery(emptyReport(2, { gaps: gap('/b') }))])
    const first = await store.describeHost('host-1')
    await store.ingest([delivery(sampleReport({ sequence: 3, gaps: [], startedAt: '2026-11-23T09:00:00.000Z' }))])

    expect(first?.gaps.map((one) => one.place)).toEqual(['/a', '/b'])
    expect((await store.describeHost('host-1'))?.gaps).toEqual([])
  })
})

describe('a delivery', () => {
  it('is stored whole or not at all', async () => {
    const cyclic = sampleFinding()
    const broken = {
      ...sampleReport(),
      findings: [sampleFinding({ findingId: 'first' }), { ...cyclic, title: Symbol('x') as unknown as string }],
    }

    await expect(store.ingest([delivery(broken)])).rejects.toThrow()

    const nothing = await store.listFindings({
      limit: 10,
      cursor: undefined,
      hostId: undefined,
      text: undefined,
      severity: undefined,
      status: undefined,
      simulated: undefined,
    })
    expect(nothing.items).toEqual([])
    expect(await store.ingest([delivery()])).toEqual([{ kind: 'accepted', acknowledged: 1, broken: null }])
  })

  it('that breaks its transaction does not take its neighbours along', async () => {
    await enrol('host-2')
    const queue = new ReportQueue(store, () => undefined)
    const broken = { ...sampleReport(), findings: [{ ...sampleFinding(), title: Symbol('x') as unknown as string }] }
    const good: Delivery = { ...delivery(), agentId: 'agt-host-2' }

    const [bad, fine] = await Promise.allSettled([queue.submit(delivery(broken)), queue.submit(good)])

    expect(bad.status).toBe('rejected')
    expect(fine).toEqual({ status: 'fulfilled', value: { kind: 'accepted', acknowledged: 1, broken: null } })
  })

  it('that lost more reports than can be counted stops counting instead of breaking', async () => {
    const lostReports = Number.MAX_SAFE_INTEGER
    await store.ingest([delivery(emptyReport(1, { lostReports })), delivery(emptyReport(2, { lostReports }))])

    expect((await store.describeHost('host-1'))?.row.lostReports).toBe(Number.MAX_SAFE_INTEGER)
  })

  it('with the same finding unchanged writes no event', async () => {
    await store.ingest([delivery(), delivery(sampleReport({ sequence: 2 })), delivery(sampleReport({ sequence: 3 }))])

    expect(await store.pendingEvents('soc', 10)).toHaveLength(1)
  })

  it('that calls a thing gone and there keeps it', async () => {
    await store.ingest([delivery()])
    const both = sampleReport({
      sequence: 2,
      gone: { artifactPaths: [sampleArtifact().path], runtimeKeys: [], findingIds: [sampleFinding().findingId] },
    })

    await store.ingest([delivery(both)])

    expect((await store.findFinding(sampleFinding().findingId, undefined))[0]?.row.status).toBe('open')
    expect((await store.snapshotHost('host-1', AT))?.artifacts).toHaveLength(1)
  })
})

describe('the outbox of feeds', () => {
  it('keeps what is installed, changed or gone, and when it was seen first', async () => {
    const told = async () =>
      (await store.listInstallations({ limit: 10, cursor: undefined, hostId: 'host-1', text: 'OLLAMA' })).items
    await store.ingest([delivery(sampleReport({ installations: [sampleInstallation()] }))])
    const [first] = await told()
    const newer = sampleInstallation({ version: '0.17.1', vulnerabilities: [] })
    const at = '2026-11-24T08:00:00.000Z'
    await store.ingest([{ ...delivery(emptyReport(2, { installations: [newer] })), receivedAt: at }])
    const [second] = await told()
    const gone = { artifactPaths: [], runtimeKeys: [], findingIds: [], installationKeys: ['ollama@system'] }
    await store.ingest([delivery(emptyReport(3, { gone }))])

    expect(first).toMatchObject({ hostId: 'host-1', installation: { version: '0.16.2' } })
    expect(second).toMatchObject({
      installation: { version: '0.17.1' },
      changedAt: at,
      firstSeenAt: first?.firstSeenAt,
    })
    expect(await told()).toEqual([])
  })

  it('keeps a position for each feed, which never goes back', async () => {
    await store.ingest([
      delivery(sampleReport({ findings: [sampleFinding({ findingId: 'a' }), sampleFinding({ findingId: 'b' })] })),
    ])
    const [first, second] = await store.pendingEvents('soc', 10)
    await store.confirmEvents('soc', second?.number ?? 0, AT)
    await store.confirmEvents('soc', first?.number ?? 0, AT)

    expect(await store.pendingEvents('soc', 10)).toEqual([])
    expect((await store.pendingEvents('other', 10)).map((event) => event.eventId)).toEqual(['a@host-1/1', 'b@host-1/1'])
  })
})

describe('opening', () => {
  it('refuses a store of a newer program and leaves it as it is', async () => {
    await store.close()
    const raw = new Database(file)
    raw.pragma('user_version = 99')
    raw.close()

    const opened = openSqliteStore(file)

    expect(opened).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
    const again = new Database(file)
    expect(again.pragma('user_version', { simple: true })).toBe(99)
    again.pragma('user_version = 4')
    again.close()
    store = open()
  })

  it('brings a store of the first version forward, with what it holds', async () => {
    await store.close()
    const raw = new Database(file)
    raw.exec('ALTER TABLE enrolment_tokens DROP COLUMN replaces')
    raw.exec('DROP TABLE installations')
    raw.exec('ALTER TABLE hosts DROP COLUMN replaced_at; ALTER TABLE hosts DROP COLUMN replaced_by')
    for (const name of ['head', 'tips', 'breaks', 'break', 'break_at', 'break_sequence'])
      raw.exec(`ALTER TABLE hosts DROP COLUMN chain_${name}`)
    raw.exec('ALTER TABLE reports DROP COLUMN chain_digest')
    raw.pragma('user_version = 1')
    raw.close()

    store = open()

    expect((await store.describeHost('host-1'))?.row).toMatchObject({ hostId: 'host-1', replacedAt: null })
  })

  it('reads half a surrogate pair that an older program let in as U+FFFD', async () => {
    await store.ingest([delivery(sampleReport({ findings: [sampleFinding({ title: 'lone\ud800x' })] }))])

    const [detail] = await store.findFinding(sampleFinding().findingId, undefined)

    expect(detail?.row.title).toBe('lone\ufffdx')
  })

  it('refuses tables that are not those of their version', async () => {
    await store.close()
    const raw = new Database(file)
    raw.exec('ALTER TABLE enrolment_tokens DROP COLUMN replaces')
    raw.close()

    const opened = openSqliteStore(file)

    expect(opened).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
    const again = new Database(file)
    again.exec('ALTER TABLE enrolment_tokens ADD COLUMN replaces TEXT')
    again.close()
    store = open()
  })

  it('says that a file is no store', () => {
    const opened = openSqliteStore(folder.path)

    expect(opened).toMatchObject({ ok: false, failure: { code: 'GNO_STATE_UNUSABLE' } })
  })

  it('writes through to the disk before it answers', () => {
    const raw = new Database(file)

    expect(raw.pragma('journal_mode', { simple: true })).toBe('wal')
    raw.close()
  })
})

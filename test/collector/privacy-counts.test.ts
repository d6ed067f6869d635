// A host that tells numbers only: no list, export, feed or page of the collector may read as if nothing had been found there.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { token } from '../../collector/page/api.js'
import { finding } from '../../collector/page/finding.js'
import { overview } from '../../collector/page/findings.js'
import { hosts, models, runtimes } from '../../collector/page/fleet.js'
import { host } from '../../collector/page/host.js'
import { cyclonedxMlBom } from '../../collector/exports/cyclonedx-mlbom.ts'
import { renderDetection } from '../../collector/feeds/ocsf-detection.ts'
import { openSqliteStore } from '../../collector/store/sqlite-store.ts'
import { openStateFolder } from '../../collector/settings/state-folder.ts'
import type { Store } from '../../collector/store/store.ts'
import { COUNTED_POLICY } from '../../contract/numbers-only.ts'
import type { Count } from '../../contract/privacy.ts'
import type { Report } from '../../contract/report.ts'
import { fetchFrom, installFakePage, made } from './page/fake-page.ts'
import { type Collector, startCollector, temporaryFolder } from './running-collector.ts'
import { emptyReport, sampleFinding, sampleReport } from './sample-report.ts'

const folder = temporaryFolder()
const HOST = 'host-1'
const OPTIONS = { version: '0.1.0', maxEvidence: 32, maxText: 1_024 }
const none = new URLSearchParams()
let collector: Collector
let undo: () => void
let agent: string
let sequence = 0

const count = (kind: Count['kind'], number: number, change: Partial<Count> = {}): Count => ({
  kind,
  severity: null,
  family: null,
  count: number,
  ...change,
})
const numbers = [
  count('artifact', 3, { family: 'Llama 3.1' }),
  count('artifact', 1),
  count('runtime', 2, { family: 'Ollama' }),
  count('finding', 4, { severity: 'low' }),
  count('finding', 1, { severity: 'high' }),
]

async function tellNumbers(counts: readonly Count[]): Promise<void> {
  sequence += 1
  const machine: Report['host'] = {
    ...sampleReport().host,
    operatingSystem: '',
    processor: '',
    graphics: [],
    privacy: { level: 'counts', key: null },
    counts,
  }
  const coverage = [{ sensor: 'files', state: 'complete' as const, places: [], looked: 51, detail: '' }]
  await collector.report(agent, emptyReport(sequence, { host: machine, coverage, startedAt: instant(sequence) }))
}

const instant = (second: number): string => `2026-11-23T08:00:0${second}.000Z`
const textOf = (nodes: readonly (object | null)[]): string =>
  nodes.map((node) => (node === null ? '' : made(node).textContent)).join('\n')

async function ofStore<T>(ask: (store: Store) => Promise<T>): Promise<T> {
  const opened = openStateFolder(folder.path)
  if (!opened.ok) throw new Error(opened.failure.detail)
  const store = openSqliteStore(opened.value.databaseFile)
  if (!store.ok) throw new Error(store.failure.detail)
  const answer = await ask(store.value)
  await store.value.close()
  return answer
}

const events = () => ofStore((store) => store.pendingEvents('soc', 100))

beforeAll(async () => {
  installFakePage()
  collector = await startCollector(folder.path)
  undo = fetchFrom(collector.url)
  token.keep(collector.adminToken)
  agent = await collector.enrol(HOST, 'lt-0042')
  sequence += 1
  await collector.report(agent, sampleReport())
  await tellNumbers(numbers)
})
afterAll(async () => {
  undo()
  await collector.stop()
  folder.remove()
})

describe('a host at the privacy level counts', () => {
  it('shows its numbers on its page, and that details are withheld', async () => {
    const text = textOf(await host(HOST))

    for (const part of ['numbers only', '5 open findings, details withheld', '4 model files, details withheld'])
      expect(text).toContain(part)
    for (const part of ['high1', 'low4', 'Llama 3.13', 'not identified1', 'Ollama2', '0 installed products.'])
      expect(text).toContain(part)
    expect(text).toContain('an empty list means nothing')
    expect(text).not.toMatch(/None\.|None seen|none seen|every covered place was looked at\.|was not there/)
  })

  it('is no all-clear in any list of the fleet', async () => {
    const lists = [await overview(new URLSearchParams('status=open')), await models(none), await runtimes(none)]

    for (const text of lists.map(textOf)) {
      expect(text).toContain('1 host tells numbers only')
      expect(text).toContain('5 findings (0 critical, 1 high, 0 medium, 4 low, 0 info), 4 model files, 2 runtimes')
    }
    expect(textOf(await hosts(none))).toMatch(/numbers only.*5details withheld/s)
  })

  it('has one finding that stands for those it counted, with the worst severity', async () => {
    const { items } = await ofStore((store) =>
      store.listFindings({
        hostId: HOST,
        text: undefined,
        cursor: undefined,
        limit: 10,
        severity: undefined,
        status: 'open',
        simulated: undefined,
      }),
    )

    expect(items.map(({ policyId, severity, title }) => [policyId, severity, title])).toEqual([
      [COUNTED_POLICY, 'high', 'Findings told in numbers only: 1 high, 4 low'],
    ])
  })

  it('is closed with a reason where it told details before', async () => {
    const closing = (await events()).find(({ change, finding: told }) => {
      return change === 'resolved' && told.findingId === sampleFinding().findingId
    })
    if (closing === undefined) throw new Error('no event closes it')

    expect(renderDetection(closing, OPTIONS)['status_detail']).toContain('not because it is known to be gone')
    const text = textOf(await finding(sampleFinding().findingId, none))
    expect(text).toContain('Whether this is still there is not known here.')
    expect(text).not.toContain('resolved ·')
    expect(textOf(await overview(new URLSearchParams('status=resolved')))).toContain('no longer told')
  })

  it('tells the feeds when a number changes, and when there is none any more', async () => {
    const before = (await events()).length
    await tellNumbers(numbers)
    await tellNumbers([...numbers.slice(0, -1), count('finding', 2, { severity: 'high' })])
    await tellNumbers([count('artifact', 1)])

    const told = (await events()).slice(before).map((event) => renderDetection(event, OPTIONS))

    expect(told.map((event) => [event['activity_name'], event['message'], 'status_detail' in event])).toEqual([
      ['Update', 'Findings told in numbers only: 2 high, 4 low', false],
      ['Close', 'Findings told in numbers only: 2 high, 4 low', false],
    ])
    await tellNumbers(numbers)
  })

  it('is an incomplete export that names its numbers', async () => {
    const snapshot = await ofStore((store) => store.snapshotHost(HOST, new Date().toISOString()))
    if (snapshot === null) throw new Error('the host is enrolled')

    const text = cyclonedxMlBom.render(snapshot, { version: '0.1.0' })

    for (const part of ['"incomplete"', 'privacy-level', 'artifact: Llama 3.1: 3', 'finding: high: 1'])
      expect(text).toContain(part)
    expect(text).toContain('Details are withheld by the privacy level counts: the host told 4 artifacts, 2 runtimes')
    expect(text).not.toMatch(/count:artifacts|Complete for the places/)
  })
})

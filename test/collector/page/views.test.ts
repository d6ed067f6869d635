// Every view of the page, made from the answers of a real collector: full, empty and silent are told apart.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { token } from '../../../collector/page/api.js'
import { finding } from '../../../collector/page/finding.js'
import { overview } from '../../../collector/page/findings.js'
import { hosts, models, runtimes } from '../../../collector/page/fleet.js'
import { host } from '../../../collector/page/host.js'
import { type Collector, startCollector, temporaryFolder } from '../running-collector.ts'
import {
  emptyReport,
  sampleArtifact,
  sampleFinding,
  sampleInstallation,
  sampleReport,
  sampleRuntime,
} from '../sample-report.ts'
import { fetchFrom, installFakePage, made } from './fake-page.ts'

const folder = temporaryFolder()
let collector: Collector
let undo: () => void
beforeAll(async () => {
  installFakePage()
  collector = await startCollector(folder.path)
  undo = fetchFrom(collector.url)
  token.keep(collector.adminToken)
  const agent = await collector.enrol('host-1', 'lt-0042')
  await collector.report(agent, sampleReport())
  await collector.report(agent, emptyReport(2, { findings: [sampleFinding({ severity: 'critical' })] }))
  await collector.enrol('host-2', 'silent')
  const replacing = await collector.enrolmentToken(1, '2999-01-01T00:00:00.000Z', 'host-2')
  const again = JSON.stringify({ token: replacing, hostId: 'host-2', hostName: 'silent' })
  await collector.post('/api/v1/enrol', null, again)
})
afterAll(async () => {
  undo()
  await collector.stop()
  folder.remove()
})

async function breakChain(): Promise<void> {
  const agent = await collector.enrol('host-9', 'cloned')
  const [first, second, other] = ['a', 'b', 'c'].map((letter) => letter.repeat(64))
  if (first === undefined || second === undefined || other === undefined) throw new Error('three letters')
  const of3 = { host: { ...sampleReport().host, hostId: 'host-9', hostName: 'cloned' } }
  await collector.report(agent, emptyReport(1, { ...of3, chain: { previous: first, digest: first } }))
  await collector.report(agent, emptyReport(2, { ...of3, chain: { previous: second, digest: second } }))
  await collector.report(agent, emptyReport(3, { ...of3, chain: { previous: second, digest: other } }))
}

const none = new URLSearchParams()
const textOf = (nodes: readonly (object | null)[]): string =>
  nodes.map((node) => (node === null ? '' : made(node).textContent)).join('\n')

describe('a host whose chain of reports broke', () => {
  it('is marked in the fleet, and its own page says what that means', async () => {
    expect(textOf(await hosts(none))).not.toContain('reports broken')
    await breakChain()

    expect(textOf(await hosts(none))).toContain('reports broken')
    const text = textOf(await host('host-9'))
    expect(text).toContain('Report 3 is not what the agent first wrote down')
    expect(text).toContain('It broke 2 times in all.')
    expect(textOf(await host('host-1'))).not.toContain('first wrote down')
  })
})

describe('the page', () => {
  it('sums the fleet up and lists findings', async () => {
    const text = textOf(await overview(new URLSearchParams()))

    expect(text).toContain('1critical and high')
    expect(text).toContain(sampleFinding().title)
    expect(text).toContain('lt-0042')
  })

  it('says what a filter left out', async () => {
    const text = textOf(await overview(new URLSearchParams('severity=info&host=host-1')))

    expect(text).toContain('Nothing matches this filter.')
    expect(text).toContain('host host-1 ×')
  })

  it('tells one finding with reasons, evidence, what it speaks of, and history', async () => {
    const text = textOf(await finding(sampleFinding().findingId, none))

    for (const part of [...sampleFinding().because, sampleFinding().advice, 'medium → critical', 'report 2'])
      expect(text).toContain(part)
    expect(text).toContain('The model file, rung by rung')
  })

  it('says how long an open finding was open, and when a closed one was resolved', async () => {
    const list = textOf(await overview(new URLSearchParams()))
    const open = textOf(await finding(sampleFinding().findingId, none))

    expect(list).toContain('Open as of')
    expect(open).toContain('open as of')
    expect(list + open).not.toMatch(/last seen/i)
  })

  it('puts the file of a finding first and says which files only have its content', async () => {
    const agent = await collector.enrol('host-3', 'twins')
    const machine = { ...sampleReport().host, hostId: 'host-3', hostName: 'twins' }
    const paths = ['/a/copy', '/b/subject', '/c/copy']
    const findingId = 'of-twins'
    const subject = { kind: 'artifact' as const, key: '/b/subject' }
    const told = sampleFinding({ findingId, subject, artifactIds: [sampleArtifact().artifactId] })
    const artifacts = paths.map((path) => sampleArtifact({ path, parts: [] }))
    await collector.report(agent, emptyReport(1, { host: machine, artifacts, findings: [told] }))
    const before = textOf(await finding(findingId, none))
    const gone = { artifactPaths: ['/b/subject'], runtimeKeys: [], findingIds: [] }
    await collector.report(agent, emptyReport(2, { host: machine, gone }))
    const after = textOf(await finding(findingId, none))

    expect(before).toMatch(/rung by rung\/b\/subject.*same content, also at \/a\/copy.*also at \/c\/copy/s)
    expect(after).toMatch(/rung by rungsame content, now at \/a\/copy.*now at \/c\/copy/s)
  })

  it('tells one host with coverage and gaps, and a silent one as silent', async () => {
    const seen = textOf(await host('host-1'))
    const silent = textOf(await host('host-2'))

    for (const part of ['looked with gaps', 'GNO_SENSE_DENIED', sampleRuntime().name, 'linux-processes'])
      expect(seen).toContain(part)
    for (const part of ['never reported', 'No report yet.', 'Nothing was looked at yet.', 'by a replacement token'])
      expect(silent).toContain(part)
  })

  it('tells what the agent itself costs and is in trouble with, apart from what it could not look at', async () => {
    const agent = await collector.enrol('host-7', 'measured')
    const use = {
      seconds: 3_540,
      measures: [
        { name: 'processorPercent', now: 0.5, mean: 1.25, peak: 4 },
        { name: 'memoryBytes', now: 61_000_000, mean: 60_000_000, peak: 80_000_000 },
        { name: 'filesPerSecond', now: 0, mean: 12.4, peak: 912 },
        { name: 'ofANewerAgent', now: 1, mean: 2, peak: 3 },
      ],
    }
    const machine = { ...sampleReport().host, hostId: 'host-7', hostName: 'measured', agent: use }
    const own = {
      code: 'GNO_AGENT_DISK_LOW',
      place: '/var/lib/gnomon',
      count: 1,
      detail: 'little room',
      sensor: 'agent',
    }
    await collector.report(agent, emptyReport(1, { host: machine, gaps: [own] }))

    const text = textOf(await host('host-7'))

    for (const part of ['Of the last 59 min', '0.5 % (mean 1.3 %, peak 4.0 %)', '61.0 MB (mean 60.0 MB, peak 80.0 MB)'])
      expect(text).toContain(part)
    for (const part of [
      '0.0 /s (mean 12 /s, peak 912 /s)',
      'ofANewerAgent1 (mean 2, peak 3)',
      'GNO_AGENT_DISK_LOW',
      'No gaps.',
    ])
      expect(text).toContain(part)
    expect(textOf(await host('host-1'))).toContain('Not measured')
  })

  it('tells what is installed, with its weaknesses, guards and servers', async () => {
    const agent = await collector.enrol('host-4', 'installed')
    const machine = { ...sampleReport().host, hostId: 'host-4', hostName: 'installed' }
    const place = '/home/ada/.claude/settings.json'
    const agentic = sampleInstallation({
      installationKey: 'claude-code@/home/ada',
      product: 'Claude <b>Code</b>',
      scope: '/home/ada',
      version: null,
      vulnerabilities: [],
      riskySettings: [
        {
          place,
          setting: 'permissions.defaultMode',
          value: 'bypassPermissions',
          turnsOff: ['approval'],
          says: 'unasked',
        },
      ],
      mcpServers: [{ name: 'files', how: 'program', reach: 'local', program: 'npx', place }],
      pointsAtLocalModel: true,
    })
    await collector.report(agent, emptyReport(1, { host: machine, installations: [sampleInstallation(), agentic] }))

    const text = textOf(await host('host-4'))

    for (const part of ['Ollama 0.16.2', 'CVE-2026-7482: 0.16.2 is older than 0.17.1', 'Claude <b>Code</b>'])
      expect(text).toContain(part)
    for (const part of ['permissions.defaultMode = bypassPermissions', 'starts npx', 'lead to a model of this machine'])
      expect(text).toContain(part)
  })

  it('lists hosts, models and runtimes', async () => {
    expect(textOf(await hosts(none))).toContain('never reported')
    expect(textOf(await models(none))).toContain(sampleArtifact().identifications[0]?.model ?? 'not identified')
    expect(textOf(await models(none))).toContain('lt-0042')
    expect(textOf(await runtimes(none))).toContain('lt-0042')
    expect(textOf(await runtimes(none))).toContain(String(sampleRuntime().pid))
  })
})

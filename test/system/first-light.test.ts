// The whole path on real programs: agent, collector, reference runtime. What the README promises must be seen here.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { z } from 'zod'
import {
  findingDetailSchema,
  findingRowSchema,
  pageSchema,
  artifactRecordSchema,
  summarySchema,
} from '../../contract/collector-api.ts'
import { buildGguf, text } from '../build-gguf.ts'
import { readAll } from './collector-pages.ts'
import { gnomon, type RunningCollector, startCollector, startProgram, until } from './programs.ts'

const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: the sensors for processes exist for Linux only')

const rows = pageSchema(findingRowSchema)
const artifacts = pageSchema(artifactRecordSchema)
const drillSchema = z.object({
  passed: z.boolean(),
  stages: z.array(z.object({ name: z.string(), outcome: z.string(), milliseconds: z.number(), detail: z.string() })),
})

let folder = ''
let collector: RunningCollector
let state = ''

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-first-light-'))
  state = join(folder, 'agent')
  collector = await startCollector(join(folder, 'collector'))
  const token = await collector.enrolmentToken()
  const enrolled = await gnomon('enroll', '--collector', collector.url, '--token', token, '--state', state)
  expect(enrolled).toMatchObject({ code: 0, stderr: '' })
})

afterEach(async () => {
  await collector.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

describe('gnomon simulate against a real collector', () => {
  onLinux(
    'sees the weights, the process story and the findings, all marked as simulated, and leaves nothing open',
    async () => {
      const ended = await gnomon('simulate', '--json', '--state', state)

      expect(ended.stderr).toBe('')
      const drill = drillSchema.parse(JSON.parse(ended.stdout))
      const outcomes = Object.fromEntries(drill.stages.map((stage) => [stage.name, stage.outcome]))
      expect(outcomes).toEqual({
        planted: 'passed',
        running: 'passed',
        'weights found by content': 'passed',
        'process story': 'passed',
        listener: 'passed',
        'findings at the collector': 'passed',
        'marked as simulated': 'passed',
        'cleaned up': 'passed',
      })
      expect(ended.code).toBe(0)

      const { items } = rows.parse(await collector.ask('/api/v1/findings?simulated=true'))
      const policies = items.map((row) => row.policyId).sort()
      expect(policies).toEqual(['unapproved-inference', 'unapproved-local-model'])
      expect(items.map((row) => row.status)).toEqual(['resolved', 'resolved'])
      const inference = items.find((row) => row.policyId === 'unapproved-inference')
      const detail = findingDetailSchema.parse(await collector.ask(`/api/v1/findings/${inference?.findingId ?? ''}`))
      const kinds = new Set(detail.finding.evidence.map((item) => item.kind))
      expect([...kinds]).toEqual(expect.arrayContaining(['library-mapped', 'weights-mapped']))
      expect(JSON.stringify(detail.finding)).toContain('notes-helper')
      expect(detail.history.map((entry) => entry.change)).toEqual(['resolved', 'opened'])
    },
  )

  onLinux('raises nothing about the decoy that is not marked as simulated', async () => {
    const place = join(folder, 'drill')
    mkdirSync(place, { mode: 0o700 })

    await gnomon('simulate', '--state', state, '--place', place)

    const { items } = rows.parse(await collector.ask('/api/v1/findings?simulated=false'))
    const details = await Promise.all(items.map((row) => collector.ask(`/api/v1/findings/${row.findingId}`)))
    expect(details.filter((detail) => JSON.stringify(detail).includes(place))).toEqual([])
  })
})

/** Distinct tiny models, each an artifact and a finding of its own. */
function plantModels(count: number): void {
  mkdirSync(join(folder, 'models'))
  for (let index = 0; index < count; index += 1) {
    const bytes = buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['general.name', text(`tiny ${index}`)],
      ],
      tensors: [{ name: 'token_embd.weight', dims: [32, 4 + (index % 7)] }],
    })
    writeFileSync(join(folder, 'models', `tiny-${index}.gguf`), bytes)
  }
}

describe('a collector that is killed while reports arrive', () => {
  const COUNT = 2000

  onLinux('has everything once and nothing twice after it is back', async () => {
    plantModels(COUNT)
    const port = Number(new URL(collector.url).port)
    const run = startProgram('agent/gnomon.js', ['run', '--state', state, join(folder, 'models')])
    const before = await until(async () => {
      const { artifacts: known } = summarySchema.parse(await collector.ask('/api/v1/summary'))
      return known.total > 0 ? known.total : undefined
    })
    await collector.kill('SIGKILL')
    expect(before).toBeLessThan(COUNT)
    collector = await startCollector(join(folder, 'collector'), port)

    await until(async () => {
      const { findings: known } = summarySchema.parse(await collector.ask('/api/v1/summary'))
      return known.open.medium >= COUNT ? true : undefined
    })
    await until(async () =>
      /spool\s+0 report/.test((await gnomon('status', '--state', state)).stdout) ? true : undefined,
    )
    run.child.kill('SIGTERM')
    const ended = await run.ended
    expect(ended.code).toBe(0)
    // Models that other programs of this machine run at this moment are found as well.
    const isOurs = (path: string): boolean => path.startsWith(folder)
    const models = (await readAll(collector, '/api/v1/artifacts', artifacts))
      .map((item) => item.artifact.path)
      .filter(isOurs)
    expect(new Set(models).size).toBe(COUNT)
    expect(models).toHaveLength(COUNT)
    const findings = (await readAll(collector, '/api/v1/findings', rows)).filter((row) => isOurs(row.subject.key))
    expect(new Set(findings.map((row) => row.findingId)).size).toBe(findings.length)
    // One event each in the whole life of a finding: opened, and never a second time.
    expect(new Set(findings.map((row) => `${row.status} ${row.revision}`))).toEqual(new Set(['open 1']))
    expect(findings).toHaveLength(COUNT)
  })
})

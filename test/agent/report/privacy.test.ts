// What each privacy level lets out, held against a report in which every text that the contract has room for is planted.
import { describe, expect, it, afterEach, beforeEach } from '@jest/globals'
import { z } from 'zod'
import { type Concealment, tellCounts, tellPseudonyms, TELL_ALL } from '../../../agent/report/concealment.ts'
import { adoptPrivacy } from '../../../agent/report/conceal-sweep.ts'
import { namesHere } from '../../../agent/report/names-here.ts'
import { enqueueSweep, type SweepResult } from '../../../agent/report/outbox.ts'
import { createReidentifier } from '../../../agent/report/reidentify.ts'
import type { StateStore } from '../../../agent/report/state-store.ts'
import { explainFinding, readStatus } from '../../../agent/report/status.ts'
import { scanSchema, reportSchema } from '../../../contract/report.ts'
import { generate } from './generate-thing.ts'
import { makeFolder, openTestState, removeFolder, valueOf } from './sample-sweep.ts'

const KEY = Buffer.alloc(32, 7)
const USER = 'q7zadela'
const HOST = 'vault-9.example'
const PATH = `/home/${USER}/Secret Plans (old)/divorce, final.gguf`
const SENTENCE = `Q7zadela on ${HOST} keeps ${PATH} open; beside /home/${USER}/another hideout/x and (VAULT-9) /data/people/q8mirela/notes.pt`
/** Pieces that must never leave, in lower case. */
const PLANTED = [
  'q7zadela',
  'q8mirela',
  'vault-9',
  'secret',
  'plans',
  'divorce',
  'another',
  'hideout',
  'notes.pt',
  '4711',
]
const MACHINE = {
  hostName: HOST,
  platform: 'linux',
  homes: ['/root', `/home/${USER}`, '/data/people/q8mirela'],
} as const

let folder = ''
let state: StateStore
beforeEach(() => {
  folder = makeFolder()
  state = openTestState(folder)
})
afterEach(() => {
  state.close()
  removeFolder(folder)
})

const planted = scanSchema.parse(generate(scanSchema, { path: PATH, sentence: SENTENCE, word: USER }))

function sweepOf(change: Partial<SweepResult> = {}): SweepResult {
  return {
    ...planted,
    host: withoutPrivacy(planted.host),
    coveredPaths: ['/home'],
    uncoveredPaths: [],
    coveredProcesses: true,
    coveredHost: true,
    coveredScopes: [PATH, 'system'],
    ...change,
  }
}

/** The agent's sensors say nothing of privacy: its level does. */
function withoutPrivacy({ privacy: _privacy, counts: _counts, ...host }: SweepResult['host']): SweepResult['host'] {
  return { ...host, hostName: HOST }
}

function bodies(): readonly string[] {
  return valueOf(state.read((database) => database.prepare<[], string>('SELECT body FROM outbox').pluck().all()))
}

function leaks(): readonly string[] {
  const text = bodies().join('\n').toLowerCase()
  return PLANTED.filter((word) => text.includes(word))
}

const bodySchema = reportSchema.unwrap().omit({ schema: true, sequence: true, reportId: true, lostReports: true })

function tell(concealment: Concealment, sweep = sweepOf()): ReturnType<typeof enqueueSweep> {
  state.concealment = concealment
  return enqueueSweep(state, sweep, { isAbsent: () => true })
}

describe('the planted sweep', () => {
  it('has every planted piece in what level full tells', () => {
    tell(TELL_ALL)

    expect(leaks()).toEqual(PLANTED)
  })
})

describe('level pseudonymous', () => {
  const pseudonymous = () => tellPseudonyms(KEY, MACHINE)

  it('lets no planted piece out, wherever it stands', () => {
    const told = valueOf(tell(pseudonymous()))

    expect(told.changed).toBe(4)
    expect(leaks()).toEqual([])
  })

  it('lets no bare file name out: a title says in which file a model is, whole or cut', () => {
    const findings = planted.findings.map((finding) => ({
      ...finding,
      title: 'Unapproved local model: llama F32 model in divorce, final.gguf',
      because: [
        'reads divorce, final.gguf',
        `a sentence ${'that is long '.repeat(8)}and was cut in the name divorce, fin`,
      ],
      subject: { kind: 'artifact' as const, key: PATH },
    }))
    valueOf(tell(pseudonymous(), sweepOf({ findings })))
    const told = bodies().join()
    expect(told).toMatch('llama F32 model in p-')
    expect(told).not.toMatch('divorce')
  })

  it('lets no file name out that a gap quotes and no path tells, in the gap or in evidence made of it', () => {
    const gap = {
      code: 'GNO_READ_PART_MISSING',
      place: '/opt/x',
      count: 1,
      detail:
        'shard "divorce-2-of-3.safetensors" of "q7zadela notes/another.py" is not there, nor "~$divorce.bin", nor "~my divorce/hideo.bin", nor "hideo',
    } as const
    const artifacts = planted.artifacts.map((artifact) => ({ ...artifact, gaps: [gap] }))
    const findings = planted.findings.map((finding) => ({
      ...finding,
      evidence: [{ kind: gap.code, place: gap.place, detail: gap.detail }],
      because: [`${gap.code}: ${gap.detail}`],
    }))
    const sweep = sweepOf({ artifacts, findings, gaps: [gap] })

    valueOf(tell(pseudonymous(), sweep))

    expect(leaks()).toEqual([])
    const told =
      /shard \\"p-[0-9a-f]{16}\.safetensors\\" of \\"p-[0-9a-f]{16}\/p-[0-9a-f]{16}\\" is not there, nor \\"p-[0-9a-f]{16}\.bin\\", nor \\"p-[0-9a-f]{16}\/p-[0-9a-f]{16}\.bin\\", nor \\"p-/g
    expect(bodies().join().match(told)).toHaveLength(4)
  })

  it('keeps to the contract and loses nothing', () => {
    tell(pseudonymous())

    const reports = bodies().map((body) => bodySchema.parse(JSON.parse(body)))

    expect(
      reports.map(({ artifacts, runtimes, installations, findings }) =>
        [artifacts, runtimes, installations, findings].map((list) => list?.length),
      ),
    ).toEqual([[1, 1, 1, 1]])
    expect(reports[0]?.host.privacy).toEqual({
      level: 'pseudonymous',
      key: expect.stringMatching(/^key1:[0-9a-f]{16}$/),
    })
    expect(reports.flatMap(({ gaps }) => gaps.filter(({ code }) => code === 'GNO_SPOOL_LOST'))).toEqual([])
  })

  it('calls the same thing the same in every field, every report and every process', () => {
    tell(pseudonymous())
    const first = bodies()
    const report = bodySchema.parse(JSON.parse(first[0] ?? ''))
    const path = report.artifacts[0]?.path ?? ''

    expect(path).toMatch(/^\/home\/u-[0-9a-f]{16}\/p-[0-9a-f]{16}\/p-[0-9a-f]{16}\.gguf$/)
    expect(report.runtimes[0]?.weights[0]?.path).toBe(path)
    expect(report.findings[0]?.because[0]).toContain(path)
    expect(path).toContain('/u-')

    // A second process with the same key has nothing new to tell.
    const again = valueOf(tell(pseudonymous()))
    expect([again.changed, again.gone]).toEqual([0, 0])
  })

  it('tells what is gone under the names that it told', () => {
    tell(pseudonymous())
    const before = bodySchema.parse(JSON.parse(bodies()[0] ?? ''))
    tell(pseudonymous(), sweepOf({ artifacts: [], runtimes: [], installations: [], findings: [] }))

    const { gone } = bodySchema.parse(JSON.parse(bodies().at(-1) ?? ''))

    expect(gone).toEqual({
      artifactPaths: [before.artifacts[0]?.path],
      runtimeKeys: [before.runtimes[0]?.runtimeKey],
      installationKeys: [before.installations?.[0]?.installationKey],
      findingIds: [before.findings[0]?.findingId],
    })
    expect(leaks()).toEqual([])
  })

  it('asks for the real file before it calls one gone that hides where nobody could look', () => {
    tell(pseudonymous())
    const asked: string[] = []
    const blind = sweepOf({ artifacts: [], uncoveredPaths: [`/home/${USER}`] })
    state.concealment = pseudonymous()

    enqueueSweep(state, blind, { isAbsent: (path) => asked.push(path) < 0 })

    expect(new Set(asked)).toEqual(new Set([PATH]))
    expect(bodySchema.parse(JSON.parse(bodies().at(-1) ?? '')).gone.artifactPaths).toEqual([])
  })

  it('under another key calls everything otherwise', () => {
    tell(pseudonymous())
    const one = bodySchema.parse(JSON.parse(bodies()[0] ?? ''))
    tell(tellPseudonyms(Buffer.alloc(32, 8), MACHINE))
    const other = bodySchema.parse(JSON.parse(bodies().at(-1) ?? ''))

    for (const pick of [
      (report: typeof one) => report.artifacts[0]?.path,
      (report: typeof one) => report.runtimes[0]?.runtimeKey,
      (report: typeof one) => report.findings[0]?.findingId,
      (report: typeof one) => report.host.hostName,
      (report: typeof one) => report.runtimes[0]?.user.uid,
    ])
      expect(pick(one)).not.toEqual(pick(other))
  })

  it('is undone with the key, and with no other', () => {
    tell(pseudonymous())
    const text = bodies().join('\n')
    const names = [HOST, ...valueOf(namesHere(state))]

    const back = createReidentifier(KEY, names)(text).text
    const wrong = createReidentifier(Buffer.alloc(32, 8), names)(text)

    for (const piece of [PATH, HOST, `/data/people/q8mirela/notes.pt`]) expect(back).toContain(piece)
    expect(back).toContain(planted.findings[0]?.findingId)
    expect(wrong.text).toBe(text)
    expect(wrong.unknown.length).toBeGreaterThan(3)
  })

  it('leaves the whole documents on this machine', () => {
    tell(pseudonymous())

    const explained = explainFinding(state, planted.findings[0]?.findingId ?? '')

    expect(explained).toMatchObject({ ok: true, value: { finding: { subject: { key: SENTENCE } } } })
    expect(valueOf(readStatus(state)).lastSweep?.coverage[0]?.places).toEqual(planted.coverage[0]?.places)
  })
})

describe('level counts', () => {
  it('lets out numbers by kind, severity and family, and no planted piece', () => {
    tell(tellCounts())

    const report = bodySchema.parse(JSON.parse(bodies()[0] ?? ''))

    expect(leaks()).toEqual([])
    expect(report.host.counts).toEqual([
      { kind: 'artifact', severity: null, family: 'x', count: 1 },
      { kind: 'finding', severity: 'info', family: null, count: 1 },
      { kind: 'installation', severity: null, family: 'x', count: 1 },
      { kind: 'runtime', severity: null, family: 'x', count: 1 },
    ])
    expect(report).toMatchObject({ artifacts: [], runtimes: [], findings: [], host: { privacy: { level: 'counts' } } })
    expect(report.coverage).toEqual([{ sensor: 'x', state: 'complete', places: [], looked: 1, detail: '' }])
    expect(report.gaps).toEqual([{ code: 'x', place: '(not told)', count: 1, detail: '', sensor: 'x' }])
  })

  it('holds no text at all that is longer than a word', () => {
    tell(tellCounts())

    const texts: string[] = []
    const collect = z.json().transform((value) =>
      JSON.stringify(value, (_key, inner: unknown) => {
        if (typeof inner === 'string') texts.push(inner)
        return inner
      }),
    )
    const { host: _host, ...rest } = bodySchema.parse(JSON.parse(bodies()[0] ?? ''))
    collect.parse(rest)

    expect(Math.max(...texts.map((text) => text.length))).toBeLessThanOrEqual(24)
  })

  it('tells when a number changes, and is silent while none does', () => {
    tell(tellCounts())
    state.concealment = tellCounts()

    const same = valueOf(enqueueSweep(state, sweepOf(), { heartbeatMs: 300_000, isAbsent: () => true }))
    const fewer = valueOf(
      enqueueSweep(state, sweepOf({ artifacts: [] }), { heartbeatMs: 300_000, isAbsent: () => true }),
    )

    expect([same.enqueued, fewer.enqueued]).toEqual([0, 1])
  })

  it('still knows everything on this machine', () => {
    tell(tellCounts())

    expect(valueOf(readStatus(state)).known).toEqual({ artifacts: 1, runtimes: 1, findings: 1 })
  })
})

describe('another level', () => {
  it.each([
    ['pseudonymous', () => tellPseudonyms(KEY, MACHINE)],
    ['counts', () => tellCounts()],
  ])('%s empties at once what waits and was written at level full', (_level, make) => {
    tell(TELL_ALL)
    state.concealment = make()

    adoptPrivacy(state)

    expect(bodies()).toHaveLength(1)
    expect(leaks()).toEqual([])
  })

  it('tells everything anew', () => {
    tell(tellCounts())

    const told = valueOf(tell(TELL_ALL))

    expect(told.changed).toBe(4)
  })
})

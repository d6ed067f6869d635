import { describe, expect, it } from '@jest/globals'
import type { Artifact } from '../../contract/artifact.ts'
import { findingSchema } from '../../contract/finding.ts'
import type { Coverage } from '../../contract/report.ts'
import type { Gap } from '../../contract/wire.ts'
import type { Runtime } from '../../contract/runtime.ts'
import { judge } from '../../rules/judge.ts'
import { AT, STRUCTURE, approval, artifact, findings, runtime, told } from './judged-subjects.ts'
import { digest, packOf, realBody } from './real-pack.ts'

describe('policy about files', () => {
  it.each<[string, Partial<Artifact>, readonly string[]]>([
    ['a text model', {}, ['unapproved-local-model medium']],
    [
      'a model of 0.4 million parameters',
      { fingerprint: { structure: { ...STRUCTURE, parameterCount: 400_000 } } },
      ['unapproved-local-model medium'],
    ],
    [
      'an adapter',
      { fingerprint: { structure: { ...STRUCTURE, kind: 'adapter' } } },
      ['unapproved-local-model medium'],
    ],
    [
      'a projector',
      { fingerprint: { structure: { ...STRUCTURE, kind: 'projector' } } },
      ['unapproved-local-model medium'],
    ],
    [
      'an image model',
      { fingerprint: { structure: { ...STRUCTURE, kind: 'other' } } },
      ['unapproved-local-model medium'],
    ],
    [
      'a small helper network',
      { fingerprint: { structure: { ...STRUCTURE, kind: 'other', parameterCount: 90_000 } } },
      [],
    ],
    [
      'a vocabulary without tensors',
      { fingerprint: { structure: { ...STRUCTURE, kind: 'vocabulary', tensorCount: 0, parameterCount: 0 } } },
      [],
    ],
    ['an importance matrix', { fingerprint: { structure: { ...STRUCTURE, kind: 'imatrix' } } }, []],
    ['a malformed model', { verdict: 'malformed' }, ['malformed-model medium']],
    ['a malformed file of no known format', { verdict: 'malformed', format: null }, []],
    ['what is no model', { verdict: 'not-a-model', format: null, fingerprint: {} }, []],
    [
      'a file that is not what it claims',
      { fingerprint: { structure: STRUCTURE, claims: { sizeLabel: '70B' } } },
      ['claims-contradict-structure high', 'unapproved-local-model medium'],
    ],
  ])('%s', (_what, some, expected) => {
    expect(told({ artifacts: [artifact(some)] })).toEqual(expected)
  })
})

describe('policy about processes', () => {
  const anywhere = [{ protocol: 'tcp', address: '0.0.0.0', port: 11434, scope: 'any' }] as const

  it.each<[string, Partial<Runtime>, readonly string[]]>([
    ['likely inference', {}, ['unapproved-inference high']],
    ['a process that reads weights', { activity: 'in-use-by', identification: null }, []],
    ['a likely converter', { activity: 'in-use-by' }, []],
    [
      'inference that is only possible',
      {
        identification: {
          entryId: 'x',
          product: 'x',
          category: 'engine',
          confidence: 'possible',
          evidence: [],
          because: [],
        },
      },
      [],
    ],
    [
      'inference open to the network',
      { listeners: anywhere },
      ['inference-api-exposed high', 'unapproved-inference high'],
    ],
    ['a reader open to the network', { activity: 'in-use-by', identification: null, listeners: anywhere }, []],
    ['an idle engine without weights', { activity: 'present', weights: [] }, ['ai-runtime-present info']],
    [
      'a socket in the file system',
      { listeners: [{ protocol: 'unix', address: '/run/x', port: 0, scope: 'any' }] },
      ['unapproved-inference high'],
    ],
  ])('%s', (_what, some, expected) => {
    expect([...told({ runtimes: [runtime(some)] })].sort()).toEqual(expected)
  })

  it.each<[string, Partial<Runtime>]>([
    ['an idle server', { activity: 'present', weights: [] }],
    ['a server that has weights open, as while it downloads', { activity: 'in-use-by' }],
  ])('tells %s that others can reach', (_what, some) => {
    const identification = {
      entryId: 'ollama',
      product: 'Ollama',
      category: 'runtime',
      confidence: 'likely',
      evidence: [],
      because: [],
    } as const

    expect(told({ runtimes: [runtime({ ...some, listeners: anywhere, identification })] })).toEqual([
      'inference-api-exposed high',
      'ai-runtime-present info',
    ])
  })
})

describe('policy about coverage', () => {
  const coverage = (state: Coverage['state']): Coverage => ({
    sensor: 'files',
    state,
    places: ['/home'],
    looked: 7,
    detail: 'x',
  })

  it.each<[Coverage['state'], readonly string[]]>([
    ['complete', []],
    ['partial', ['coverage-incomplete info']],
    ['failed', ['coverage-incomplete info']],
    ['unsupported', ['coverage-incomplete info']],
  ])('%s', (state, expected) => {
    const gaps = [{ code: 'GNO_SENSE_DENIED', place: '/home/ben', count: 3, detail: 'refused' }]
    const found = findings({ coverage: [coverage(state)], gaps })

    expect(found.map((finding) => `${finding.policyId} ${finding.severity}`)).toEqual(expected)
    expect(found.every((finding) => finding.evidence.some((each) => each.place === '/home/ben'))).toBe(true)
  })

  it('cites the gaps of its own sensor and of no other', () => {
    const gap = (place: string, sensor: string): Gap => ({
      code: 'GNO_SENSE_DENIED',
      place,
      count: 1,
      detail: 'refused',
      sensor,
    })
    const files: Coverage = { sensor: 'files', state: 'partial', places: [], looked: 1, detail: '' }

    const [found] = findings({ coverage: [files], gaps: [gap('/home/b', 'files'), gap('/proc/1', 'linux-processes')] })

    expect(found?.evidence.map((each) => each.place)).toEqual(['/home/b'])
  })
})

describe('a finding', () => {
  it('has the same id at every sweep, whatever pid, time, rung or place in the list', () => {
    const first = findings({ artifacts: [artifact()], runtimes: [runtime()] })
    const later = findings({
      artifacts: [
        artifact({ path: '/other' }),
        artifact({ fingerprint: { structure: STRUCTURE }, identifications: [] }),
      ],
      runtimes: [runtime({ pid: 4711, startedAt: '2026-11-23T10:00:00.000Z', name: 'renamed' })],
      observedAt: '2026-11-23T11:00:00.000Z',
      approvals: [approval('family', 'llama')],
    })

    for (const { findingId } of first) expect(later.map((finding) => finding.findingId)).toContain(findingId)
    expect(first.every(({ findingId }) => /^fnd1:[0-9a-f]{32}$/.test(findingId))).toBe(true)
    expect(new Set(later.map((finding) => finding.findingId)).size).toBe(later.length)
  })

  it('has another id on another host and for another path, also where joined texts would be equal', () => {
    const ids = [
      ...findings({ artifacts: [artifact()] }),
      ...findings({ artifacts: [artifact()], hostId: 'host-2' }),
      ...findings({ artifacts: [artifact({ path: '/home/ann/notes2' })] }),
      ...findings({ artifacts: [artifact({ path: '1/home/ann/notes' })], hostId: 'host-' }),
    ].map((finding) => finding.findingId)

    expect(new Set(ids).size).toBe(4)
  })

  it('fits the wire, carries evidence with places, and says what to do', () => {
    const found = findings({ artifacts: [artifact()], runtimes: [runtime()] })

    for (const finding of found) {
      expect(findingSchema.safeParse(finding).success).toBe(true)
      expect(finding.because.length).toBeGreaterThan(1)
      expect(finding.because.join(' ')).not.toContain('approv')
      expect(finding.evidence.every((each) => each.place !== '' && each.detail !== '')).toBe(true)
      expect(finding.advice).not.toBe('')
      expect(finding.falsePositives).not.toBe('')
    }
    expect(found[1]?.evidence.map((each) => each.kind)).toEqual(
      expect.arrayContaining(['format', 'claims', 'structure', 'content', 'identification rung 2']),
    )
    expect(found[0]?.evidence.map((each) => each.kind)).toEqual(
      expect.arrayContaining(['process', 'library-mapped', 'weights-mapped', 'listener', 'memory']),
    )
  })

  it('fits the wire with the longest names that the wire allows', () => {
    const path = `/${'x'.repeat(16_000)}`
    const long = artifact({
      path,
      gaps: Array.from({ length: 200 }, () => ({
        code: 'GNO_READ_LIMIT',
        place: path,
        count: 1,
        detail: 'y'.repeat(4_000),
      })),
      verdict: 'malformed',
    })
    const found = findings({ artifacts: [long], runtimes: [runtime({ name: 'z'.repeat(512), commandLine: [path] })] })

    expect(found.map((finding) => findingSchema.safeParse(finding).success)).toEqual([true, true])
  })

  it('is simulated exactly where its subject is', () => {
    const found = findings({
      artifacts: [artifact({ simulated: true }), artifact({ path: '/real' })],
      runtimes: [runtime({ simulated: true })],
    })

    expect(
      found
        .filter((finding) => finding.simulated)
        .map((finding) => finding.policyId)
        .sort(),
    ).toEqual(['unapproved-inference', 'unapproved-local-model'])
  })

  it('is never made by a draft policy', () => {
    const drafts = packOf({
      ...realBody,
      policies: realBody.policies.map((policy) => ({ ...policy, status: 'draft' })),
    })
    const input = {
      hostId: 'h',
      observedAt: AT,
      artifacts: [artifact()],
      runtimes: [runtime()],
      coverage: [],
      gaps: [],
      approvals: [],
      digest,
    }

    expect(judge(input, drafts)).toEqual([])
  })
})

describe('the reasons of a finding about a model', () => {
  it('tell its relatives in one sentence, and none of them again in the evidence', () => {
    const relations = Array.from({ length: 32 }, (_, index) => ({
      kind: 'same-norms' as const,
      path: `/m/${index}.gguf`,
      artifactId: `art1:${index}`,
      because: ['norms'],
    }))
    const [finding] = findings({ artifacts: [artifact({ relations })] })

    expect(finding?.because).toContain('on this machine it is: same norms as 0.gguf and 31 more')
    expect(finding?.evidence.filter(({ detail }) => detail.includes('.gguf'))).toEqual([])
  })

  it('name an adapter as one', () => {
    const structure = { kind: 'adapter' as const, tensorCount: 2, parameterCount: 8, quantization: 'F32' }
    const some = { identifications: [], format: 'safetensors', fingerprint: { structure } }
    const [finding] = findings({ artifacts: [artifact(some)] })

    expect(finding?.title).toContain('safetensors F32 LoRA adapter in notes')
  })
})

describe('policy about the agent itself', () => {
  const own = { sensor: 'agent', count: 1, detail: 'it was told' } as const
  const [template] = realBody.policies.filter(({ id }) => id === 'process-hidden')
  if (template === undefined) throw new Error('the policy that this test copies is gone')
  const blind = { ...template, id: 'agent-blind', match: { field: 'condition', equals: 'GNO_SENSE_WATCH' } as const }
  const pack = packOf({ ...realBody, policies: [...realBody.policies, blind] })
  const coverage: readonly Coverage[] = [
    { sensor: 'agent', state: 'partial', places: [], looked: 1, detail: 'the agent itself met trouble' },
  ]

  it('makes a finding for each thing that it is about, and none of its coverage', () => {
    const gaps: readonly Gap[] = ['/a', '/b'].map((place) => ({ code: 'GNO_SENSE_WATCH', place, ...own }))
    const input = { hostId: 'h', observedAt: AT, artifacts: [], runtimes: [], coverage, gaps, approvals: [], digest }

    const found = judge(input, pack)

    expect(found.map(({ policyId, subject }) => [policyId, subject.key])).toEqual(
      expect.arrayContaining([
        ['agent-blind', 'agent GNO_SENSE_WATCH /a'],
        ['agent-blind', 'agent GNO_SENSE_WATCH /b'],
      ]),
    )
    expect(found).toHaveLength(2)
    for (const finding of found) findingSchema.parse(finding)
  })
  const judged = (gaps: readonly Gap[]) =>
    judge({ hostId: 'h', observedAt: AT, artifacts: [], runtimes: [], coverage, gaps, approvals: [], digest }, pack)
  const killed = (place: string, change: Partial<Gap> = {}): Gap => ({
    code: 'GNO_AGENT_KILLED',
    place,
    ...own,
    ...change,
  })

  it('makes one finding of an end in all of its places, with the same id whichever ended first, and the rest as evidence', () => {
    const first = judged([killed('(reader)', { detail: 'SIGKILL' })])
    const later = judged([
      killed('(reader)', { detail: 'SIGKILL', count: 3 }),
      killed('(worker)'),
      killed('linux-processes', { detail: '12 s' }),
    ])

    expect([first, later].map((found) => found.map(({ title }) => title))).toEqual([
      ['The agent was ended and started again: the part that reads files'],
      ['The agent was ended and started again'],
    ])
    expect(later[0]?.findingId).toBe(first[0]?.findingId)
    expect(later[0]?.findingId).toBe(judged([killed('(worker)')])[0]?.findingId)
    expect(later[0]?.evidence.map(({ place, detail }) => [place, detail])).toEqual([
      ['(reader)', 'SIGKILL (3 times)'],
      ['(worker)', 'it was told'],
      ['linux-processes', '12 s'],
    ])
  })

  it('makes one finding of all settings that were changed, which names them', () => {
    const changed = (name: string): Gap => killed(`(settings) ${name}`, { code: 'GNO_AGENT_SETTINGS' })
    const first = judged([changed('metrics')])
    const later = judged([changed('metrics'), changed('privacyLevel')])

    expect([first, later].map((found) => found.map(({ title }) => title))).toEqual([
      ['Settings of the agent were changed on the machine: metrics'],
      ['Settings of the agent were changed on the machine: metrics, privacyLevel'],
    ])
    expect(later[0]?.findingId).toBe(first[0]?.findingId)
  })

  it('says in its titles no word of our own program', () => {
    const codes = ['KILLED', 'CRASHED', 'STOPPED', 'CLOCK', 'SETTINGS', 'RULES_OLD'].map((word) => `GNO_AGENT_${word}`)
    const places = ['(worker)', '(reader)', '(agent)', '(clock)', '(settings)', '(rules)']

    const titles = codes.flatMap((code) =>
      places.flatMap((place) => judged([killed(place, { code })]).map(({ title }) => title)),
    )

    expect(titles).toHaveLength(codes.length * places.length)
    expect(titles.filter((title) => /[()]|worker|reader\b|supervisor/.test(title))).toEqual([])
  })
})

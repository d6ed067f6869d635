// Which entry speaks for an action, and which verdict comes of what speaks.
import { describe, expect, it } from '@jest/globals'
import type { Verdict } from '../../contract/artifact.ts'
import type { ThreatEntry } from '../../contract/threat-entry.ts'
import { type LoadAction, type LoadScan, MAX_LOAD_ACTIONS, threatSchema } from '../../contract/threat.ts'
import { judgeThreats } from '../../rules/judge-threats.ts'
import { threatOf } from '../../rules/threat-index.ts'
import { packOf, realBody } from './real-pack.ts'

type Told = Pick<ThreatEntry, 'id' | 'effect' | 'names'> & Partial<ThreatEntry>

const entryOf = (told: Told): ThreatEntry => ({
  status: 'trial',
  why: 'a test',
  references: ['a test'],
  title: `title of ${told.id}`,
  kind: 'python-name',
  severity: 'medium',
  advice: 'none',
  falsePositives: 'none',
  examples: [{ action: { kind: 'python-name', name: 'a' } }],
  counterexamples: [{ action: { kind: 'python-name', name: 'b' } }],
  ...told,
})

const packWith = (...entries: readonly Told[]) => packOf({ ...realBody, threats: entries.map(entryOf) })

const PACK = packWith(
  { id: 'unknown', effect: 'suspicious', names: ['*'] },
  { id: 'tree', effect: 'clean', names: ['lib.**'] },
  { id: 'module', effect: 'suspicious', names: ['lib.tools.*'] },
  { id: 'exact', effect: 'malicious', severity: 'critical', names: ['lib.tools.run', 'os.system'] },
  { id: 'exact-clean', effect: 'clean', names: ['lib.tools.run', 'dict'] },
  {
    id: 'only-called',
    effect: 'malicious',
    names: ['lib.tools.maybe'],
    when: {
      all: [
        { field: 'isCalled', equals: true },
        { field: 'argumentCount', between: [1, 9] },
      ],
    },
  },
  { id: 'secret', effect: 'notable', names: ['token'], kind: 'metadata' },
  { id: 'sleeping', effect: 'malicious', names: ['dict'], status: 'draft' },
)

const action = (name: string, facts?: LoadAction['facts']): LoadAction => ({
  kind: 'python-name',
  name,
  ...(facts === undefined ? {} : { facts }),
})
const scanOf = (...actions: readonly LoadAction[]): LoadScan => ({ isWhole: true, actions })

describe('threatOf', () => {
  it.each([
    ['dict', 'exact-clean'],
    ['os.system', 'exact'],
    ['os.system.more', 'unknown'],
    ['lib.tools.run', 'exact'],
    ['lib.tools.other', 'module'],
    ['lib.tools.deep.other', 'tree'],
    ['lib', 'tree'],
    ['library.tools', 'unknown'],
    ['', 'unknown'],
    ['__proto__', 'unknown'],
    ['constructor', 'unknown'],
    [Array(100_000).fill('x').join('.'), 'unknown'],
  ])('asks the most exact entry first (%#)', (name, id) => {
    expect(threatOf(PACK.threats, action(name))?.id).toBe(id)
  })

  it('asks the next entry where a condition does not hold', () => {
    const facts = { isCalled: true, argumentCount: 2 }

    expect(threatOf(PACK.threats, action('lib.tools.maybe', facts))?.id).toBe('only-called')
    expect(threatOf(PACK.threats, action('lib.tools.maybe', { isCalled: true }))?.id).toBe('module')
    expect(threatOf(PACK.threats, action('lib.tools.maybe', { toString: 'x' }))?.id).toBe('module')
  })

  it('has nothing to say of a kind without entries', () => {
    expect(threatOf(PACK.threats, { kind: 'archive', name: 'os.system' })).toBeNull()
  })
})

describe('judgeThreats', () => {
  const bad = scanOf(action('os.system'))
  const odd = scanOf(action('nobody.knows'))
  const fine = scanOf(action('dict'), { kind: 'metadata', name: 'token' })
  const cut = { ...fine, isWhole: false }
  const some = { ...fine, leavesOut: true }
  const full = scanOf(...Array.from({ length: MAX_LOAD_ACTIONS }, () => action('dict')))

  it.each<[Verdict, LoadScan | undefined, Verdict]>([
    ['unchecked', undefined, 'unchecked'],
    ['malformed', undefined, 'malformed'],
    ['unchecked', bad, 'malicious'],
    ['malformed', bad, 'malicious'],
    ['unscannable', bad, 'malicious'],
    ['unchecked', odd, 'suspicious'],
    ['malformed', odd, 'malformed'],
    ['unscannable', odd, 'suspicious'],
    ['unchecked', fine, 'clean'],
    ['malformed', fine, 'malformed'],
    ['unscannable', fine, 'unscannable'],
    ['not-a-model', fine, 'not-a-model'],
    ['unchecked', cut, 'suspicious'],
    ['unchecked', full, 'suspicious'],
    ['unchecked', some, 'unchecked'],
    ['unscannable', some, 'unscannable'],
    ['unchecked', { ...some, isWhole: false }, 'suspicious'],
    ['unchecked', { ...bad, leavesOut: true }, 'malicious'],
  ])('of what reads as %s', (read, scan, verdict) => {
    expect(judgeThreats(scan, read, PACK).verdict).toBe(verdict)
  })

  it('tells the gravest first, each with its places, as the wire takes it', () => {
    const scan = scanOf(
      action('nobody.knows'),
      { kind: 'metadata', name: 'token' },
      { ...action('os.system'), shown: "os.system('id')", member: 'archive/data.pkl', at: 7, count: 3 },
    )
    const { threats } = judgeThreats(scan, 'unchecked', PACK)

    expect(threats.map((threat) => threatSchema.parse(threat))).toEqual(threats)
    expect(threats.map(({ id, effect }) => [id, effect])).toEqual([
      ['exact', 'malicious'],
      ['unknown', 'suspicious'],
      ['secret', 'notable'],
    ])
    expect(threats[0]).toMatchObject({
      because: ["os.system: os.system('id') in archive/data.pkl at byte 7, 3 times"],
      places: [{ member: 'archive/data.pkl', at: 7, shown: "os.system('id')" }],
    })
  })

  it('tells how many names it leaves out', () => {
    const many = Array.from({ length: 200 }, (_, index) => action(`nobody.n${index}`))
    const [threat] = judgeThreats(scanOf(...many), 'unchecked', PACK).threats

    expect(threat?.places).toHaveLength(16)
    expect(threat?.because.at(-1)).toBe('and 184 other names')
    expect(threatSchema.safeParse(threat).success).toBe(true)
  })
})

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { ruleSchemas } from '../../../contract/rule-schemas.ts'
import { checkTree } from '../../../rules/workbench/check-tree.ts'
import { diffPacks } from '../../../rules/workbench/diff-packs.ts'
import { testEntries } from '../../../rules/workbench/test-entries.ts'
import { isWhole } from '../../../rules/structure-match.ts'
import { packOf, realBody, realPack, realTree, rulesFolder } from '../real-pack.ts'

describe('the real entries', () => {
  it('have no problem', () => {
    expect(checkTree(realTree)).toEqual([])
  })

  it('fulfil all their examples and none of their counterexamples', () => {
    const outcome = testEntries(realPack)

    expect(outcome.problems).toEqual([])
    expect(outcome.passed).toBeGreaterThan(450)
  })

  it('have editor schemas that are current', () => {
    const folder = join(rulesFolder, 'schemas')
    const written = readdirSync(folder).sort()

    expect(written).toEqual([...ruleSchemas().keys()].sort())
    for (const [name, schema] of ruleSchemas()) {
      expect(JSON.parse(readFileSync(join(folder, name), 'utf8'))).toEqual(JSON.parse(JSON.stringify(schema)))
    }
  })

  it('keep structures that were not read in a configuration, or only in part, as drafts', () => {
    const wrong = realTree.models.filter(
      (entry) => (entry.status === 'draft') === (isWhole(entry) && entry.candidates.some((each) => each.verified)),
    )

    expect(wrong.map((entry) => entry.id)).toEqual([])
  })
})

describe('the workbench', () => {
  it('reports an example that does not match, and a counterexample that does', () => {
    const [first] = realBody.runtimes
    if (first === undefined) throw new Error('no runtimes')
    const swapped = {
      ...first,
      examples: first.counterexamples.map((each) => ({
        ...each,
        expect: { confidence: 'likely' as const, activity: 'present' as const },
      })),
      counterexamples: first.examples.map(({ facts }) => ({ facts })),
    }

    const outcome = testEntries(packOf({ ...realBody, runtimes: [swapped, ...realBody.runtimes.slice(1)] }))

    expect(outcome.problems.length).toBeGreaterThanOrEqual(swapped.examples.length + 1)
    expect(new Set(outcome.problems.map((problem) => problem.file))).toEqual(new Set([`runtimes/${first.id}.yaml`]))
  })

  it('reports an unknown word, a second use of an id and a digest listed twice', () => {
    const [runtime] = realTree.runtimes
    const [row] = realTree.digests
    if (runtime === undefined || row === undefined) throw new Error('empty tree')
    const tree = {
      ...realTree,
      runtimes: [...realTree.runtimes, { ...runtime, vendor: 'nobody' }],
      digests: [...realTree.digests, row],
    }

    const details = checkTree(tree).map((problem) => problem.detail)

    expect(details).toEqual([
      expect.stringContaining('the id is also that of'),
      'nobody is not in vocabulary/vendors.yaml',
      expect.stringContaining('is listed twice'),
    ])
  })

  it('refuses doubled or blind probes, ids that lead nowhere, generic names and weight on what nobody read', () => {
    const koboldcpp = realTree.runtimes.find(({ id }) => id === 'koboldcpp')
    const [probe] = koboldcpp?.probes ?? []
    if (koboldcpp === undefined || probe === undefined) throw new Error('no entry with a probe')
    const says = 'x'
    const damaged = {
      ...koboldcpp,
      probes: [probe, probe, { ...probe, id: 'blind', answer: { status: 200 }, unless: ['nobody'] }],
      match: [
        { kind: 'process-name', weight: 30, says, when: { field: 'name', equals: ['koboldcpp', 'chat'] } },
        { kind: 'http-answer', weight: 30, says, when: { field: 'httpAnswer', equals: 'no-probe' } },
        { kind: 'binary-content', weight: 30, says, when: { all: [{ field: 'binaryEngine', equals: 'no-engine' }] } },
      ] as const,
    }
    const others = realTree.runtimes.filter(({ id, probes = [] }) => id !== 'koboldcpp' && probes.length === 0)
    const free = others.filter(({ match }) => !JSON.stringify(match).includes('httpAnswer'))

    const details = checkTree({ ...realTree, runtimes: [...free, damaged] }).map((problem) => problem.detail)

    expect(details.sort()).toEqual([
      'no-engine is no engine and no entry with strings',
      'process-name is unverified here, so it weighs 15 at most',
      `the name chat is that of too many programs`,
      'the probe blind sees a status only, so it is weak',
      `the probe ${probe.id} is there twice`,
      `the probe ${probe.id} is there twice`,
      'there is no probe no-probe',
      'there is no probe nobody',
    ])
  })

  it('refuses a name or a port that would decide alone', () => {
    const [runtime] = realTree.runtimes
    if (runtime === undefined) throw new Error('empty tree')
    const decisive = {
      kind: 'process-name' as const,
      weight: 100,
      decisive: true,
      says: 'x',
      when: { field: 'name', equals: 'x' },
    }
    const nameless = { kind: 'listener' as const, weight: 100, says: 'x', when: { field: 'port', equals: 1 } }
    const tree = {
      ...realTree,
      runtimes: [
        { ...runtime, match: [decisive] },
        { ...runtime, id: 'b', match: [nameless] },
      ],
    }

    const details = checkTree(tree).map((problem) => problem.detail)

    expect(details).toEqual([
      'process-name alone never suffices, so it cannot be decisive',
      'no evidence of this entry can name a product',
    ])
  })

  it('tells what changed between two packs', () => {
    const [first, second, ...rest] = realBody.runtimes
    if (first === undefined || second === undefined) throw new Error('empty pack')
    const after = { ...realBody, runtimes: [{ ...second, product: 'Other' }, { ...first, id: 'brand-new' }, ...rest] }

    expect(diffPacks(realBody, realBody)).toEqual([])
    expect(diffPacks(realBody, after)).toEqual([
      { kind: 'removed', entry: `runtimes/${first.id}`, keys: [] },
      { kind: 'changed', entry: `runtimes/${second.id}`, keys: ['product'] },
      { kind: 'added', entry: 'runtimes/brand-new', keys: [] },
    ])
  })
})

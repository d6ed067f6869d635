import { describe, expect, it } from '@jest/globals'
import { type RuntimeFacts, identifyRuntime } from '../../rules/identify-runtime.ts'
import type { Pack } from '../../rules/pack.ts'
import { buildTriggerIndex, isUntriggered, names } from '../../rules/trigger-index.ts'
import { factsOf } from '../../rules/workbench/test-entries.ts'
import { realPack, realTree } from './real-pack.ts'

/** The same pack without an index: every entry is tried. */
const TRIES_ALL: Pack = { ...realPack, triggers: { keys: [], always: realPack.runtimes } }
const SEED = 20261123

const known = realTree.runtimes.flatMap((entry) =>
  [...entry.examples, ...entry.counterexamples].map(({ facts }) => factsOf(facts)),
)

/** A small generator, so that a failure can be repeated. */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state % below
  }
}

/** Facts put together from those of several examples. */
function mixed(random: (below: number) => number): RuntimeFacts {
  const pick = (): RuntimeFacts => {
    const facts = known[random(known.length)]
    if (facts === undefined) throw new Error('no examples')
    return facts
  }
  return {
    ...pick(),
    name: pick().name,
    executablePath: pick().executablePath,
    commandLine: pick().commandLine,
    libraries: [...pick().libraries, ...pick().libraries],
    weights: pick().weights,
    listeners: pick().listeners,
    parent: pick().parent,
    httpAnswers: pick().httpAnswers ?? [],
    packages: pick().packages ?? [],
    binaryEngines: pick().binaryEngines ?? [],
  }
}

describe('the index of entries', () => {
  it('needs no entry to be tried on every process', () => {
    expect(realPack.triggers.always.map(({ id }) => id)).toEqual([])
    expect(realPack.triggers.keys.length).toBeGreaterThan(10)
  })

  it('names the same product as trying all entries, for every example and counterexample', () => {
    const differing = known.filter(
      (facts) => identifyRuntime(facts, realPack)?.entryId !== identifyRuntime(facts, TRIES_ALL)?.entryId,
    )

    expect(known.length).toBeGreaterThan(900)
    expect(differing).toEqual([])
  })

  it(`names the same product for facts mixed from examples (seed ${SEED})`, () => {
    const random = createRandom(SEED)
    const mixtures = Array.from({ length: 2_000 }, () => mixed(random))

    const differing = mixtures.filter(
      (facts) => JSON.stringify(identifyRuntime(facts, realPack)) !== JSON.stringify(identifyRuntime(facts, TRIES_ALL)),
    )

    expect(mixtures.filter((facts) => identifyRuntime(facts, realPack) !== null).length).toBeGreaterThan(500)
    expect(differing).toEqual([])
  })

  it('knows a rule that has nothing to be looked up by', () => {
    expect(isUntriggered({ field: 'executablePath', contains: 'ollama' })).toBe(true)
    expect(isUntriggered({ field: 'executablePath', contains: '/usr/bin/' })).toBe(true)
    expect(isUntriggered({ field: 'name', prefix: 'ol' })).toBe(true)
    expect(isUntriggered({ none: [{ field: 'name', equals: 'ollama' }] })).toBe(true)
    expect(
      isUntriggered({
        any: [
          { field: 'name', equals: 'a' },
          { field: 'name', contains: 'b' },
        ],
      }),
    ).toBe(true)
    expect(
      isUntriggered({
        all: [
          { field: 'name', equals: 'a' },
          { field: 'name', contains: 'b' },
        ],
      }),
    ).toBe(false)
    expect(isUntriggered({ field: 'executablePath', contains: '/ollama/' })).toBe(false)
    expect(isUntriggered({ field: 'name', suffix: '.llamafile' })).toBe(false)
  })

  it('still tries an entry of which a rule cannot be looked up', () => {
    const [first] = realPack.runtimes
    const rule = first?.match.find(names)
    if (first === undefined || rule === undefined) throw new Error('no entry')
    const vague = { ...first, match: [{ ...rule, when: { field: 'name', contains: 'odd' } }] }

    expect(buildTriggerIndex([vague]).always).toEqual([vague])
  })
})

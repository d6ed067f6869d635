// The shared corpus: every file of the edge runtimes is named and described as its manifest says, and the decoys are no models.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { inspectFile } from './open-candidate.ts'

interface Entry {
  readonly file: string
  readonly format: string
  readonly expect: { readonly facts?: Readonly<Record<string, unknown>>; readonly companion_of?: string }
}

const corpus = join(import.meta.dirname, '../../../../shared/corpus/benign')
const isPresent = existsSync(corpus)
if (!isPresent) console.warn(`corpus: absent, ${corpus} is not there, so the corpus tests are skipped`)
const check = isPresent ? it : it.skip

/** The manifest's names of formats, and ours. */
const FORMATS: ReadonlyMap<string, string> = new Map([
  ['tflite', 'tflite'],
  ['executorch-pte', 'executorch'],
  ['mnn', 'mnn'],
  ['openvino-ir', 'openvino'],
  ['ncnn', 'ncnn'],
  ['ncnn-param', 'ncnn'],
  ['ncnn-param-bin', 'ncnn'],
])

function entries(): readonly Entry[] {
  return JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) as readonly Entry[]
}

/** `operators_in_subgraph0` -> `operatorsInSubgraph0`. */
function ourKey(key: string): string {
  return key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase())
}

/** The manifest tells kinds of layers as an object; ours is the same as words. */
function ourValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .map(([kind, count]) => `${kind} ${String(count)}`)
    .join(', ')
}

describe('the corpus', () => {
  check('is named and described as its manifest says', async () => {
    const looked = entries().filter((entry) => FORMATS.has(entry.format))

    for (const { file, format, expect: wanted } of looked) {
      const draft = await inspectFile(join(corpus, file))

      const facts: ReadonlyMap<string, unknown> = new Map(Object.entries(draft.fingerprint.container ?? {}))
      expect({ file, format: draft.format, verdict: draft.verdict }).toEqual({
        file,
        format: FORMATS.get(format),
        verdict: 'unchecked',
      })
      for (const [key, value] of Object.entries(wanted.facts ?? {})) {
        // The first programs have zeros where the extended header would be: there is none.
        const said = key === 'extended_header' && value === '\0\0\0\0' ? undefined : ourValue(value)
        expect({ file, key, value: facts.get(ourKey(key)) }).toEqual({ file, key, value: said })
      }
    }
    expect(looked.length).toBeGreaterThanOrEqual(32)
  })

  check('has decoys, which none of these readers takes for a model', async () => {
    const decoys = entries().filter(({ format }) => format === 'decoy')

    for (const { file } of decoys) {
      const { format } = await inspectFile(join(corpus, file))

      expect({ file, isEdge: [...FORMATS.values()].includes(format ?? '') }).toEqual({ file, isEdge: false })
    }
    expect(decoys.length).toBeGreaterThanOrEqual(4)
  })
})

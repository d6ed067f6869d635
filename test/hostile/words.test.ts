// Every word of every sample becomes a word that hurts, in as many bytes: what JavaScript calls its own, halves of characters, bytes
// that are no UTF-8, escapes that move a terminal's cursor, marks that turn the direction of writing, and zeros.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { breachOfPrototypes, hold, namedSamples } from './hold-answer.ts'
import { breachOfDraft, inspectPath } from './inspect-for-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-words-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Longer samples repeat the words of their tables: these are spread over all of them. */
const MAX_WORDS = 60
/** A hang guard, not a budget. */
const WITHIN_MS = 120_000

type Fill = (length: number) => Buffer

/** Cut or padded to the length. */
const fitted =
  (word: string, pad: string): Fill =>
  (length) =>
    Buffer.alloc(length, pad, 'latin1').fill(word, 0, Math.min(length, word.length), 'latin1')
const repeated =
  (hex: string): Fill =>
  (length) =>
    Buffer.alloc(length, hex, 'hex')

const FILLS: readonly (readonly [what: string, fill: Fill])[] = [
  ['__proto__', fitted('__proto__', '_')],
  ['__proto__ and a zero', fitted('__proto__', '\0')],
  ['constructor', fitted('constructor', ' ')],
  ['toString', fitted('toString', '\0')],
  ['halves of characters', repeated('eda080')],
  ['halves in the wrong order', repeated('edb080eda080')],
  ['overlong slashes', repeated('c0afe080aff08080af')],
  ['bytes that are no UTF-8', repeated('fffe80f5')],
  ['escapes', fitted('\u001b[2J\u001b]0;x\u0007\u001b[31m', '\u001b')],
  ['one-byte escapes', repeated('9b324a9d')],
  ['right-to-left overrides', repeated('e280ae')],
  ['zeros', repeated('00')],
]

interface Place {
  readonly start: number
  readonly length: number
}

/** Where words lie, at most so many of them, spread evenly. */
function placesOf(bytes: Buffer): readonly Place[] {
  const words = [...bytes.toString('latin1').matchAll(/[\w.-]{3,}/g)]
  const stride = Math.max(1, Math.ceil(words.length / MAX_WORDS))
  return words.filter((_, at) => at % stride === 0).map(({ index, 0: word }) => ({ start: index, length: word.length }))
}

function withWord(bytes: Buffer, { start, length }: Place, fill: Fill): Buffer {
  const changed = Buffer.from(bytes)
  fill(length).copy(changed, start)
  return changed
}

async function breachOfInspection(name: string, bytes: Buffer): Promise<string | null> {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  const draft = await inspectPath(path)
  rmSync(path)
  return breachOfDraft(draft) ?? breachOfPrototypes()
}

it('there are words in the samples', () => {
  const counts = namedSamples.map(([, { bytes }]) => placesOf(bytes).length)

  expect(counts.filter((count) => count > 1).length).toBeGreaterThan(namedSamples.length * 0.9)
  expect(withWord(Buffer.from('a name b'), { start: 2, length: 4 }, fitted('__proto__', '_')).toString()).toBe(
    'a __pr b',
  )
})

describe.each(namedSamples)('%s', (_, { name, bytes, format }) => {
  it(
    `answers whichever of its words is one of ${FILLS.length} that hurt`,
    async () => {
      const changes = placesOf(bytes).flatMap((place) => FILLS.map(([what, fill]) => ({ place, what, fill })))
      for (const { place, what, fill } of changes) {
        const changed = withWord(bytes, place, fill)
        const breach = hold(changed, format).breach ?? (await breachOfInspection(name, changed))
        if (breach !== null) throw new Error(`byte ${place.start} made of ${what}: ${breach}`)
      }
    },
    WITHIN_MS,
  )

  it(`answers with all of its words made of them at once`, async () => {
    for (const [what, fill] of FILLS) {
      const changed = placesOf(bytes).reduce((before, place) => withWord(before, place, fill), bytes)
      const breach = hold(changed, format).breach ?? (await breachOfInspection(name, changed))
      expect({ what, breach }).toEqual({ what, breach: null })
    }
  })
})

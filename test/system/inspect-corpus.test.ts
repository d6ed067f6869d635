// Issue 3's promise about real files, kept by the built command: `gnomon inspect --ndjson` names every benign file, agrees with its
// manifest and accuses nobody; it flags what the manifest says must be flagged.
import { describe, expect, it } from '@jest/globals'
import { type Inspection, inspectionSchema } from '../../contract/artifact.ts'
import {
  type CorpusKind,
  type Entry,
  corpusPath,
  entriesOf,
  factsThatDiffer,
  hasCorpus,
  isCalm,
  isCaught,
  isFlagged,
  isNamed,
} from '../shared-corpus.ts'
import { gnomon } from './programs.ts'

const whereCorpus = hasCorpus ? describe : describe.skip

interface Answered {
  readonly entry: Entry
  readonly told: Inspection
}

async function inspect(...operands: readonly string[]): Promise<readonly Inspection[]> {
  const { stdout, code } = await gnomon('inspect', '--ndjson', ...operands)
  expect(code).toBe(0)
  return stdout
    .trim()
    .split('\n')
    .map((line) => inspectionSchema.parse(JSON.parse(line)))
}

/** A line for each file, in the order in which they were given. */
async function inspectEach(kind: CorpusKind): Promise<readonly Answered[]> {
  const entries = entriesOf(kind)
  const lines = await inspect(...entries.map(({ file }) => corpusPath(kind, file)))
  expect(lines).toHaveLength(entries.length)
  return entries.flatMap((entry, index) => {
    const told = lines[index]
    return told === undefined ? [] : [{ entry, told }]
  })
}

whereCorpus('gnomon inspect --ndjson over the benign files', () => {
  it('names the format of every file, agrees with the facts that it also reports, and accuses nobody', async () => {
    const answers = await inspectEach('benign')

    const facts = answers.map(({ entry, told }) => factsThatDiffer(entry, told))
    const names = (wrong: readonly Answered[]): readonly string[] =>
      wrong.map(({ entry: { file, format }, told }) => `${file} (${format}): ${told.format ?? ''} ${told.verdict}`)
    expect(names(answers.filter(({ entry, told }) => !isNamed(entry, told)))).toEqual([])
    expect(names(answers.filter(({ entry, told }) => !isCalm(entry, told)))).toEqual([])
    expect(facts.flatMap(({ differing }) => differing)).toEqual([])
    expect(answers.length).toBeGreaterThan(150)
    expect(facts.reduce((sum, { compared }) => sum + compared, 0)).toBeGreaterThan(400)
  })

  it('gives the same names for the folder as a whole, and accuses nobody in it', async () => {
    const entries = entriesOf('benign')
    const told = await inspect(corpusPath('benign', ''))

    const wrong = entries.flatMap((entry) => {
      const path = corpusPath('benign', entry.file)
      const artifacts = told.filter((artifact) => [artifact, ...artifact.parts].some((part) => part.path === path))
      const isGood =
        artifacts.some((artifact) => isNamed(entry, artifact)) && artifacts.every((one) => isCalm(entry, one))
      return isGood || entry.format === 'decoy' ? [] : [`${entry.file} (${entry.format})`]
    })
    expect(wrong).toEqual([])
  })
})

whereCorpus('gnomon inspect --ndjson over the malformed files', () => {
  it('flags every one that must be flagged, and survives the others', async () => {
    const answers = await inspectEach('malformed')

    const mustFlag = answers.filter(({ entry }) => entry.expect.must === 'flag')
    expect(mustFlag.filter(({ told }) => !isFlagged(told)).map(({ entry }) => entry.file)).toEqual([])
    expect(answers.filter(({ told }) => told.verdict === 'clean')).toEqual([])
    expect(mustFlag.length).toBeGreaterThanOrEqual(14)
  })
})

whereCorpus('gnomon inspect --ndjson over the malicious files', () => {
  it('says of every one at least what its manifest asks for, and why', async () => {
    const answers = await inspectEach('malicious')

    const missed = answers.filter(({ entry, told }) => !isCaught(entry, told))
    expect(
      missed.map(({ entry: { file, expect: wanted }, told }) => `${file} ${told.verdict}: ${wanted.why ?? ''}`),
    ).toEqual([])
    const accused = answers.filter(({ told }) => told.verdict === 'malicious')
    expect(accused.filter(({ told }) => told.threats.every(({ effect }) => effect !== 'malicious'))).toEqual([])
    expect(accused.filter(({ told }) => told.threats.every(({ places = [] }) => places.length === 0))).toEqual([])
    expect(answers.length).toBeGreaterThanOrEqual(100)
  })

  it('says so as well where whole folders are inspected', async () => {
    const told = await inspect(corpusPath('malicious', ''))

    const missed = entriesOf('malicious').filter((entry) => {
      const path = corpusPath('malicious', entry.file)
      const artifacts = told.filter((artifact) => [artifact, ...artifact.parts].some((part) => part.path === path))
      return !artifacts.some((artifact) => isCaught(entry, artifact))
    })
    expect(missed.map(({ file }) => file)).toEqual([])
  })
})

whereCorpus('the scans of the benign files', () => {
  it('run to their ends: what is not clean is known for a reason', async () => {
    const answers = await inspectEach('benign')

    const suspicious = answers.filter(({ told }) => told.verdict === 'suspicious')
    expect(suspicious.filter(({ entry }) => entry.expect.unknown_global_ok !== true)).toEqual([])
    expect(answers.filter(({ told }) => told.verdict === 'clean').length).toBeGreaterThan(answers.length / 2)
  })
})

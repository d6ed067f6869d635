// Every file of the shared corpus: real ones are named and agree with the manifest, broken ones are flagged.
import { gguf as parseWithOracle } from '@huggingface/gguf'
import { describe, expect, it } from '@jest/globals'
import { artifactSchema } from '../../../contract/artifact.ts'
import { corpusPath, entriesOf, factsThatDiffer, hasCorpus, isCalm, isFlagged, isNamed } from '../../shared-corpus.ts'
import { inspectFile } from './open-candidate.ts'

const check = hasCorpus ? it : it.skip
const FORMATS = ['gguf', 'safetensors']

describe('benign files of the corpus', () => {
  check('are named and described as the manifest says', async () => {
    const looked = entriesOf('benign').filter((entry) => FORMATS.includes(entry.format))

    for (const { file, format, expect: wanted } of looked) {
      const draft = await inspectFile(corpusPath('benign', file))

      const facts = wanted.facts ?? {}
      const structure = draft.fingerprint.structure
      expect({ file, format: draft.format, verdict: draft.verdict }).toEqual({ file, format, verdict: 'unchecked' })
      expect({ file, tensors: structure?.tensorCount }).toEqual({ file, tensors: facts['n_tensors'] })
      expect({ file, parameters: structure?.parameterCount }).toEqual({
        file,
        parameters: facts['parameter_count'] ?? 0,
      })
      expect({ file, types: structure?.tensorTypes ?? {} }).toEqual({
        file,
        types: facts['tensor_types'] ?? facts['dtypes'] ?? {},
      })
      if (format !== 'gguf') continue
      expect({ file, version: draft.formatVersion }).toEqual({ file, version: String(facts['version']) })
      expect({ file, architecture: structure?.architecture }).toEqual({ file, architecture: facts['architecture'] })
      expect({ file, name: draft.fingerprint.claims?.name ?? null }).toEqual({ file, name: facts['name'] })
    }
    expect(looked.length).toBeGreaterThanOrEqual(20)
  })

  check('agree with @huggingface/gguf where it reads them', async () => {
    const looked = entriesOf('benign').filter((entry) => entry.format === 'gguf')

    for (const { file } of looked) {
      const path = corpusPath('benign', file)
      const oracle = await parseWithOracle(path, { allowLocalFile: true })
      const { fingerprint } = await inspectFile(path)

      const metadata = new Map<string, unknown>(Object.entries(oracle.metadata))
      const architecture = String(metadata.get('general.architecture'))
      const tokens = metadata.get('tokenizer.ggml.tokens')
      expect({
        file,
        architecture: fingerprint.structure?.architecture,
        layers: fingerprint.structure?.layers,
        width: fingerprint.structure?.embeddingWidth,
        tensors: fingerprint.structure?.tensorCount,
        tokens: fingerprint.tokenizer?.size,
      }).toEqual({
        file,
        architecture,
        layers: metadata.get(`${architecture}.block_count`),
        width: metadata.get(`${architecture}.embedding_length`),
        tensors: oracle.tensorInfos.length,
        tokens: Array.isArray(tokens) ? tokens.length : undefined,
      })
    }
    expect(looked.length).toBeGreaterThanOrEqual(16)
  })

  check('are named by their container, and nobody is accused', async () => {
    const looked = entriesOf('benign')

    const misses: string[] = []
    for (const entry of looked) {
      const { file, format } = entry
      const draft = await inspectFile(corpusPath('benign', file))
      if (!isNamed(entry, draft)) misses.push(`${file} is ${draft.format ?? 'nothing'}, not ${format}`)

      expect({ file, verdict: isCalm(entry, draft) ? 'calm' : draft.verdict }).toEqual({ file, verdict: 'calm' })
      const { identities: _identities, marks: _marks, ...wire } = draft
      expect(artifactSchema.safeParse({ ...wire, identifications: [], simulated: false }).error).toBeUndefined()
    }

    expect(misses).toEqual([])
    expect(looked.length).toBeGreaterThan(150)
  })

  check('agree with every fact of the manifest that is also reported', async () => {
    let compared = 0
    const differing: string[] = []
    for (const entry of entriesOf('benign')) {
      const facts = factsThatDiffer(entry, await inspectFile(corpusPath('benign', entry.file)))
      compared += facts.compared
      differing.push(...facts.differing)
    }

    expect(differing).toEqual([])
    expect(compared).toBeGreaterThan(400)
  })
})

describe('malformed files of the corpus', () => {
  check('are flagged, and the cut and lying headers are called malformed', async () => {
    const looked = entriesOf('malformed')

    for (const entry of looked) {
      const { file, format, expect: wanted } = entry
      const draft = await inspectFile(corpusPath('malformed', file))

      if (wanted.must === 'flag') expect({ file, isFlagged: isFlagged(draft) }).toEqual({ file, isFlagged: true })
      if (FORMATS.includes(format)) {
        expect({ file, format: draft.format, verdict: draft.verdict }).toEqual({ file, format, verdict: 'malformed' })
      }
      if (format === 'empty' || format === 'git-lfs-pointer') expect(draft.verdict).toBe('not-a-model')
      if (format === 'git-lfs-pointer') {
        const sha256 = wanted.facts?.['oid_sha256']
        expect(draft.fingerprint.claims?.placeDigest).toEqual({ sha256, from: 'lfs-pointer' })
      }
    }
    expect(looked.length).toBeGreaterThanOrEqual(18)
  })
})

describe('malicious GGUF files of the corpus', () => {
  check('are read like any other, since the threat scan is not this reader', async () => {
    const looked = entriesOf('malicious').filter((entry) => FORMATS.includes(entry.format))

    for (const { file, format } of looked) {
      const draft = await inspectFile(corpusPath('malicious', file))

      expect({ file, format: draft.format }).toEqual({ file, format })
      expect(draft.verdict).not.toBe('clean')
    }
    expect(looked.length).toBeGreaterThan(3)
  })
})

describe('--deep', () => {
  check('confirms the SHA-256 of the manifest', async () => {
    const [entry] = entriesOf('benign').filter(({ format }) => format === 'safetensors')

    const draft = await inspectFile(corpusPath('benign', entry?.file ?? ''), { deep: true })

    expect(draft.fingerprint.content?.sha256).toBe(entry?.sha256)
  })
})

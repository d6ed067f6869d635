// Every GGUF and safetensors file of the shared corpus: real ones agree with the manifest, broken ones are flagged.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gguf as parseWithOracle } from '@huggingface/gguf'
import { describe, expect, it } from '@jest/globals'
import { artifactSchema } from '../../../contract/artifact.ts'
import { inspectFile } from './open-candidate.ts'

interface Entry {
  readonly file: string
  readonly format: string
  readonly sha256: string
  readonly expect: { readonly facts: Readonly<Record<string, unknown>>; readonly must?: string }
}

const corpus = join(import.meta.dirname, '../../../../shared/corpus')
const isPresent = existsSync(corpus)
if (!isPresent) console.warn(`corpus: absent, ${corpus} is not there, so the corpus tests are skipped`)
const check = isPresent ? it : it.skip

function entries(kind: string): readonly Entry[] {
  if (!isPresent) return []
  const manifest = JSON.parse(readFileSync(join(corpus, kind, 'manifest.json'), 'utf8')) as readonly Entry[]
  return manifest.filter((entry) => existsSync(join(corpus, kind, entry.file)))
}

const FORMATS = ['gguf', 'safetensors']

describe('benign files of the corpus', () => {
  check('are named and described as the manifest says', async () => {
    const looked = entries('benign').filter((entry) => FORMATS.includes(entry.format))

    for (const { file, format, expect: wanted } of looked) {
      const draft = await inspectFile(join(corpus, 'benign', file))

      const facts = wanted.facts
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
    const looked = entries('benign').filter((entry) => entry.format === 'gguf')

    for (const { file } of looked) {
      const path = join(corpus, 'benign', file)
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

  check('of other kinds get an answer that is valid by the contract and accuses nobody', async () => {
    const others = entries('benign').filter((entry) => !FORMATS.includes(entry.format))

    for (const { file } of others) {
      const draft = await inspectFile(join(corpus, 'benign', file))

      expect({ file, format: draft.format, calm: ['unchecked', 'not-a-model'].includes(draft.verdict) }).toEqual({
        file,
        format: null,
        calm: true,
      })
      const { identities: _identities, ...wire } = draft
      expect(artifactSchema.safeParse({ ...wire, identifications: [], simulated: false }).error).toBeUndefined()
    }
    expect(others.length).toBeGreaterThan(100)
  })
})

describe('malformed files of the corpus', () => {
  check('are flagged, and the cut and lying headers are called malformed', async () => {
    const looked = entries('malformed')

    for (const { file, format, expect: wanted } of looked) {
      const draft = await inspectFile(join(corpus, 'malformed', file))

      if (wanted.must === 'flag') expect({ file, gaps: draft.gaps.length > 0 }).toEqual({ file, gaps: true })
      if (FORMATS.includes(format)) {
        expect({ file, format: draft.format, verdict: draft.verdict }).toEqual({ file, format, verdict: 'malformed' })
      }
      if (format === 'empty' || format === 'git-lfs-pointer') expect(draft.verdict).toBe('not-a-model')
      if (format === 'git-lfs-pointer') {
        const sha256 = wanted.facts['oid_sha256']
        expect(draft.fingerprint.claims?.placeDigest).toEqual({ sha256, from: 'lfs-pointer' })
      }
    }
    expect(looked.length).toBeGreaterThanOrEqual(18)
  })
})

describe('malicious GGUF files of the corpus', () => {
  check('are read like any other, since the threat scan is not this reader', async () => {
    const looked = entries('malicious').filter((entry) => FORMATS.includes(entry.format))

    for (const { file, format } of looked) {
      const draft = await inspectFile(join(corpus, 'malicious', file))

      expect({ file, format: draft.format }).toEqual({ file, format })
      expect(draft.verdict).not.toBe('clean')
    }
    expect(looked.length).toBeGreaterThan(3)
  })
})

describe('--deep', () => {
  check('confirms the SHA-256 of the manifest', async () => {
    const [entry] = entries('benign').filter(({ format }) => format === 'safetensors')

    const draft = await inspectFile(join(corpus, 'benign', entry?.file ?? ''), { deep: true })

    expect(draft.fingerprint.content?.sha256).toBe(entry?.sha256)
  })
})

// Every file of the shared corpus: real ones are named and agree with the manifest, broken ones are flagged.
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
  readonly expect: {
    readonly facts?: Readonly<Record<string, unknown>>
    readonly must?: string
    readonly expect_status?: string
  }
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
/** Kinds that are no container of weights, or whose container says nothing of itself. */
const WITHOUT_FORMAT = ['decoy']
/** The manifest's names for ids of facts/formats.json. */
const SAME_FORMAT = new Map([
  ['pytorch', ['pytorch-zip', 'torchscript']],
  ['pickle', ['joblib', 'tree-models']],
  ['tf-graphdef', ['tf-frozen']],
  ['keras-v3', ['keras-zip']],
  ['hdf5', ['keras-h5']],
  ['openvino-ir', ['openvino']],
  ['executorch-pte', ['executorch']],
  ['ncnn-param', ['ncnn']],
  ['ncnn-param-bin', ['ncnn']],
  ['ggmf-rwkv', ['ggml-legacy']],
  ['coreml-compiled', ['coreml']],
  ['caffe', ['mxnet-caffe-darknet']],
  ['catboost', ['tree-models']],
  ['zip-encrypted', ['zip']],
])

/** Facts whose names differ by more than the spelling. */
const FACT_NAMES = new Map([
  ['n_nodes', 'nodeCount'],
  ['n_initializers', 'initializerCount'],
  ['n_members', 'memberCount'],
  ['n_tensors', 'tensorCount'],
])
const PICKLE_FACTS = ['globals', 'calls', 'pickles', 'protocols']

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_whole, letter: string) => letter.toUpperCase())
}

type Told = string | number | boolean

/** The facts that both sides give. */
function pairFacts(
  facts: Readonly<Record<string, unknown>>,
  container: Readonly<Record<string, Told>>,
): readonly { readonly name: string; readonly value: unknown; readonly told: Told }[] {
  // The maker of the manifest stopped at the first raw array or storage behind a pickle; we read on.
  const wasCut = typeof facts['parse_stop'] === 'string'
  return Object.entries(facts).flatMap(([name, value]) => {
    const told = container[FACT_NAMES.get(name) ?? camelCase(name)]
    const isDetailed = name === 'pickles' && typeof value === 'object'
    return told === undefined || isDetailed || (wasCut && PICKLE_FACTS.includes(name)) ? [] : [{ name, value, told }]
  })
}

/** Longest text that a fact keeps: a list that is longer is cut there, in the middle of a word if need be. */
const MAX_TOLD_CHARS = 512

/** Lists and counts are told as one text, of which a long one is cut: every name must stand in a whole one. */
function sameFact(wanted: unknown, told: Told): boolean {
  const text = String(told).replaceAll(' ', '')
  if (wanted === null) return text === 'none'
  if (Array.isArray(wanted)) {
    const names = wanted.map((item: unknown) => (Array.isArray(item) ? String(item[0]) : String(item)))
    return hasNames(
      names.map((name) => name.replace(/\.npy$/, '')),
      String(told),
    )
  }
  if (typeof wanted === 'object') {
    const names = Object.keys(wanted)
    return typeof told === 'number' ? told >= names.length : hasNames(names, String(told))
  }
  const plain = typeof wanted === 'string' ? wanted : JSON.stringify(wanted)
  return plain.replaceAll(' ', '').toLowerCase() === text.toLowerCase()
}

/** A whole text has every name; a cut one is the beginning of the list, whose last word may be the beginning of a name. */
function hasNames(names: readonly string[], told: string): boolean {
  const isCut = told.length >= MAX_TOLD_CHARS
  const text = told.replaceAll(' ', '')
  const missing = names.filter((name) => !text.includes(name.replaceAll(' ', '')))
  if (missing.length === 0) return true
  if (!isCut) return false
  const wholeWords = text.split(',').slice(0, -1)
  const known = new Set(names.map((name) => name.replaceAll(' ', '')))
  return wholeWords.length > 0 && wholeWords.every((word) => [...known].some((name) => word.startsWith(name)))
}

describe('benign files of the corpus', () => {
  check('are named and described as the manifest says', async () => {
    const looked = entries('benign').filter((entry) => FORMATS.includes(entry.format))

    for (const { file, format, expect: wanted } of looked) {
      const draft = await inspectFile(join(corpus, 'benign', file))

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

  check('are named by their container, and nobody is accused', async () => {
    const looked = entries('benign')

    const misses: string[] = []
    for (const { file, format, expect: wanted } of looked) {
      const draft = await inspectFile(join(corpus, 'benign', file))
      const isNamed = format === draft.format || (SAME_FORMAT.get(format) ?? []).includes(draft.format ?? 'none')
      if (!isNamed && !WITHOUT_FORMAT.includes(format))
        misses.push(`${file} is ${draft.format ?? 'nothing'}, not ${format}`)

      const calm = wanted.expect_status === 'unscannable' ? ['unscannable'] : ['unchecked', 'not-a-model']
      expect({ file, verdict: calm.includes(draft.verdict) ? 'calm' : draft.verdict }).toEqual({
        file,
        verdict: 'calm',
      })
      const { identities: _identities, marks: _marks, ...wire } = draft
      expect(artifactSchema.safeParse({ ...wire, identifications: [], simulated: false }).error).toBeUndefined()
    }

    // The manifest calls every torch checkpoint `pytorch`; this one has the bytes of the format before 1.6.
    expect(misses).toEqual(['d0064.pth is pytorch-legacy, not pytorch'])
    expect(looked.length).toBeGreaterThan(150)
  })

  check('agree with every fact of the manifest that is also reported', async () => {
    let compared = 0
    const differing: string[] = []
    for (const { file, expect: wanted } of entries('benign')) {
      const { fingerprint } = await inspectFile(join(corpus, 'benign', file))
      const pairs = pairFacts(wanted.facts ?? {}, fingerprint.container ?? {})
      compared += pairs.length
      const wrong = pairs.filter(({ value, told }) => !sameFact(value, told))
      differing.push(
        ...wrong.map(({ name, value, told }) => `${file} ${name}: ${JSON.stringify(value)}, told ${String(told)}`),
      )
    }

    expect(differing).toEqual([])
    expect(compared).toBeGreaterThan(400)
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
        const sha256 = wanted.facts?.['oid_sha256']
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

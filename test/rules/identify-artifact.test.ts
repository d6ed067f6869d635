import { describe, expect, it } from '@jest/globals'
import { wellFormed } from '../../contract/well-formed.ts'
import { identificationSchema } from '../../contract/artifact.ts'
import type { Claims, Fingerprint, Structure } from '../../contract/fingerprint.ts'
import { type Contradiction, contradictions } from '../../rules/contradictions.ts'
import { identifyArtifact } from '../../rules/identify-artifact.ts'
import type { Pack } from '../../rules/pack.ts'
import { packOf, realBody, realPack, realTree } from './real-pack.ts'

const LLAMA_8B: Structure = {
  kind: 'text',
  architecture: 'llama',
  layers: 32,
  embeddingWidth: 4096,
  attentionHeads: 32,
  kvHeads: 8,
  feedForwardWidth: 14336,
  vocabularyRows: 128256,
  tensorCount: 291,
  parameterCount: 8_030_261_248,
  quantization: 'Q4_K',
}
const LLAMA_70B: Structure = {
  ...LLAMA_8B,
  layers: 80,
  embeddingWidth: 8192,
  attentionHeads: 64,
  feedForwardWidth: 28672,
  parameterCount: 70_553_706_496,
}
const GEMMA_2B: Structure = {
  ...LLAMA_8B,
  architecture: 'gemma2',
  layers: 26,
  embeddingWidth: 2304,
  attentionHeads: 8,
  kvHeads: 4,
  feedForwardWidth: 9216,
  vocabularyRows: 256000,
  parameterCount: 2_614_341_888,
}
const MIXTRAL: Structure = {
  ...LLAMA_8B,
  vocabularyRows: 32000,
  experts: 8,
  expertsUsed: 2,
  parameterCount: 46_702_792_704,
}

function identify(fingerprint: Fingerprint, sizeBytes = 1): ReturnType<typeof identifyArtifact> {
  return identifyArtifact({ format: 'gguf', path: '/home/a/notes', sizeBytes, fingerprint }, realPack)
}

function contradict(structure: Structure, claims: Claims, more: Partial<Fingerprint> = {}): readonly Contradiction[] {
  return contradictions(
    { format: 'gguf', path: '/home/a/notes', sizeBytes: 1, fingerprint: { structure, claims, ...more } },
    realPack,
  )
}

describe('identification of a file', () => {
  const [known] = realTree.digests.filter(
    (row) => row.sha256 !== undefined && row.disputed !== true && row.size !== undefined,
  )
  const [disputed] = realTree.digests.filter(
    (row) => row.sha256 !== undefined && row.disputed === true && row.aliases !== undefined,
  )
  const sha256 = known?.sha256 ?? ''

  it('is certain where its SHA-256 was computed and is listed', () => {
    const [best] = identify({ content: { sha256 }, structure: LLAMA_8B })

    expect(best).toMatchObject({
      rung: 6,
      confidence: 'certain',
      model: known?.model,
      entryId: `sha256:${sha256.slice(0, 16)}`,
    })
    expect(best?.because.join(' ')).toContain(sha256)
  })

  it('is "one of", and no more than likely, where the catalogues disagree', () => {
    const [best] = identify({ content: { sha256: disputed?.sha256 ?? '' } })

    expect(best).toMatchObject({ rung: 6, confidence: 'likely' })
    expect(best?.model).toMatch(/^one of: /)
    expect(best?.candidates.length).toBeGreaterThan(1)
  })

  it('is only possible where the place claims a listed digest, and nothing where the size is another', () => {
    const claims: Claims = { placeDigest: { sha256, from: 'ollama-blob' } }

    expect(identify({ claims }, known?.size)[0]).toMatchObject({ rung: 1, confidence: 'possible', model: known?.model })
    expect(identify({ claims }, (known?.size ?? 0) + 1)).toEqual([])
  })

  it('no longer believes the place once the content was hashed', () => {
    const found = identify(
      { claims: { placeDigest: { sha256, from: 'ollama-blob' } }, content: { sha256: 'f'.repeat(64) } },
      known?.size,
    )

    expect(found).toEqual([])
  })

  it('is never more than possible by structure, and lists all candidates', () => {
    const [best] = identify({ structure: LLAMA_8B })

    expect(best).toMatchObject({ rung: 2, confidence: 'possible', family: 'llama' })
    expect(best?.candidates).toEqual([
      'Meta-Llama-3-8B',
      'Llama-3.1-8B',
      'Hermes-3-Llama-3.1-8B',
      'DeepSeek-R1-Distill-Llama-8B',
      'Meta-Llama-3.1-8B-Instruct',
    ])
    expect(best?.license).toBeUndefined()
  })

  it('puts the candidate first that the file names itself after', () => {
    const [best] = identify({ structure: LLAMA_8B, claims: { name: 'DeepSeek R1 Distill Llama 8B' } })

    expect(best).toMatchObject({ model: 'DeepSeek-R1-Distill-Llama-8B', confidence: 'possible' })
    expect(best?.because.join(' ')).toContain('a name proves nothing')
  })

  it.each([
    ['one added token', 128257, 'l32-d4096-h32-8-ff14336-v128256'],
    ['an exact entry nearby', 128288, 'l32-d4096-h32-8-ff14336-v128288'],
    ['another tokenizer', 32768, 'l32-d4096-h32-8-ff14336-v32768'],
    ['no known tokenizer', 64000, undefined],
  ])('compares vocabulary rows with padding: %s', (_what, vocabularyRows, entryId) => {
    const [best] = identify({ structure: { ...LLAMA_8B, vocabularyRows } })

    expect(best?.entryId).toBe(entryId)
  })

  it('tells a mixture of experts from its dense twin', () => {
    expect(identify({ structure: MIXTRAL })[0]).toMatchObject({ model: 'Mixtral-8x7B-v0.1', family: 'mixtral' })
    expect(identify({ structure: { ...LLAMA_8B, vocabularyRows: 32000 } })[0]?.family).toBe('mistral')
  })

  it('leaves out candidates of another architecture', () => {
    const structure: Structure = {
      ...LLAMA_8B,
      architecture: 'qwen',
      layers: 24,
      embeddingWidth: 2048,
      attentionHeads: 16,
      kvHeads: 16,
      feedForwardWidth: 5504,
      vocabularyRows: 151936,
    }

    expect(identify({ structure })[0]?.candidates).toEqual(['Qwen-1_8B'])
    expect(identify({ structure: { ...structure, architecture: 'qwen2' } })[0]?.candidates).toEqual(['Qwen1.5-1.8B'])
    expect(identify({ structure: { ...structure, architecture: 'gemma' } })).toEqual([])
  })

  it('says nothing of adapters by structure, and nothing without facts', () => {
    expect(identify({ structure: { ...LLAMA_8B, kind: 'adapter' } })).toEqual([])
    expect(identify({})).toEqual([])
  })

  it('keeps a claimed name as a claim', () => {
    expect(identify({ claims: { name: 'My Mistral Experiment' } })).toEqual([
      expect.objectContaining({
        entryId: 'claimed-name',
        rung: 1,
        confidence: 'possible',
        family: 'mistral',
        vendor: 'Mistral AI',
      }),
    ])
    expect(identify({ claims: { name: 'philosophy notes' } })).toEqual([])
  })

  it('fits the wire with hostile names', () => {
    for (const name of ['llama'.repeat(100_000), '__proto__ llama', '\ud800 qwen \u202e', 'gemma '.repeat(50_000)]) {
      for (const found of identify({ claims: { name, basename: name, placeName: name }, structure: LLAMA_8B })) {
        expect(identificationSchema.safeParse(wellFormed(found)).success).toBe(true)
      }
    }
  })
})

describe('a contradiction', () => {
  it.each<[string, Structure, Claims, RegExp]>([
    ['a Llama 70B that calls itself Mistral 7B', LLAMA_70B, { name: 'Mistral 7B Instruct v0.3' }, /Mistral 7B/],
    ['a size label of 7B on 70B parameters', LLAMA_70B, { name: 'x', sizeLabel: '7B' }, /size label says 7B/],
    ['a size label of 70B on 8B parameters', LLAMA_8B, { sizeLabel: '70B' }, /70B/],
    [
      'a Gemma structure under the architecture of Qwen',
      { ...GEMMA_2B, architecture: 'qwen2' },
      {},
      /architecture says qwen2/,
    ],
    ['a Gemma that claims Apache', GEMMA_2B, { name: 'gemma-2-2b-it', license: 'apache-2.0' }, /licence apache-2.0/],
  ])('is told: %s', (_what, structure, claims, said) => {
    const found = contradict(structure, claims)

    expect(found.map((each) => each.claim).join(' ')).toMatch(said)
    expect(found.every((each) => each.because.length > 0)).toBe(true)
  })

  it('is told where a store names a file by another digest than its content has', () => {
    const [found] = contradict(
      LLAMA_8B,
      { placeDigest: { sha256: 'a'.repeat(64), from: 'ollama-blob' } },
      { content: { sha256: 'b'.repeat(64) } },
    )

    expect(found?.because.join(' ')).toContain('changed or replaced')
  })

  it.each<[string, Structure, Claims]>([
    ['an honest file', LLAMA_8B, { name: 'Meta Llama 3.1 8B Instruct', sizeLabel: '8B', license: 'llama3.1' }],
    ['a renamed fine-tune', LLAMA_8B, { name: 'Nous Hermes 2 Pro', finetune: 'Hermes', license: 'apache-2.0' }],
    ['a merge in another style', LLAMA_8B, { name: 'Llama-3-8B-Mistral-style' }],
    ['a distillate named after its teacher', LLAMA_8B, { name: 'DeepSeek R1 8B', placeName: 'library/deepseek-r1' }],
    ['a small student of a large model', LLAMA_8B, { name: 'Qwen 8B distilled from 235B' }],
    ['a draft for a larger model', { ...LLAMA_8B, parameterCount: 494_000_000 }, { name: 'Mistral-draft-70B' }],
    ['a name with two sizes', LLAMA_8B, { name: 'Qwen3-30B-A3B' }],
    ['a mixture labelled by its experts', MIXTRAL, { name: 'Mixtral 8x7B Instruct', sizeLabel: '8x7B' }],
    ['a mixture labelled 16x17B', { ...MIXTRAL, parameterCount: 107_769_861_120 }, { sizeLabel: '16x17B' }],
    ['a mixture of 128 experts', { ...MIXTRAL, parameterCount: 400_711_848_960 }, { sizeLabel: '128x17B' }],
    ['a label of effective parameters', { ...GEMMA_2B, parameterCount: 6_900_000_000 }, { sizeLabel: 'E4B' }],
    ['a rounded label', { ...GEMMA_2B, parameterCount: 1_236_000_000 }, { sizeLabel: '1B' }],
    [
      'packed integer weights',
      { ...LLAMA_8B, parameterCount: 1_100_000_000, quantization: 'I32' },
      { name: 'Llama 8B AWQ', sizeLabel: '8B' },
    ],
    [
      'weights packed beside others',
      { ...LLAMA_8B, parameterCount: 1_100_000_000, tensorTypes: { F16: 10, U8: 200 } },
      { sizeLabel: '8B' },
    ],
    ['a vocabulary alone', { ...LLAMA_8B, kind: 'vocabulary', parameterCount: 0, tensorCount: 0 }, { sizeLabel: '8B' }],
    [
      'an adapter',
      { ...LLAMA_8B, kind: 'adapter', parameterCount: 20_000_000 },
      { name: 'Mistral 7B', sizeLabel: '7B' },
    ],
    [
      'a llamafied Qwen',
      { ...LLAMA_8B, kvHeads: 32, feedForwardWidth: 11008, vocabularyRows: 151936 },
      { name: 'Qwen 7B llamafied' },
    ],
    ['an unknown structure', { ...LLAMA_70B, layers: 77 }, { name: 'Mistral 7B' }],
    ['a fine-tune of Gemma under another name', GEMMA_2B, { name: 'sea-lion', license: 'mit' }],
    ['a Gemma with its own licence', GEMMA_2B, { name: 'gemma-2-2b', license: 'gemma' }],
    ['a nonsense label', LLAMA_8B, { sizeLabel: 'huge', name: '7 wonders of mistral' }],
    ['a pointer to a file elsewhere', LLAMA_8B, { placeDigest: { sha256: 'a'.repeat(64), from: 'lfs-pointer' } }],
  ])('is not told: %s', (_what, structure, claims) => {
    expect(contradict(structure, claims, { content: { sha256: 'b'.repeat(64) } })).toEqual([])
  })

  it('of size is not told of a model with a missing part', () => {
    const facts = {
      format: 'gguf',
      path: '/x',
      sizeBytes: 1,
      fingerprint: { structure: LLAMA_8B, claims: { sizeLabel: '70B' } },
    }
    const gap = { code: 'GNO_READ_PART_MISSING', place: '/x', count: 1, detail: 'part 2 of 2' }

    expect(contradictions(facts, realPack).length).toBe(1)
    expect(contradictions({ ...facts, gaps: [gap] }, realPack)).toEqual([])
  })

  it('is told of no model in the registry that names itself truly', () => {
    const wrong = realTree.models.flatMap((entry) =>
      entry.candidates.flatMap((candidate) => {
        const structure: Structure = {
          ...entry.match,
          kind: 'text',
          tensorCount: 100,
          parameterCount: candidate.parameters ?? 1,
          ...(candidate.architectures[0] === undefined ? {} : { architecture: candidate.architectures[0] }),
          ...(entry.match.experts === undefined ? {} : { expertFeedForwardWidth: entry.match.feedForwardWidth }),
        }
        const claims: Claims = {
          name: candidate.name,
          placeName: candidate.repo,
          ...(candidate.license === undefined ? {} : { license: candidate.license }),
        }
        return candidate.parameters === undefined
          ? []
          : contradict(structure, claims).map((each) => `${candidate.name}: ${each.claim}`)
      }),
    )

    expect(wrong).toEqual([])
  })
})

describe('identification by what was learned of a known file', () => {
  const normDigest = `norm1:${'a'.repeat(64)}`
  const baseVocabDigest = `tok1:${'b'.repeat(64)}`

  /** The real pack, with rungs 3 and 4 given to the candidates of Llama 3 8B whose names pass. */
  function learnedPack(learn: (name: string) => boolean): Pack {
    const models = realBody.models.map((entry) => ({
      ...entry,
      candidates: entry.candidates.map((candidate) =>
        entry.structureKey === 'L32-d4096-h32/8-ff14336-v128256' && learn(candidate.name)
          ? { ...candidate, normDigest, baseVocabDigest }
          : candidate,
      ),
    }))
    return packOf({ ...realBody, models })
  }

  const lineage = { normDigest, blocks: 0, roles: [], outerRoles: [], tensors: '', normSketch: '', bytesRead: 0 }
  const tokenizer = { kind: 'gpt2', size: 128_256, baseVocabDigest }
  const facts = { format: 'gguf', path: '/x', sizeBytes: 1 }

  it('is likely by norms, whatever the file calls itself', () => {
    const pack = learnedPack((name) => name === 'Llama-3.1-8B')

    const [best] = identifyArtifact({ ...facts, fingerprint: { lineage, claims: { name: 'my notes' } } }, pack)

    expect(best).toMatchObject({ model: 'Llama-3.1-8B', rung: 4, confidence: 'likely', vendor: 'Meta' })
  })

  it('is likely by structure and vocabulary where only one model has both, and not where two do', () => {
    const fingerprint = { structure: LLAMA_8B, tokenizer }

    const one = identifyArtifact(
      { ...facts, fingerprint },
      learnedPack((name) => name === 'Llama-3.1-8B'),
    )
    const two = identifyArtifact(
      { ...facts, fingerprint },
      learnedPack((name) => name.includes('Llama-3')),
    )

    expect(one[0]).toMatchObject({ model: 'Llama-3.1-8B', rung: 3, confidence: 'likely' })
    expect(two[0]).toMatchObject({ rung: 2, confidence: 'possible' })
  })

  it('is not likely by a vocabulary alone', () => {
    const pack = learnedPack((name) => name === 'Llama-3.1-8B')

    expect(identifyArtifact({ ...facts, fingerprint: { tokenizer } }, pack)).toEqual([])
  })
})

import { describe, expect, it } from '@jest/globals'
import { relateFound } from '../../agent/relate-found.ts'
import type { Artifact } from '../../contract/artifact.ts'
import type { Fingerprint, Lineage } from '../../contract/fingerprint.ts'
import { encodeBase64 } from '../../rules/base64.ts'
import { contradictions } from '../../rules/contradictions.ts'
import type { TensorMark } from '../../rules/edit-map.ts'
import { relateArtifacts } from '../../rules/relate-artifacts.ts'
import { realPack } from './real-pack.ts'

const BLOCKS = 4
const ROLES = ['attn_norm', 'ffn_norm']
const OUTER = ['output_norm']
const COUNT = BLOCKS * ROLES.length + OUTER.length
const SHAPE = { kind: 'text' as const, architecture: 'llama', embeddingWidth: 64, tensorCount: 9, parameterCount: 1e6 }

/** A lineage whose norms follow from a number; `drift` of its sketches are disturbed by another. */
function lineage(seed: number, drift = 0): Lineage {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * 250) - 125
  }
  const sketch = Int8Array.from({ length: COUNT * 64 }, next)
  const digests = Uint8Array.from({ length: COUNT * 8 }, (_, index) => (seed * 31 + drift * 7 + index) & 0xff)
  if (drift > 0) for (const [index, value] of sketch.entries()) sketch[index] = value + ((index * drift) % 9) - 4
  return {
    normDigest: `norm1:${String(seed * 100 + drift).padStart(32, '0')}`,
    blocks: BLOCKS,
    roles: ROLES,
    outerRoles: OUTER,
    tensors: encodeBase64(digests),
    normSketch: encodeBase64(new Uint8Array(sketch.buffer)),
    bytesRead: 1,
  }
}

function artifact(path: string, fingerprint: Fingerprint, rest: Partial<Artifact> = {}): Artifact {
  return {
    artifactId: `art1:${path}`,
    kind: 'file',
    path,
    parts: [],
    sizeBytes: 1,
    format: 'gguf',
    formatVersion: '3',
    verdict: 'unchecked',
    fingerprint: { structure: { ...SHAPE, architectureDigest: `arch1:${'0'.repeat(64)}` }, ...fingerprint },
    identifications: [],
    threats: [],
    gaps: [],
    simulated: false,
    ...rest,
  }
}

const KNOWN = {
  entryId: 'sha256:1',
  model: 'Mistral 7B v0.3',
  family: 'mistral',
  license: 'llama2',
  rung: 6,
  confidence: 'certain' as const,
  candidates: [],
  because: [],
}
const mark = (name: string, value: string): TensorMark => ({ name, type: 'F16', shape: [1], mark: value })
const bare = (of: Artifact) => ({ artifact: of, marks: [] })

describe('relateArtifacts', () => {
  it('relates a descendant with its base, and neither with a stranger', () => {
    const base = artifact('/base', { lineage: lineage(1) })
    const tuned = artifact('/tuned', { lineage: lineage(1, 1) })
    const stranger = artifact('/stranger', { lineage: lineage(99) })

    const relations = relateArtifacts([base, tuned, stranger].map(bare))

    expect(relations.get('/tuned')).toMatchObject([{ kind: 'derived', path: '/base' }])
    expect(relations.get('/base')).toMatchObject([{ kind: 'derived', path: '/tuned' }])
    expect(relations.has('/stranger')).toBe(false)
  })

  it('calls it an edit, in words, where most samples are equal', () => {
    const norms = lineage(1)
    const before = [mark('blk.0.attn_q.weight', 'a'), mark('blk.0.ffn_down.weight', 'b'), mark('output.weight', 'c')]
    const after = [before[0] ?? mark('', ''), mark('blk.0.ffn_down.weight', 'x'), before[2] ?? mark('', '')]

    const relations = relateArtifacts([
      { artifact: artifact('/approved', { lineage: norms }), marks: before },
      { artifact: artifact('/edited', { lineage: norms }), marks: after },
    ])

    const [relation] = relations.get('/edited') ?? []
    expect(relation).toMatchObject({ kind: 'edit-of', path: '/approved' })
    expect(relation?.because[0]).toBe('2 of 3 tensors equal in their samples, except blk.0.ffn_down.weight')
  })

  it('finds a bare copy of the weights of a folder, whose configuration adds to its size', () => {
    const folder = artifact('/folder', {}, { artifactId: 'art1:same', kind: 'folder', sizeBytes: 2_000 })
    const stripped = artifact('/stripped.safetensors', {}, { artifactId: 'art1:same', sizeBytes: 1_000 })

    const relations = relateArtifacts([bare(folder), bare(stripped)])

    expect(relations.get('/stripped.safetensors')).toMatchObject([{ kind: 'same-content', path: '/folder' }])
  })

  it('finds copies by size and samples, and says what that proves', () => {
    const copy = (path: string): Artifact => artifact(path, {}, { artifactId: 'art1:same' })

    const relations = relateArtifacts([bare(copy('/a')), bare(copy('/b'))])

    expect(relations.get('/a')).toMatchObject([{ kind: 'same-content', path: '/b', similarity: 1 }])
    expect(relations.get('/a')?.[0]?.because[0]).toContain('not all of it was read')
  })

  it.each(['meta-llama/Llama-3.1-8B', 'https://huggingface.co/meta-llama/Llama-3.1-8B', 'llama 3.1 8b'])(
    'links an adapter that names %s with that model',
    (repoUrl) => {
      const base = artifact('/base', { claims: { name: 'Llama 3.1 8B' } })
      const adapter = artifact('/adapter', {
        structure: { kind: 'adapter', tensorCount: 2, parameterCount: 2 },
        claims: { baseModels: [{ repoUrl }] },
      })

      expect(relateArtifacts([bare(adapter), bare(base)]).get('/adapter')).toMatchObject([
        { kind: 'adapter-of', path: '/base' },
      ])
    },
  )

  it('makes a claimed base that the norms refute a contradiction', () => {
    const base = artifact('/base', { lineage: lineage(1) }, { identifications: [KNOWN] })
    const liar = artifact('/liar', { lineage: lineage(99), claims: { baseModels: [{ name: 'Mistral-7B-v0.3' }] } })

    const relations = relateArtifacts([bare(base), bare(liar)]).get('/liar') ?? []
    const found = contradictions({ ...liar, relations }, realPack)

    expect(relations).toMatchObject([{ kind: 'refuted-base', path: '/base' }])
    expect(found).toMatchObject([{ claim: 'it names Mistral-7B-v0.3 as its base' }])
  })

  /** Gemma 2 2B: every known model of this structure is under one licence that is not open. */
  const GEMMA = {
    ...SHAPE,
    architecture: 'gemma2',
    layers: 26,
    embeddingWidth: 2304,
    attentionHeads: 8,
    kvHeads: 4,
    feedForwardWidth: 9216,
    vocabularyRows: 256_000,
  }
  /** Mistral 7B, which is open, as some of its fine-tunes are not. */
  const MISTRAL = {
    ...SHAPE,
    layers: 32,
    embeddingWidth: 4096,
    attentionHeads: 32,
    kvHeads: 8,
    feedForwardWidth: 14_336,
    vocabularyRows: 32_768,
  }

  it.each([
    ['the same norms', 1, 0, 'same-norms'],
    ['norms that moved a little', 1, 1, 'derived'],
  ])('makes a licence freer than that of kin with %s a contradiction', (_what, seed, drift, kind) => {
    const base = artifact('/base', { structure: GEMMA, lineage: lineage(1) }, { identifications: [KNOWN] })
    const claims = { license: 'apache-2.0' }
    const freed = artifact('/freed', { structure: GEMMA, lineage: lineage(seed, drift), claims })

    const relations = relateArtifacts([bare(base), bare(freed)]).get('/freed') ?? []
    const found = contradictions({ ...freed, relations }, realPack)

    expect(relations).toMatchObject([{ kind, model: KNOWN.model, license: 'llama2' }])
    expect(found.map(({ claim }) => claim)).toEqual(['it claims the licence apache-2.0'])
  })

  it('does not accuse an open model because somebody closed a fine-tune of it', () => {
    const closed = artifact('/closed', { structure: MISTRAL, lineage: lineage(1) }, { identifications: [KNOWN] })
    const open = artifact('/open', { structure: MISTRAL, lineage: lineage(1), claims: { license: 'apache-2.0' } })

    const relations = relateArtifacts([bare(closed), bare(open)]).get('/open') ?? []

    expect(relations).toMatchObject([{ kind: 'same-norms', license: 'llama2' }])
    expect(contradictions({ ...open, relations }, realPack)).toEqual([])
  })

  it('accuses a copy of a closed file that claims to be free, whatever its structure is', () => {
    const closed = artifact('/closed', {}, { artifactId: 'art1:same', identifications: [KNOWN] })
    const copy = artifact('/copy', { claims: { license: 'mit' } }, { artifactId: 'art1:same' })

    const relations = relateArtifacts([bare(closed), bare(copy)]).get('/copy') ?? []

    expect(contradictions({ ...copy, relations }, realPack)).toMatchObject([{ claim: 'it claims the licence mit' }])
  })

  it('relates what is new with what is known, and does not compare the known ones again', () => {
    const known = [artifact('/old', { lineage: lineage(1) }), artifact('/older', { lineage: lineage(1) })].map(bare)
    const added = bare(artifact('/new', { lineage: lineage(1) }))

    const nothingNew = relateArtifacts([], known)
    const oneNew = relateArtifacts([added], known)

    expect(nothingNew.size).toBe(0)
    expect(
      oneNew
        .get('/new')
        ?.map(({ path }) => path)
        .sort(),
    ).toEqual(['/old', '/older'])
    expect(oneNew.get('/old')?.map(({ path }) => path)).toEqual(['/new'])
  })

  it('keeps within its pairs and relations on a machine with 300 copies', () => {
    const many = Array.from({ length: 300 }, (_, index) => bare(artifact(`/m${index}`, { lineage: lineage(1) })))

    const relations = relateArtifacts(many)

    for (const list of relations.values()) expect(list.length).toBeLessThanOrEqual(32)
  })

  it.each([
    ['named so by itself alone', { claims: { name: 'Mistral 7B v0.3' } }, []],
    ['whose content is known as another model', { claims: { name: 'Mistral 7B v0.3' } }, [{ ...KNOWN, model: 'Phi' }]],
    ['that is only likely', {}, [{ ...KNOWN, rung: 4, confidence: 'likely' as const }]],
  ])('lets no planted base %s refute or free anybody', (_, claims, identifications) => {
    const stranger = artifact('/planted', { lineage: lineage(1), ...claims }, { identifications })
    const kin = artifact('/kin', { lineage: lineage(99), ...claims }, { identifications: identifications.slice(1) })
    const innocent = artifact('/innocent', {
      lineage: lineage(99),
      claims: { license: 'apache-2.0', baseModels: [{ name: 'Mistral-7B-v0.3' }] },
    })

    const relations = relateArtifacts([stranger, kin, innocent].map(bare)).get('/innocent') ?? []

    expect(relations.map(({ kind, license }) => [kind, license])).toEqual([['same-norms', undefined]])
    expect(contradictions({ ...innocent, relations }, realPack)).toEqual([])
  })

  it('relates equal norms though one file lost its configuration, and with it kind and width', () => {
    const named = artifact('/named', { lineage: lineage(1) })
    const structure = { kind: 'other' as const, tensorCount: 9, parameterCount: 1e6 }
    const stripped = artifact('/stripped', { lineage: lineage(1), structure })
    const tuned = artifact('/tuned', { lineage: lineage(1, 1), structure: { ...SHAPE, architecture: undefined } })

    const relations = relateArtifacts([named, stripped, tuned].map(bare))

    expect(relations.get('/stripped')).toMatchObject([{ kind: 'same-norms', path: '/named' }])
    expect(relations.get('/tuned')).toMatchObject([{ kind: 'derived', path: '/named' }])
  })

  it('speaks of no edit where nothing was edited, and of none where a part is missing', () => {
    const marks = ['a', 'b', 'c'].map((name) => mark(`blk.0.${name}.weight`, name))
    const missing = { code: 'GNO_READ_PART_MISSING', place: '/split', count: 1, detail: 'part 2' }
    const whole = { artifact: artifact('/whole', { lineage: lineage(1) }), marks }
    const resaved = { artifact: artifact('/resaved', { lineage: lineage(1) }), marks }
    const split = { artifact: artifact('/split', { lineage: lineage(1) }, { gaps: [missing] }), marks: marks.slice(1) }

    const relations = relateArtifacts([whole, resaved, split])

    expect(relations.get('/resaved')?.[0]).toMatchObject({ kind: 'same-norms', path: '/whole' })
    expect(relations.get('/resaved')?.[0]?.because[0]).toBe(
      'all 3 tensors of the same type and shape equal in their samples',
    )
    expect(relations.get('/split')?.map(({ kind }) => kind)).toEqual(['same-norms', 'same-norms'])
    expect(JSON.stringify(relations.get('/split'))).not.toContain('tensors')
  })

  it('puts what is known by its content first, so that 300 copies do not hide it', () => {
    const many = Array.from({ length: 300 }, (_, index) => bare(artifact(`/m${index}`, { lineage: lineage(1) })))
    const known = bare(artifact('/known', { lineage: lineage(1) }, { identifications: [KNOWN] }))

    expect(relateArtifacts([...many, known]).get('/m299')?.[0]?.path).toBe('/known')
  })
})

describe('an adapter', () => {
  const base = (path: string, layers: number, embeddingWidth = 64): Artifact =>
    artifact(path, { claims: { name: 'Tiny' }, structure: { ...SHAPE, layers, embeddingWidth } }, { kind: 'folder' })
  const adapter = (name: string, path = '/hf/lora'): Artifact =>
    artifact(
      path,
      { structure: { kind: 'adapter', tensorCount: 2, parameterCount: 2 }, claims: { baseModels: [{ name }] } },
      { kind: 'folder' },
    )
  const halves: readonly TensorMark[] = [
    { ...mark('base_model.model.model.layers.5.self_attn.q_proj.lora_A.weight', 'x'), shape: [8, 64] },
  ]

  it.each(['../tiny', './../tiny/', '/hf/tiny'])('is linked with the model at the place %s, and no other', (place) => {
    const found = [bare(adapter(place)), bare(base('/hf/tiny', 6)), bare(base('/hf/edited', 6))]

    const relations = relateArtifacts(found).get('/hf/lora') ?? []

    expect(relations.map(({ kind, path }) => [kind, path])).toEqual([['adapter-of', '/hf/tiny']])
    expect(relations[0]?.because[0]).toContain(`"${place}"`)
  })

  it('by name fits only models that are deep and wide enough, four at most, and quotes what the file says', () => {
    const named = artifact('/hf/lora', {
      structure: { kind: 'adapter', tensorCount: 2, parameterCount: 2 },
      claims: { baseModels: [{ name: 'acme/tiny', repoUrl: 'https://huggingface.co/acme/tiny' }] },
    })
    const copies = Array.from({ length: 7 }, (_, index) => bare(base(`/copy${index}`, 6)))
    const found = [{ artifact: named, marks: halves }, bare(base('/flat', 4)), bare(base('/wide', 6, 128)), ...copies]

    const relations = relateArtifacts(found).get('/hf/lora') ?? []

    expect(relations.map(({ path }) => path)).toEqual(['/copy0', '/copy1', '/copy2', '/copy3'])
    expect(relations[0]?.because[0]).toBe('it names "acme/tiny" as its base, and the other one is called "Tiny"')
  })
})

describe('relateFound', () => {
  const known = artifact('/known', { lineage: lineage(1) }, { identifications: [KNOWN] })
  const named = (of: Artifact, others: readonly Artifact[]) =>
    relateFound([bare(of)], others).flatMap(({ identifications }) =>
      identifications.map(({ model, rung, confidence, license }) => ({ model, rung, confidence, license })),
    )
  const likely = { model: KNOWN.model, confidence: 'likely', license: 'llama2' }

  it('names a model after the known one whose norms it has, and says so', () => {
    const stripped = artifact('/stripped', { lineage: lineage(1) })

    expect(named(stripped, [known])).toEqual([{ ...likely, rung: 4 }])
    expect(relateFound([bare(stripped)], [known])[0]?.identifications[0]?.because).toEqual([
      'its norms are those of /known, whose SHA-256 is known as Mistral 7B v0.3',
    ])
  })

  it('names a copy by its samples, and a near descendant by its norms', () => {
    const copy = artifact('/copy', { lineage: lineage(1) }, { artifactId: known.artifactId })

    expect(named(copy, [known])).toEqual([{ ...likely, rung: 5 }])
    expect(named(artifact('/tuned', { lineage: lineage(1, 1) }), [known])).toEqual([{ ...likely, rung: 4 }])
  })

  it('takes no name from a stranger, from a likely model, or from one that was named by kinship itself', () => {
    const stripped = artifact('/stripped', { lineage: lineage(1) })
    const hearsay = relateFound([bare(artifact('/first', { lineage: lineage(1) }))], [known])

    expect(named(artifact('/stranger', { lineage: lineage(99) }), [known])).toEqual([])
    expect(hearsay[0]?.identifications).toHaveLength(1)
    expect(named(stripped, hearsay)).toEqual([])
  })

  it('leaves alone what its own content already says', () => {
    const other = artifact('/other', { lineage: lineage(1) }, { identifications: [{ ...KNOWN, model: 'Zephyr' }] })

    expect(named(other, [known])).toEqual([{ ...likely, model: 'Zephyr', confidence: 'certain', rung: 6 }])
  })
})

import { describe, expect, it } from '@jest/globals'
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
    const base = artifact('/base', { lineage: lineage(1), claims: { name: 'Mistral 7B v0.3' } })
    const liar = artifact('/liar', { lineage: lineage(99), claims: { baseModels: [{ name: 'Mistral-7B-v0.3' }] } })

    const relations = relateArtifacts([bare(base), bare(liar)]).get('/liar') ?? []
    const found = contradictions({ ...liar, relations }, realPack)

    expect(relations).toMatchObject([{ kind: 'refuted-base', path: '/base' }])
    expect(found).toMatchObject([{ claim: 'it names Mistral-7B-v0.3 as its base' }])
  })

  it('makes a licence freer than that of the model whose norms it carries a contradiction', () => {
    const known = {
      entryId: 'sha256:1',
      model: 'Llama 2 7B',
      family: 'llama',
      license: 'llama2',
      rung: 6,
      confidence: 'certain' as const,
      candidates: [],
      because: [],
    }
    const base = artifact('/base', { lineage: lineage(1) }, { identifications: [known] })
    const freed = artifact('/freed', { lineage: lineage(1), claims: { license: 'apache-2.0' } })

    const relations = relateArtifacts([bare(base), bare(freed)]).get('/freed') ?? []
    const found = contradictions({ ...freed, relations }, realPack)

    expect(relations).toMatchObject([{ kind: 'same-norms', model: 'Llama 2 7B', license: 'llama2' }])
    expect(found.map(({ claim }) => claim)).toEqual(['it claims the licence apache-2.0'])
  })

  it('keeps within its pairs and relations on a machine with 300 copies', () => {
    const many = Array.from({ length: 300 }, (_, index) => bare(artifact(`/m${index}`, { lineage: lineage(1) })))

    const relations = relateArtifacts(many)

    for (const list of relations.values()) expect(list.length).toBeLessThanOrEqual(32)
  })
})

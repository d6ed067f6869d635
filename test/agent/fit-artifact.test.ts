import { describe, expect, it } from '@jest/globals'
import { fitArtifact } from '../../agent/fit-artifact.ts'
import { type Artifact, artifactSchema } from '../../contract/artifact.ts'

const HONEST: Artifact = {
  artifactId: 'art1:0',
  kind: 'file',
  path: '/m/a.gguf',
  parts: [{ path: '/m/a.gguf', sizeBytes: 7, role: 'weights' }],
  sizeBytes: 7,
  format: 'gguf',
  formatVersion: '3',
  verdict: 'unchecked',
  fingerprint: { structure: { kind: 'text', architecture: 'llama', tensorCount: 2, parameterCount: 9 } },
  identifications: [],
  threats: [],
  gaps: [],
  simulated: false,
}

function withStructure(structure: Partial<NonNullable<Artifact['fingerprint']['structure']>>): Artifact {
  return { ...HONEST, fingerprint: { structure: { kind: 'text', tensorCount: 2, parameterCount: 9, ...structure } } }
}

describe('an artifact at the last gate', () => {
  it('is the same one where it fits', () => {
    expect(fitArtifact(HONEST)).toBe(HONEST)
  })

  it.each([
    ['a fraction of heads', withStructure({ kvHeads: 7 / 3 }), 'fingerprint.structure.kvHeads'],
    ['infinite heads', withStructure({ kvHeads: Infinity }), 'fingerprint.structure.kvHeads'],
    ['a base that is no number', withStructure({ ropeBase: Number.NaN }), 'fingerprint.structure.ropeBase'],
    ['a name too long', withStructure({ architecture: 'x'.repeat(600) }), 'fingerprint.structure.architecture'],
    ['a count no double holds', withStructure({ parameterCount: 2 ** 60 }), 'fingerprint.structure.parameterCount'],
    ['a size of exabytes', { ...HONEST, sizeBytes: 2 ** 62 }, 'sizeBytes'],
    [
      'a part of exabytes',
      { ...HONEST, parts: [{ path: '/x', sizeBytes: 2 ** 62, role: 'weights' as const }] },
      'parts.sizeBytes',
    ],
    [
      'a need of exabytes',
      { ...HONEST, memoryNeed: { weightsBytes: 2 ** 62, totalBytes: 2 ** 62, because: [] } },
      'memoryNeed.totalBytes',
    ],
    [
      'too many gaps',
      { ...HONEST, gaps: Array.from({ length: 300 }, () => ({ code: 'GNO_X', place: '/', count: 1, detail: '' })) },
      'gaps',
    ],
    [
      'parts without a size, among good ones',
      {
        ...HONEST,
        parts: [Number.NaN, 1, -1, 2].map((sizeBytes, index) => ({
          path: `/${index}${'y'.repeat(index * 8_000)}`,
          sizeBytes,
          role: 'weights' as const,
        })),
      },
      'parts.path',
    ],
  ])('fits with %s, and tells what was left out', (_what, artifact, field) => {
    expect(artifactSchema.safeParse(artifact).success).toBe(false)

    const fitted = fitArtifact(artifact)

    expect(artifactSchema.safeParse(fitted).success).toBe(true)
    expect(fitted.path).toBe(HONEST.path)
    expect(fitted.gaps.at(-1)?.code).toBe('GNO_READ_LIMIT')
    expect(fitted.gaps.at(-1)?.detail).toContain(field)
  })

  it('keeps what does fit beside the field that does not', () => {
    const { structure } = fitArtifact(withStructure({ kvHeads: 0.5, layers: 32 })).fingerprint

    expect(structure).toEqual({ kind: 'text', tensorCount: 2, parameterCount: 9, layers: 32 })
  })

  it('clamps a size, and keeps the part', () => {
    const parts = [{ path: '/x', sizeBytes: 2 ** 62, role: 'weights' as const }]

    expect(fitArtifact({ ...HONEST, parts }).parts).toEqual([
      { path: '/x', sizeBytes: Number.MAX_SAFE_INTEGER, role: 'weights' },
    ])
  })

  it('stays below 2 MiB with thirteen hundred shards under a path of thousands of letters', () => {
    const parts = Array.from({ length: 1_300 }, (_, index) => ({
      path: `/${'d'.repeat(3_394)}/${index}`,
      sizeBytes: 1,
      role: 'weights' as const,
    }))

    const fitted = fitArtifact({ ...HONEST, parts })

    expect(Buffer.byteLength(JSON.stringify(fitted))).toBeLessThan(2 * 1024 * 1024)
    expect(fitted.parts.length).toBeGreaterThan(100)
    expect(fitted.parts[0]).toEqual(parts[0])
    expect(fitted.gaps[0]?.detail).toContain('parts')
  })

  it('stays below 2 MiB whatever a header filled with words', () => {
    const container = Object.fromEntries(Array.from({ length: 1_200 }, (_, at) => [`k${at}`, '\u0001'.repeat(500)]))

    const fitted = fitArtifact({ ...HONEST, fingerprint: { ...HONEST.fingerprint, container } })

    expect(Buffer.byteLength(JSON.stringify(fitted))).toBeLessThan(2 * 1024 * 1024)
    expect(fitted.fingerprint).toEqual(HONEST.fingerprint)
  })
})

import { describe, expect, it } from '@jest/globals'
import { renderInspection } from '../../../agent/show/inspection.ts'
import { renderScan } from '../../../agent/show/scan.ts'
import type { Artifact } from '../../../contract/artifact.ts'
import type { Scan } from '../../../contract/report.ts'
import { artifact } from '../../rules/judged-subjects.ts'

const PIPE = { isInteractive: false, hasColour: false, columns: 240, write: () => undefined }

function said(some: Partial<Artifact>): string {
  return renderInspection(artifact(some), PIPE)
}

function skipped(...details: readonly string[]): Artifact['gaps'] {
  return details.map((detail) => ({ code: 'GNO_READ_SKIPPED', place: '/home/ann/notes', count: 1, detail }))
}

function related(count: number): NonNullable<Artifact['relations']> {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'same-norms',
    path: `/models/m${index}.gguf`,
    artifactId: `art1:${index}`,
    because: [`reason ${index}`],
  }))
}

describe('renderInspection', () => {
  it('tells the base, the tags and the source that the file names', () => {
    const claims = {
      baseModels: [{ organization: 'acme', name: 'acme/Tiny-Llama' }, { repoUrl: 'https://example.org/base' }],
      tags: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
      sourceUrl: 'https://example.org/model',
    }
    expect(said({ fingerprint: { claims } })).toContain(
      'base acme/Tiny-Llama, https://example.org/base, tags a, b, c, d, e, f and 1 more, from https://example.org/model',
    )
  })

  it('names the verified licence and the first six candidates', () => {
    const identification = {
      entryId: 'e',
      model: 'A',
      family: 'llama',
      license: 'llama3.1',
      rung: 2,
      confidence: 'possible',
      candidates: ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'],
      because: ['its shape'],
    } as const
    const text = said({ identifications: [identification] })
    expect(text).toContain('licence    llama3.1')
    expect(text).toContain('one of     A, B, C, D, E, F and 2 more')
  })

  it('tells the first relatives with their reasons, and how many more there are', () => {
    const text = said({ relations: related(32) })
    expect(text.split('\n').filter((line) => line.includes('same-norms'))).toHaveLength(4)
    expect(text).toContain('/models/m2.gguf: reason 2')
    expect(text).toContain('also /models/m3.gguf')
    expect(text).toContain('and 23 more')
  })

  it('folds the rungs that were left out into one line, and other things into a second', () => {
    const text = said({
      gaps: skipped(
        'rung 4: norms-trivial, the model has no norm tensors',
        'rung 2: no structure key, the file and its neighbours do not state all of layers, widths, heads and vocabulary',
        'rung 2: no architecture digest, this is no text decoder with stated hyperparameters',
        'its pickle was not followed',
        'its pickle was not followed',
      ),
    })
    const lines = text.split('\n').filter((line) => line.includes('skipped'))
    expect(lines.map((line) => line.trim())).toEqual([
      'skipped    not computed in full: rung 2 (no architecture digest; no structure key), rung 4 (norms-trivial, the model has no norm tensors)',
      'skipped    its pickle was not followed',
    ])
  })

  it('prints no empty fact, and no zero for what is unknown', () => {
    const text = said({
      fingerprint: {
        container: { producer: 'p', producerVersion: '', domain: '', nodeCount: 0 },
        structure: { kind: 'other', tensorCount: 0, parameterCount: 0 },
      },
    })
    expect(text).toContain('container  producer p, nodeCount 0\n')
    expect(text).toContain('structure  other, parameters not laid out')
  })
})

describe('renderScan', () => {
  it('tells in one line how a model stands to the others', () => {
    const scan: Scan = {
      schema: 'gnomon-scan/1',
      host: {
        hostId: 'h',
        hostName: 'h',
        platform: 'linux',
        operatingSystem: 'Linux',
        kernel: '6',
        architecture: 'x64',
        processor: 'p',
        cores: 1,
        memoryBytes: 1,
        swapBytes: 0,
        graphics: [],
        agentVersion: '0',
        packVersion: '0',
      },
      startedAt: '2026-11-22T10:00:00.000Z',
      finishedAt: '2026-11-22T10:00:01.000Z',
      coverage: [],
      artifacts: [artifact({ relations: related(7) }), artifact({ path: '/home/ann/alone' })],
      runtimes: [],
      findings: [],
      gaps: [],
    }
    const text = renderScan(scan, PIPE)
    expect(text).toContain('Related\n  notes: same norms as m0.gguf and 6 more\n\n')
  })
})

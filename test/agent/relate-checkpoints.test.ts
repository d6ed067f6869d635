// Checkpoints are linked to the run around them, by their place alone.
import { describe, expect, it } from '@jest/globals'
import { relateCheckpoints } from '../../agent/relate-checkpoints.ts'
import type { Artifact } from '../../contract/artifact.ts'

function artifact(path: string, kind: Artifact['kind'] = 'file'): Artifact {
  return {
    artifactId: `art1:${path}`,
    kind,
    path,
    parts: [],
    sizeBytes: 1,
    format: null,
    formatVersion: null,
    verdict: 'unchecked',
    fingerprint: {},
    identifications: [],
    threats: [],
    gaps: [],
    simulated: false,
  }
}

describe('a checkpoint', () => {
  it('is linked to the model of its run, and so are its leftovers', () => {
    const run = [artifact('/r/out', 'folder'), artifact('/r/out/trainer_state.json', 'leftover')]
    const inside = [
      artifact('/r/out/checkpoint-500', 'folder'),
      artifact('/r/out/checkpoint-500/optimizer.pt', 'leftover'),
      artifact('/r/out/global_step40/x.pt', 'leftover'),
    ]

    const related = relateCheckpoints([...run, ...inside])

    expect([...related.keys()]).toEqual(inside.map(({ path }) => path))
    for (const relations of related.values())
      expect(relations).toMatchObject([{ kind: 'checkpoint-of', path: '/r/out', artifactId: 'art1:/r/out' }])
    expect(related.get('/r/out/checkpoint-500')?.[0]?.because[0]).toContain('step 500')
  })

  it('is linked to what the run left where it has no model', () => {
    const related = relateCheckpoints([
      artifact('/r/out/trainer_state.json', 'leftover'),
      artifact('/r/out/checkpoint-5/model.safetensors'),
    ])

    expect(related.get('/r/out/checkpoint-5/model.safetensors')).toMatchObject([{ path: '/r/out/trainer_state.json' }])
  })

  it.each([
    ['without a run', ['/r/out/checkpoint-5/model.safetensors']],
    ['of another name', ['/r/out/m.gguf', '/r/out/checkpoint-final/m.gguf', '/r/out/my-checkpoint-5/m.gguf']],
    ['at the root', ['/checkpoint-5/m.gguf']],
    ['on another system', ['C:\\r\\m.gguf', 'D:\\r\\checkpoint-5\\m.gguf']],
  ])('is linked to nothing %s', (_, paths) => {
    expect(relateCheckpoints(paths.map((path) => artifact(path))).size).toBe(0)
  })
})

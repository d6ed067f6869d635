import { describe, expect, it } from '@jest/globals'
import { findLandmarks } from '../../../agent/read/landmarks.ts'
import { identifyArtifact } from '../../../rules/identify-artifact.ts'
import { realPack } from '../../rules/real-pack.ts'

function tensorsNamed(names: readonly string[], shape: readonly number[]) {
  return names.map((name) => ({ name, type: 'F16', shape, elements: 1, offset: 0, bytes: 2 }))
}

describe('findLandmarks', () => {
  it('counts the blocks of one name, and drops the wrapper that single files put in front', () => {
    const names = [0, 1, 10, 2].map((block) => `model.diffusion_model.joint_blocks.${block}.x_block.attn.qkv.weight`)

    expect(findLandmarks(tensorsNamed(names, [4608, 1536]))).toEqual([
      { name: 'joint_blocks.#.x_block.attn.qkv.weight', count: 4, shape: [4608, 1536] },
    ])
  })

  it('takes the shape of the first name, whatever order the file has', () => {
    const late = tensorsNamed(['input_blocks.4.1.attn2.to_k.weight'], [640, 768])
    const early = tensorsNamed(['input_blocks.1.1.attn2.to_k.weight'], [320, 768])

    const [landmark] = findLandmarks([...late, ...early])

    expect(landmark?.shape).toEqual([320, 768])
  })

  it('keeps no more than 256 patterns of a file with a million names', () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `tensor_${index}`)

    expect(findLandmarks(tensorsNamed(names, [1]))).toHaveLength(256)
  })

  it('names an image model whose file is called anything', () => {
    const names = Array.from({ length: 38 }, (_, block) => `joint_blocks.${block}.x_block.attn.qkv.weight`)
    const landmarks = findLandmarks(tensorsNamed(names, [7296, 2432]))
    const structure = { kind: 'other' as const, tensorCount: 38, parameterCount: 38, landmarks }

    const [best] = identifyArtifact(
      { format: 'safetensors', path: '/tmp/notes.bin', sizeBytes: 1, fingerprint: { structure } },
      realPack,
    )

    expect(best).toMatchObject({ model: 'stable-diffusion-3.5-large', rung: 2, confidence: 'possible' })
  })
})

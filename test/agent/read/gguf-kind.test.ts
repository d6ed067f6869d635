// A GGUF file that says it is something small beside a model, and is a model.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { buildGguf, text } from '../../build-gguf.ts'
import { writeStore } from '../../build-stores.ts'
import { readTreeForTest } from './open-folder.ts'
import { FAMILIES, TINY, ggufDecoder } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-kind-'))
afterAll(() => rmSync(root, { recursive: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const decoder = ggufDecoder(family, { ...TINY, layers: 4 })
const calling = (word: string): Buffer =>
  buildGguf({ ...decoder, kv: [...decoder.kv, ['general.type', text(word)] as const] })

describe('general.type', () => {
  it.each(['mmproj', 'imatrix', 'adapter'])('%s is not believed of a whole text decoder', async (word) => {
    const { drafts } = await readTreeForTest(writeStore(join(root, word), { 'x.gguf': calling(word) }))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]?.fingerprint.structure).toMatchObject({ kind: 'text', layers: 4 })
    expect(drafts[0]?.fingerprint.structure?.architectureDigest).toBeDefined()
    expect(drafts[0]?.gaps.map(({ code }) => code)).toContain('GNO_READ_INVALID')
  })

  it('lets no model be folded away as the projector of a toy', async () => {
    const other = buildGguf({
      kv: [['general.type', text('mmproj')]],
      tensors: [
        { name: 'v.patch_embd.weight', dims: [2, 2] },
        { name: 'unet.in.weight', dims: [64, 64] },
      ],
    })
    const files = {
      'tiny.gguf': buildGguf(ggufDecoder(family)),
      'a-mmproj.gguf': calling('mmproj'),
      'b-mmproj.gguf': other,
    }
    const { drafts } = await readTreeForTest(writeStore(join(root, 'beside'), files))

    expect(drafts.map(({ fingerprint }) => fingerprint.structure?.kind).sort()).toEqual(['other', 'text', 'text'])
  })
})

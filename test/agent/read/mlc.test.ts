// Models of MLC: the cache tells the tensors, a shard is known only where the cache beside it agrees in name and size.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { Cursor } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { lookAt } from '../../../agent/read/look.ts'
import { mlc } from '../../../agent/read/mlc.ts'
import { nestedReader } from '../../../agent/read/sniff-format.ts'
import { tensorCache } from '../../build-side-files.ts'
import { inspectFile, openForTest, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-mlc-'))
afterAll(() => rmSync(root, { recursive: true }))

function folderOf(cache: Buffer, shardBytes: number): string {
  const folder = mkdtempSync(join(root, 'model-'))
  writeFileSync(join(folder, 'tensor-cache.json'), cache)
  writeFileSync(join(folder, 'params_shard_0.bin'), Buffer.alloc(shardBytes, 7))
  return folder
}

describe('an MLC model', () => {
  it('is one artifact with the weights that its packed tensors stand for', async () => {
    const drafts = await readFolder(folderOf(tensorCache(), 72))

    expect(drafts).toHaveLength(1)
    expect(drafts[0]).toMatchObject({ format: 'mlc', verdict: 'unchecked' })
    expect(drafts[0]?.fingerprint.structure).toMatchObject({
      parameterCount: 128,
      quantization: 'MLC-4bit',
      tensorCount: 2,
    })
    expect(drafts[0]?.fingerprint.container).toMatchObject({ shards: 1, paramBytes: 72, bitsPerParam: 4.5 })
  })

  it.each([
    ['of the size that the cache states is known', 72, 'mlc'],
    ['of another size is not', 71, null],
  ])('has shards, and one %s', async (_, size, format) => {
    const draft = await inspectFile(join(folderOf(tensorCache(), size), 'params_shard_0.bin'))

    expect(draft).toMatchObject({ format, verdict: 'unchecked' })
  })

  it('is malformed where the cache places tensors beyond a shard, or a shard outside the folder', async () => {
    const short = await inspectFile(join(folderOf(tensorCache({ nbytes: 70 }), 70), 'params_shard_0.bin'))
    const outside = await inspectFile(join(folderOf(tensorCache({ dataPath: '../x.bin' }), 72), 'tensor-cache.json'))

    expect([short.verdict, outside.verdict]).toEqual(['malformed', 'malformed'])
  })

  it('has a configuration that is a side file', async () => {
    const path = join(root, 'mlc-chat-config.json')
    writeFileSync(
      path,
      JSON.stringify({ version: '0.1.0', model_type: 'llama', quantization: 'q4f16_1', model_config: {} }),
    )

    const { format, fingerprint } = await inspectFile(path)

    expect(format).toBe('mlc')
    expect(fingerprint.container).toEqual({ modelType: 'llama', quantization: 'q4f16_1', mlcVersion: '0.1.0' })
  })
})

it('asks the cache beside a shard once, for recognising and reading together', () => {
  const path = join(folderOf(tensorCache(), 72), 'params_shard_0.bin')
  const file = openForTest(path)
  let asked = 0
  const counted = {
    ...file,
    openSibling: (name: string) => {
      asked += 1
      return file.openSibling(name)
    },
  }
  const look = lookAt(counted)

  const isShard = mlc.recognise(look)
  const part = mlc.read(new Cursor(look.source), new GapList(path), { look, readNested: nestedReader() })
  file.close()

  expect([isShard, part.holds, asked]).toEqual([true, 'data', 1])
})

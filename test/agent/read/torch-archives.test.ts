// Archives around PyTorch's checkpoints (TorchServe, NeMo) and Torch 7's objects: what they hold is found, and lies are told.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from '@jest/globals'
import { inspectFile } from './open-candidate.ts'
import { tarMember } from '../../build-pickle.ts'
import { NEMO_CONFIG, buildMar, buildNemo, buildTorch7, linearCheckpoint } from '../../build-torch-archives.ts'
import { buildZip } from '../../build-zip.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-archives-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function inspect(bytes: Uint8Array) {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  const { format, verdict, fingerprint, gaps } = await inspectFile(path)
  return { format, verdict, ...fingerprint, codes: gaps.map(({ code }) => code) }
}

it.each([
  ['pytorch-mar/linear.mar', buildMar()],
  ['nemo/small.nemo', buildNemo()],
  ['mxnet-caffe-darknet/linear.t7', buildTorch7()],
])('%s is what its builder writes', (path, bytes) => {
  expect(readFileSync(join(import.meta.dirname, '../../corpus/read', path)).equals(bytes)).toBe(true)
})

describe('an archive of TorchServe', () => {
  it('tells its manifest and the weights that it names', async () => {
    const found = await inspect(buildMar())

    expect(found).toMatchObject({ format: 'pytorch-mar', verdict: 'unchecked' })
    expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 15 })
    expect(found.container).toMatchObject({
      modelName: 'linear',
      modelVersion: '1.0',
      handler: 'image_classifier',
      serializedFile: 'linear.pt',
      innerFormats: 'pytorch-zip',
    })
  })

  it.each([
    ['weights that are not there', buildMar({ model: { serializedFile: '../other.pt' } }), 'GNO_READ_TRUNCATED'],
    [
      'two members of one name',
      buildMar(undefined, [{ name: 'linear.pt', data: Buffer.from('x') }]),
      'GNO_READ_INVALID',
    ],
    [
      'a manifest that is no JSON',
      buildZip([{ name: 'MAR-INF/MANIFEST.json', data: Buffer.from('{"model": ') }]),
      'GNO_READ_INVALID',
    ],
  ])('is malformed with %s', async (_, bytes, code) => {
    const found = await inspect(bytes)

    expect(found).toMatchObject({ format: 'pytorch-mar', verdict: 'malformed' })
    expect(found.codes).toContain(code)
  })
})

describe('an archive of NeMo', () => {
  it.each([
    ['plain', buildNemo(), 'none'],
    ['gzipped', gzipSync(buildNemo()), 'gzip'],
  ])('tells its class and every name that Hydra would import: %s', async (_, bytes, compression) => {
    const found = await inspect(bytes)

    expect(found).toMatchObject({ format: 'nemo', verdict: 'unchecked' })
    expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 15 })
    expect(found.container).toMatchObject({
      compression,
      targetClass: 'nemo.collections.asr.models.ctc_bpe_models.EncDecCTCModelBPE',
      nemoVersion: '1.23.0',
      hydraTargets: 'nemo.collections.asr.modules.ConformerEncoder',
    })
  })

  it('is malformed when it is cut, or when a member claims more than there is', async () => {
    expect(await inspect(buildNemo(5_000_000))).toMatchObject({ format: 'nemo', verdict: 'malformed' })
    expect(await inspect(buildNemo().subarray(0, 2_000))).toMatchObject({ format: 'nemo', verdict: 'malformed' })
  })

  it('is not seen in another tar archive, plain or gzipped', async () => {
    const other = Buffer.concat([tarMember('config.yaml', Buffer.from(NEMO_CONFIG)), Buffer.alloc(1_024)])
    const half = Buffer.concat([tarMember('model_config.yaml', Buffer.from('a: 1\n')), Buffer.alloc(1_024)])

    expect((await inspect(other)).format).not.toBe('nemo')
    expect((await inspect(gzipSync(other))).format).not.toBe('nemo')
    expect((await inspect(half)).format).not.toBe('nemo')
  })

  it('does not take a bare checkpoint for an archive', async () => {
    expect((await inspect(linearCheckpoint())).format).toBe('pytorch-zip')
  })
})

describe('an object of Torch 7', () => {
  it('gives class, version and tensors by the keys they lie under', async () => {
    const found = await inspect(buildTorch7())

    expect(found).toMatchObject({ format: 'mxnet-caffe-darknet', verdict: 'unchecked' })
    expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 8, tensorTypes: { F32: 2 } })
    expect(found.container).toMatchObject({ kind: 'torch7', class: 'nn.Linear' })
  })

  it.each([
    ['a storage of 2^62 numbers', buildTorch7(2n ** 62n)],
    ['a storage of fewer numbers than its tensor has', buildTorch7(5)],
    ['a storage of a negative number of numbers', buildTorch7(-1)],
    ['its end missing', buildTorch7().subarray(0, -10)],
  ])('is malformed with %s', async (_, bytes) => {
    expect(await inspect(bytes)).toMatchObject({ format: 'mxnet-caffe-darknet', verdict: 'malformed' })
  })
})

// PaddlePaddle's files: parameters, optimizers, combined tensors and programs are told apart, and lies are told.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { inspectFile } from './open-candidate.ts'
import { buildPdiparams, buildPdmodel, buildPdparams, paddleTensor } from '../../build-paddle.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-paddle-'))
afterAll(() => rmSync(folder, { recursive: true }))

async function inspect(bytes: Uint8Array) {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  const { format, verdict, fingerprint } = await inspectFile(path)
  return { format, verdict, ...fingerprint }
}

it.each([
  ['linear.pdiparams', buildPdiparams()],
  ['linear.pdmodel', buildPdmodel()],
  ['linear.pdparams', buildPdparams()],
])('%s is what its builder writes', (name, bytes) => {
  expect(readFileSync(join(import.meta.dirname, '../../corpus/read/paddle', name)).equals(bytes)).toBe(true)
})

it('finds combined tensors with their layout', async () => {
  const found = await inspect(buildPdiparams())

  expect(found).toMatchObject({ format: 'paddle', verdict: 'unchecked' })
  expect(found.structure).toMatchObject({ tensorCount: 2, parameterCount: 15, tensorTypes: { F32: 2 } })
})

it('counts what a program holds', async () => {
  const found = await inspect(buildPdmodel())

  expect(found.container).toMatchObject({ layout: 'pdmodel', persistableCount: 1, opTypes: 'matmul_v2 1' })
})

it('tells parameters from the state of an optimizer', async () => {
  const parameters = await inspect(buildPdparams())
  const optimizer = await inspect(buildPdparams('linear_0.w_0_moment1_0'))

  expect(parameters).toMatchObject({ format: 'paddle', structure: { parameterCount: 12 } })
  expect(parameters.training).toBeUndefined()
  expect(optimizer).toMatchObject({ format: 'paddle', training: { kind: 'optimizer-state', framework: 'paddle' } })
})

it('knows programs of PIR and of Paddle Lite', async () => {
  const pir = Buffer.from(
    '{"base_code": {"magic": "pir", "version": 1, "trainable": false}, "program": {"regions": []}}',
  )
  const lite = Buffer.concat([
    Buffer.from([2, 0]),
    Buffer.from('v2.10'.padEnd(16, '\0')),
    Buffer.alloc(8),
    Buffer.alloc(90),
  ])

  expect(await inspect(pir)).toMatchObject({ format: 'paddle', verdict: 'unchecked', container: { layout: 'pir' } })
  expect(await inspect(pir.subarray(0, -8))).toMatchObject({ format: 'paddle', verdict: 'malformed' })
  expect(await inspect(lite)).toMatchObject({ format: 'paddle', container: { layout: 'lite', optVersion: 'v2.10' } })
})

it.each([
  ['a second tensor that is cut', buildPdiparams().subarray(0, -5)],
  ['sizes whose product wraps', paddleTensor([2n ** 40n, 2n ** 40n], 64)],
  ['a negative size', Buffer.concat([paddleTensor([3], 12), paddleTensor([-1], 12)])],
  ['other bytes behind the first tensor', Buffer.concat([paddleTensor([3], 12), Buffer.alloc(40, 7)])],
])('is malformed with %s', async (_, bytes) => {
  expect(await inspect(bytes)).toMatchObject({ format: 'paddle', verdict: 'malformed' })
})

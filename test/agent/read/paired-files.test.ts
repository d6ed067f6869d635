// A graph and the bare weights beside it are one model; each file alone is told alone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import {
  buildNcnnBin,
  buildNcnnParam,
  buildNcnnParamBin,
  buildOpenvinoBin,
  buildOpenvinoXml,
} from '../../build-edge-graphs.ts'
import { writeStore } from '../../build-stores.ts'
import { readTreeForTest } from './open-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-pairs-'))
afterAll(() => rmSync(root, { recursive: true }))

type Files = Readonly<Record<string, Uint8Array>>
const names = (paths: readonly { readonly path: string }[]): readonly string[] =>
  paths.map(({ path }) => path.slice(path.lastIndexOf('/') + 1))

it.each<readonly [string, string, readonly string[], Files]>([
  [
    'OpenVINO',
    'openvino',
    ['tiny.xml', 'tiny.bin'],
    { 'tiny.xml': buildOpenvinoXml(), 'tiny.bin': buildOpenvinoBin() },
  ],
  ['ncnn', 'ncnn', ['tiny.param', 'tiny.bin'], { 'tiny.param': buildNcnnParam(), 'tiny.bin': buildNcnnBin() }],
  [
    'ncnn with its graph twice',
    'ncnn',
    ['tiny.param', 'tiny.param.bin', 'tiny.bin'],
    { 'tiny.param': buildNcnnParam(), 'tiny.param.bin': buildNcnnParamBin(), 'tiny.bin': buildNcnnBin() },
  ],
])('a pair of %s is one model, called by its graph', async (called, format, parts, files) => {
  const { drafts } = await readTreeForTest(writeStore(join(root, called), files))

  const [draft] = drafts
  expect(drafts).toHaveLength(1)
  expect(draft).toMatchObject({ kind: 'file', format, verdict: 'unchecked' })
  expect(names(draft?.parts ?? [])).toEqual(parts)
  expect(draft?.identities).toHaveLength(parts.length)
  expect(draft?.path.endsWith(parts[0] ?? '')).toBe(true)
})

it('the tensors of a pair are those of its weights', async () => {
  const files = { 'tiny.xml': buildOpenvinoXml(), 'tiny.bin': buildOpenvinoBin() }

  const { drafts } = await readTreeForTest(writeStore(join(root, 'tensors'), files))

  expect(drafts[0]?.fingerprint.structure).toMatchObject({ tensorCount: 2 })
  expect(drafts[0]?.fingerprint.container).toMatchObject({ irVersion: '11', name: 'tiny' })
})

it('two stems are two models, and weights without a graph are told alone', async () => {
  const files = {
    'one.param': buildNcnnParam(),
    'one.bin': buildNcnnBin(),
    'two.param': buildNcnnParam(),
    'three.bin': buildNcnnBin(),
  }

  const { drafts } = await readTreeForTest(writeStore(join(root, 'stems'), files))

  expect(drafts.map(({ parts }) => names(parts))).toEqual([['one.param', 'one.bin'], ['three.bin'], ['two.param']])
})

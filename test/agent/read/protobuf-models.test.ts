// What is particular to the formats made of protobuf messages and their neighbours; test/conformance covers the rest.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { Look, lookAt } from '../../../agent/read/look.ts'
import { findReader, nestedReader } from '../../../agent/read/sniff-format.ts'
import type { WeightsPart } from '../../../agent/read/weights.ts'
import * as build from '../../build-protobuf.ts'
import { openForTest } from './open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-protobuf-'))
afterAll(() => rmSync(folder, { recursive: true }))
const corpus = join(import.meta.dirname, '../../../../shared/corpus/benign')

interface Answer {
  readonly id: string | undefined
  readonly verdict: string
  readonly codes: readonly string[]
  readonly part: WeightsPart | undefined
  readonly bytesRead: number
}

function readPath(path: string): Answer {
  const file = openForTest(path)
  const look = lookAt(file)
  const reader = findReader(look)
  const gaps = new GapList(path)
  const cursor = new Cursor(file)
  const part = reader?.read(cursor, gaps, { look, readNested: nestedReader() })
  file.close()
  const codes = gaps.list().map(({ code }) => code)
  return { id: reader?.id, verdict: gaps.verdict(), codes, part, bytesRead: cursor.bytesRead }
}

let made = 0
/** Reads files that lie in a folder of their own; the answer is that of the first. */
function readFiles(files: Readonly<Record<string, Uint8Array>>): Answer {
  made += 1
  const place = join(folder, String(made))
  mkdirSync(place)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(place, name), bytes)
  return readPath(join(place, Object.keys(files)[0] ?? ''))
}

function factsOf({ part }: Answer): Readonly<Record<string, unknown>> {
  return Object.fromEntries(part?.facts ?? [])
}

const outside = (location: string) =>
  build.buildOnnx({ tensors: [{ name: 'w', shape: [4, 3], external: { location, offset: '0', length: '48' } }] })

describe('onnx', () => {
  it('tells producer, operators and tensors of a model', () => {
    const answer = readFiles({ 'm.onnx': build.buildOnnx() })

    expect(answer.id).toBe('onnx')
    expect(factsOf(answer)).toMatchObject({
      irVersion: 8,
      producer: 'pytorch',
      opTypes: 'Gemm 1, Relu 1',
      opset: 'ai.onnx 17',
    })
    expect(answer.part?.tensors).toMatchObject([{ name: 'fc.weight', type: 'F32', shape: [4, 3], bytes: 48 }])
  })

  it.each(['../w.bin', 'a/../../w.bin', '/etc/hostname', 'C:\\w.bin', 'a\\b', ''])(
    'blames external data that leaves the folder: "%s"',
    (location) => {
      const answer = readFiles({ 'm.onnx': outside(location) })

      expect(answer).toMatchObject({ id: 'onnx', verdict: 'malformed', codes: ['GNO_READ_INVALID'] })
    },
  )

  it('counts what a neighbour holds, and knows the neighbour by the model that names it', () => {
    const model = outside('m.onnx.data')
    const values = new Uint8Array(48)

    const told = readFiles({ 'm.onnx': model, 'm.onnx.data': values })
    const data = readFiles({ 'm.onnx.data': values, 'm.onnx': model })

    expect(told.part).toMatchObject({
      companions: [{ name: 'm.onnx.data', sizeBytes: 48 }],
      elsewhere: [{ elements: 12 }],
    })
    expect(data).toMatchObject({
      id: 'onnx',
      verdict: 'unchecked',
      part: { holds: 'data', tensors: [{ name: 'w', offset: 0 }] },
    })
  })

  it('blames a neighbour that is too short, and does not blame one that is absent', () => {
    expect(readFiles({ 'm.onnx': outside('w.bin'), 'w.bin': new Uint8Array(47) }).codes).toEqual(['GNO_READ_TRUNCATED'])
    expect(readFiles({ 'm.onnx': outside('w.bin') })).toMatchObject({
      verdict: 'unchecked',
      codes: ['GNO_READ_PART_MISSING'],
    })
  })

  it('blames a location that is no plain file', () => {
    const place = join(folder, 'linked')
    mkdirSync(place)
    symlinkSync('/nowhere/at/all', join(place, 'w.bin'))
    writeFileSync(join(place, 'm.onnx'), outside('w.bin'))

    expect(readPath(join(place, 'm.onnx')).codes).toEqual(['GNO_READ_INVALID'])
  })

  it.each([
    ['values shorter than the shape', { name: 'w', shape: [4, 3], raw: new Uint8Array(47) }, 'GNO_READ_INVALID'],
    ['a negative dimension', { name: 'w', shape: [-1n], raw: new Uint8Array(4) }, 'GNO_READ_INVALID'],
    [
      'dimensions whose product wraps',
      { name: 'w', shape: [2 ** 40, 2 ** 40], raw: new Uint8Array(4) },
      'GNO_READ_INVALID',
    ],
    ['an unknown type', { name: 'w', shape: [1], type: 99, raw: new Uint8Array(4) }, 'GNO_READ_INVALID'],
  ] as const)('blames %s, and still reads the tensor behind it', (_, tensor, code) => {
    const answer = readFiles({ 'm.onnx': build.buildOnnx({ tensors: [tensor, { name: 'good', shape: [2] }] }) })

    expect(answer.codes).toEqual([code])
    expect(answer.part?.tensors.map(({ name }) => name)).toEqual(['good'])
  })

  it('counts the nodes of branches apart, and blames graphs that nest without end', () => {
    const nested = (depth: number): Buffer => {
      let graph = build.len(1, build.onnxNode('Neg', { domain: 'evil' }))
      for (let level = 0; level < depth; level += 1) {
        graph = build.len(1, build.onnxNode('If', { attributes: [build.len(6, graph)] }))
      }
      return build.buildOnnx({ graphParts: [graph] })
    }

    expect(factsOf(readFiles({ 'm.onnx': nested(2) }))).toMatchObject({ innerNodeCount: 2, innerCustomDomains: 'evil' })
    expect(readFiles({ 'm.onnx': nested(40) }).codes).toEqual(['GNO_READ_LIMIT'])
  })

  it('reads a model of 2 GB with 1,000 tensors in less than 64 MB', () => {
    const path = join(folder, 'large.onnx')
    const size = 2_000_000
    const tensors = Array.from({ length: 1_000 }, (_, index) => {
      const head = [build.num(1, size / 4), build.num(2, 1), build.len(8, `t${index}`)]
      return Buffer.concat([...head, build.len(9, '', size)])
    })
    const graphBytes = tensors.reduce((sum, head) => sum + build.len(5, head, head.length + size).length + size, 0)
    const node = build.len(1, build.onnxNode('Gemm'))
    const start = Buffer.concat([build.num(1, 8), build.len(2, 'x'), build.len(7, node, graphBytes + node.length)])
    writeFileSync(path, start)
    let at = start.length
    for (const head of tensors) {
      const bytes = build.len(5, head, head.length + size)
      truncateSync(path, at)
      writeFileSync(path, bytes, { flag: 'a' })
      at += bytes.length + size
    }
    truncateSync(path, at)

    const answer = readPath(path)

    expect(answer).toMatchObject({ id: 'onnx', verdict: 'unchecked' })
    expect(answer.part?.tensors).toHaveLength(1_000)
    expect(answer.bytesRead).toBeLessThan(64_000_000)
  })
})

describe('the other formats', () => {
  it('lays out constants of frozen graphs and blames values that do not fit', () => {
    expect(readFiles({ 'g.pb': build.buildGraphDef() }).part?.tensors).toMatchObject([{ name: 'w', bytes: 48 }])
    const lie = build.tfNode('w', 'Const', build.tfTensor([4, 3], new Uint8Array(47)))
    expect(readFiles({ 'g.pb': build.buildGraphDef([lie]) }).codes).toEqual(['GNO_READ_INVALID'])
  })

  it('counts operators of functions in a saved model', () => {
    const answer = readFiles({ 'saved_model.pb': build.buildSavedModel() })

    expect(factsOf(answer)).toMatchObject({ schemaVersion: 1, tags: 'serve', functionOpTypes: 'Relu 1', nodeCount: 3 })
  })

  it('finds the shard of a checkpoint, and blames one that is too short or a table that lies', () => {
    const index = build.buildCheckpointIndex()
    const name = 'm.data-00000-of-00001'

    expect(readFiles({ 'm.index': index, [name]: new Uint8Array(48) }).part?.companions).toHaveLength(1)
    expect(readFiles({ [name]: new Uint8Array(48), 'm.index': index }).part?.tensors).toHaveLength(1)
    expect(readFiles({ 'm.index': index, [name]: new Uint8Array(47) }).codes).toEqual(['GNO_READ_TRUNCATED'])
    const lie = build.buildCheckpointIndex(build.checkpointEntries(47))
    expect(readFiles({ 'm.index': lie }).codes).toContain('GNO_READ_INVALID')
  })

  it('blames TensorFlow.js paths that leave the folder, and shapes larger than their files', () => {
    expect(readFiles({ 'model.json': build.buildTfjs(['../w.bin']) }).codes).toEqual(['GNO_READ_INVALID'])
    const short = readFiles({ 'model.json': build.buildTfjs(['w.bin']), 'w.bin': new Uint8Array(47) })
    expect(short.codes).toEqual(['GNO_READ_TRUNCATED'])
  })

  it('tells who made a Core ML model, and blames a blob larger than its file', () => {
    expect(readFiles({ 'n.mlmodel': build.buildCoreml() }).part?.claims).toMatchObject({
      author: 'Somebody',
      license: 'MIT',
    })
    expect(readFiles({ 'weight.bin': build.buildCoremlBlobs(2n ** 63n) }).codes).toEqual(['GNO_READ_TRUNCATED'])
  })

  it('blames blobs of Caffe with too few values, and arrays of MXNet that are not there', () => {
    expect(readFiles({ 'n.caffemodel': build.buildCaffe(build.floats(11)) }).codes).toEqual(['GNO_READ_INVALID'])
    expect(readFiles({ 'n.params': build.buildMxnet(2) }).verdict).toBe('malformed')
    expect(readFiles({ 'n.params': build.buildMxnet(2n ** 60n) }).codes).toContain('GNO_READ_LIMIT')
  })

  it('judges blank text in no time: white space cannot be divided in many ways', () => {
    const blank = new Look(memoryBytes(Buffer.from(' '.repeat(4_096))), 'm.cfg')

    expect(findReader(blank)).toBeNull()
  })

  it('takes no other message for a model: descriptors of protobuf files, tokens with scores, tiles', () => {
    const descriptor = build.len(1, [
      build.len(1, 'a/b.proto'),
      build.len(2, 'a.b'),
      build.len(4, build.len(1, 'Message')),
    ])
    const piece = build.len(1, [build.len(1, 'token'), build.float(2, -1)])
    const tile = build.len(3, [
      build.len(1, 'roads'),
      build.num(15, 2),
      build.len(2, build.num(3, 1)),
      build.num(5, 4096),
    ])
    const protobuf = ['onnx', 'tf-frozen', 'tf-savedmodel', 'tf-checkpoint', 'coreml', 'tfjs', 'mxnet-caffe-darknet']

    for (const bytes of [descriptor, Buffer.concat([piece, piece]), tile]) {
      expect(protobuf).not.toContain(findReader(new Look(memoryBytes(bytes), 'm.pb'))?.id)
    }
  })
})

interface Sample {
  readonly file: string
  readonly format: string
}

const IDS: ReadonlyMap<string, string> = new Map([
  ['onnx', 'onnx'],
  ['tf-savedmodel', 'tf-savedmodel'],
  ['tf-graphdef', 'tf-frozen'],
  ['tf-checkpoint', 'tf-checkpoint'],
  ['tfjs', 'tfjs'],
  ['coreml', 'coreml'],
  ['coreml-compiled', 'coreml'],
  ['caffe', 'mxnet-caffe-darknet'],
])
const isThere = existsSync(corpus)
if (!isThere) process.stderr.write('skipped: shared/corpus is not beside this checkout\n')
const whenThere = isThere ? it : it.skip

whenThere('names the format of every real file, and blames none', () => {
  // The manifest is ours; its fields are those of notes/corpora.md.
  const samples = JSON.parse(readFileSync(join(corpus, 'manifest.json'), 'utf8')) as readonly Sample[]
  const ours = samples.filter(({ format }) => IDS.has(format))

  expect(ours.length).toBeGreaterThan(30)
  for (const { file, format } of ours) {
    const { id, verdict } = readPath(join(corpus, file))
    expect({ file, id, verdict }).toEqual({ file, id: IDS.get(format), verdict: 'unchecked' })
  }
})

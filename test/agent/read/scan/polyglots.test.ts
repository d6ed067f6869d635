// Files that are two things at once, programs with weights in them, and graphs with parts of somebody's own.
import { describe, expect, it } from '@jest/globals'
import { buildOrt, buildPte } from '../../../build-edge-models.ts'
import { buildOpenvinoXml } from '../../../build-edge-graphs.ts'
import { buildGguf, text } from '../../../build-gguf.ts'
import { buildLlamafile } from '../../../build-llamafile.ts'
import { buildPdmodel } from '../../../build-paddle.ts'
import { len, num } from '../../../build-protobuf.ts'
import { buildZip } from '../../../build-zip.ts'
import { judgeFile } from './judge-file.ts'

const GGUF = buildGguf({
  kv: [['general.architecture', text('llama')]],
  tensors: [{ name: 'output_norm.weight', dims: [8] }],
})
const PICKLE = Buffer.from("cos\nsystem\n(S'id'\ntR.")

describe('bytes behind a GGUF', () => {
  it.each([
    ['an archive', buildZip([{ name: 'a.txt', data: Buffer.from('hello') }]), 'hidden-other-file', 'suspicious'],
    [
      'an archive with a comment',
      buildZip([{ name: 'a.txt', data: Buffer.from('hello') }], { comment: 'c'.repeat(99) }),
      'hidden-other-file',
      'suspicious',
    ],
    [
      'an archive that holds a pickle',
      buildZip([{ name: 'data.pkl', data: PICKLE }], { comment: 'c' }),
      'python-runs-programs',
      'malicious',
    ],
    ['a program', Buffer.from(`\x7fELF${'\x01'.repeat(60)}`, 'latin1'), 'hidden-other-file', 'suspicious'],
    ['a pickle', PICKLE, 'python-runs-programs', 'malicious'],
    ['anything', Buffer.alloc(99, 0x5a), 'hidden-unknown-bytes', 'suspicious'],
  ])('%s', async (_, behind, threat, verdict) => {
    const judged = await judgeFile('m.gguf', Buffer.concat([GGUF, Buffer.alloc(64), behind]))
    expect(judged.verdict).toBe(verdict)
    expect(judged.threats).toContain(threat)
  })
  it('filling is nothing', async () => {
    expect(await judgeFile('m.gguf', Buffer.concat([GGUF, Buffer.alloc(4_096)]))).toMatchObject({
      verdict: 'clean',
      threats: [],
    })
  })
})

describe('llamafile', () => {
  it('is a program, and its model is looked at', async () => {
    expect(await judgeFile('m.llamafile', buildLlamafile({ align: 32 }))).toMatchObject({
      format: 'llamafile',
      verdict: 'clean',
      threats: ['executable-carries-weights'],
    })
    const judged = await judgeFile(
      'm.llamafile',
      buildLlamafile({ align: 32, more: [{ name: 'x.pkl', data: PICKLE }] }),
    )
    expect(judged).toMatchObject({ verdict: 'malicious' })
    expect(judged.threats).toContain('python-runs-programs')
  })
  it('tells arguments without what stands behind them', async () => {
    const judged = await judgeFile(
      'm.llamafile',
      buildLlamafile({ align: 32, arguments: '-m\ntiny.gguf\n--host\n0.0.0.0\n--unsecure\n' }),
    )
    expect(judged.verdict).toBe('suspicious')
    expect(judged.threats).toEqual(expect.arrayContaining(['executable-opens-itself', 'executable-listens']))
    expect(JSON.stringify(judged.actions)).not.toContain('0.0.0.0')
  })
})

describe('graphs', () => {
  const layer = (version: string, type: string) =>
    buildOpenvinoXml().toString().replace('type="MatMul" version="opset1"', `type="${type}" version="${version}"`)
  it.each([
    ['opset13', 'MatMul', 'clean', []],
    ['extension', 'BPETokenizer', 'clean', []],
    ['extension', 'MyLayer', 'suspicious', ['graph-unknown-operator']],
  ])('OpenVINO %s.%s', async (version, type, verdict, threats) => {
    expect(await judgeFile('m.xml', Buffer.from(layer(version, type)))).toMatchObject({
      format: 'openvino',
      verdict,
      threats,
    })
  })
  it('OpenVINO with a declaration of entities', async () => {
    const judged = await judgeFile(
      'm.xml',
      buildOpenvinoXml({ before: '<!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n' }),
    )
    expect(judged.threats).toContain('xml-declarations')
  })
  it('ONNX Runtime', async () => {
    const { bytes } = buildOrt()
    expect(await judgeFile('m.ort', bytes)).toMatchObject({ format: 'ort', verdict: 'clean', threats: [] })
    const other = Buffer.from(
      Buffer.from(bytes).toString('latin1').replaceAll('com.microsoft', 'com.nicrosoft'),
      'latin1',
    )
    expect(await judgeFile('m.ort', other)).toMatchObject({
      verdict: 'suspicious',
      threats: ['graph-unknown-operator'],
    })
  })
  it('Core ML with a layer of somebody', async () => {
    const feature = len(1, [len(1, 'x'), len(3, [])])
    const model = (layers: readonly Buffer[]) =>
      Buffer.concat([num(1, 4), len(2, [feature, len(10, [len(1, 'y')])]), len(500, layers)])
    const layerOf = (more: Buffer) => len(1, [len(1, 'l'), len(2, 'x'), len(3, 'y'), more])
    expect(await judgeFile('m.mlmodel', model([layerOf(len(130, []))]))).toMatchObject({
      format: 'coreml',
      verdict: 'clean',
      threats: [],
    })
    expect(await judgeFile('m.mlmodel', model([layerOf(len(500, len(10, 'MyLayer')))]))).toMatchObject({
      verdict: 'clean',
      threats: ['graph-needs-plugin'],
    })
  })
  it('Caffe with a layer in Python, as values and as text', async () => {
    const weights = len(7, [len(7, num(1, 4)), len(5, Buffer.alloc(16))])
    const plain = len(100, [len(1, 'conv'), len(2, 'Convolution'), weights])
    const python = len(100, [len(1, 'p'), len(2, 'Python'), len(130, [len(1, 'os'), len(2, 'system')])])
    const net = (layers: readonly Buffer[]) => Buffer.concat([len(1, 'net'), ...layers])
    expect(await judgeFile('m.caffemodel', net([plain]))).toMatchObject({ format: 'mxnet-caffe-darknet', threats: [] })
    expect(await judgeFile('m.caffemodel', net([plain, python]))).toMatchObject({
      verdict: 'suspicious',
      threats: ['caffe-runs-python'],
    })
    const text = 'name: "net"\nlayer { name: "a" type: "Python" python_param { module: "rpn" layer: "Proposal" } }\n'
    expect((await judgeFile('m.prototxt', Buffer.from(text))).threats).toEqual(['caffe-runs-python'])
  })
  it('ExecuTorch', async () => {
    expect(await judgeFile('m.pte', buildPte().bytes)).toMatchObject({
      format: 'executorch',
      verdict: 'clean',
      threats: [],
    })
  })
  it('PaddlePaddle with a function of Python', async () => {
    expect((await judgeFile('m.pdmodel', buildPdmodel())).threats).toEqual([])
    expect((await judgeFile('m.pdmodel', buildPdmodel('py_func'))).threats).toEqual(['graph-runs-python'])
  })
})

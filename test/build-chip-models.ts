// Containers of makers of chips: RKNN, Qualcomm, TensorRT, Huawei and TVM. Each builder takes the fields that may lie.
import { buildTflite } from './build-edge-models.ts'
import { buildFlatbuffer, number, text } from './build-flatbuffer.ts'
import { patternBytes } from './build-gguf.ts'
import { buildZip } from './build-zip.ts'

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeInt32LE(value | 0, index * 4))
  return bytes
}

function longs(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8)
  values.forEach((value, index) => bytes.writeBigInt64LE(BigInt(value), index * 8))
  return bytes
}

/** An RKNN container with a graph and its description. */
export function buildRknn(options: { readonly dataBytes?: number; readonly jsonBytes?: number } = {}): Buffer {
  const graph = buildVpmn()
  const json = Buffer.from(
    '{"version":"1.6.0-9a7b5d24c","name":"tiny","target_platform":["rk3588"],"ori_network_platform":"ONNX","nodes":[{"op":"Conv"},{"op":"Relu"}]}',
  )
  return Buffer.concat([
    Buffer.from('RKNN\0\0\0\0'),
    longs(6, options.dataBytes ?? graph.length),
    Buffer.alloc(40),
    graph,
    longs(options.jsonBytes ?? json.length),
    json,
  ])
}

/** A VeriSilicon graph. */
export function buildVpmn(): Buffer {
  const name = Buffer.alloc(64)
  name.write('tiny')
  return Buffer.concat([Buffer.from('VPMN'), Buffer.from([2, 0, 1, 0]), words(0), name, words(3), Buffer.alloc(32)])
}

/** A DLC of version 4: a flatbuffer behind eight bytes. */
export function buildDlc(options: { readonly root?: number } = {}): Buffer {
  const { bytes } = buildFlatbuffer([number('uint32', 1), text('tiny')], { identifier: 'NETD' })
  if (options.root !== undefined) bytes.writeUInt32LE(options.root, 0)
  return Buffer.concat([Buffer.from('d50a040000000000', 'hex'), bytes])
}

/** A DLC of version 1: a zip with the model, its parameters and lines about both. */
export function buildDlcZip(): Buffer {
  const model = (identifier: string): Buffer => buildFlatbuffer([number('uint32', 1)], { identifier }).bytes
  return buildZip([
    { name: 'model', data: model('NETD') },
    { name: 'model.params', data: model('NETP') },
    {
      name: 'dlc.metadata',
      data: Buffer.from('converter-command=snpe-onnx-to-dlc\nconverter-version=1.68\nmodel-version=3\n'),
    },
  ])
}

/** A QNN context binary: its head is all that is known. */
export function buildQnnContext(): Buffer {
  return Buffer.concat([Buffer.from('00000002000000030000000000000001', 'hex'), patternBytes(512, 4)])
}

/** A TensorRT engine, perhaps behind the JSON of its exporter. */
export function buildEngine(options: { readonly sizeBytes?: number; readonly preface?: string } = {}): Buffer {
  const body = patternBytes(64, 5)
  const head = Buffer.concat([Buffer.from('ftrt'), words(0x61, 0), longs(options.sizeBytes ?? body.length), words(0)])
  const preface = Buffer.from(options.preface ?? '')
  const front = preface.length === 0 ? [] : [words(preface.length), preface]
  return Buffer.concat([...front, head, body])
}

/** Huawei's offline model with two partitions. */
export function buildOm(options: { readonly partitionBytes?: number; readonly isEncrypted?: boolean } = {}): Buffer {
  const header = Buffer.alloc(256)
  header.write('IMOD')
  header.writeUInt32LE(256, 4)
  header.writeUInt32LE(0x20000000, 8)
  header.writeUInt8(options.isEncrypted === true ? 1 : 0, 80)
  header.write('tiny', 84)
  header.writeUInt32LE(2, 116)
  header.writeUInt32LE(1, 156)
  header.write('Ascend310', 160)
  return Buffer.concat([header, words(2, 0, 0, 16, 1, 16, options.partitionBytes ?? 32), patternBytes(48, 6)])
}

/** A Circle model: TensorFlow Lite's tables under another identifier. */
export function buildCircle(): Buffer {
  return buildTflite({ identifier: 'CIR0' }).bytes
}

/** TVM's parameters: two arrays. */
export function buildTvm(options: { readonly arrays?: number; readonly bytes?: number } = {}): Buffer {
  const name = (value: string): Buffer => Buffer.concat([longs(value.length), Buffer.from(value)])
  const array = (shape: readonly number[], bits: number, bytes: number, data: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from('3fa1b496f0405edd', 'hex'),
      longs(0),
      words(1, 0, shape.length),
      Buffer.from([2, bits, 1, 0]),
      longs(...shape, bytes),
      data,
    ])
  return Buffer.concat([
    Buffer.from('b79c04054f8de5f7', 'hex'),
    longs(0, 2),
    name('p0'),
    name('p1'),
    longs(options.arrays ?? 2),
    array([2, 3], 32, options.bytes ?? 24, patternBytes(24, 7)),
    array([4], 16, 8, patternBytes(8, 8)),
  ])
}

/** A DL4J model. */
export function buildDl4j(): Buffer {
  return buildZip([
    {
      name: 'configuration.json',
      data: Buffer.from('{"backprop":true,"confs":[{"layer":{}},{"layer":{}}]}'),
      method: 8,
    },
    { name: 'coefficients.bin', data: patternBytes(64, 9) },
  ])
}

// Builds protobuf messages, and the models that are made of them. Every field is written by its number, so that any can lie.

/** A varint; negative numbers take ten bytes, as protobuf writes them. */
export function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value))
  const bytes: number[] = []
  do {
    const low = Number(rest & 0x7fn)
    rest >>= 7n
    bytes.push(rest === 0n ? low : low | 0x80)
  } while (rest !== 0n)
  return Buffer.from(bytes)
}

/** A whole-number field. */
export function num(field: number, value: number | bigint): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

/** A field with a length: text, bytes, or a message made of its parts. `length` lies about the length. */
export function len(
  field: number,
  content: string | Uint8Array | readonly Uint8Array[],
  length?: number | bigint,
): Buffer {
  const bytes =
    typeof content === 'string'
      ? Buffer.from(content)
      : content instanceof Uint8Array
        ? Buffer.from(content)
        : Buffer.concat(content)
  return Buffer.concat([varint((field << 3) | 2), varint(length ?? bytes.length), bytes])
}

/** A 32-bit float field. */
export function float(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return Buffer.concat([varint((field << 3) | 5), bytes])
}

/** Packed 32-bit floats, the same for the same count. */
export function floats(count: number): Buffer {
  const bytes = Buffer.alloc(count * 4)
  for (let index = 0; index < count; index += 1) bytes.writeFloatLE(Math.fround(Math.sin(index + 1)), index * 4)
  return bytes
}

export interface OnnxTensorSpec {
  readonly name: string
  readonly shape: readonly (number | bigint)[]
  /** data_type; 1 is F32. */
  readonly type?: number
  /** raw_data; false leaves the values out. By default as many floats as the shape says. */
  readonly raw?: Uint8Array | false
  readonly external?: Readonly<Record<string, string>>
}

/** TensorProto of ONNX. */
export function onnxTensor(spec: OnnxTensorSpec): Buffer {
  const count = spec.shape.reduce<number>((product, dim) => product * Number(dim), 1)
  const hasValues = spec.raw !== false && spec.external === undefined
  return Buffer.concat([
    ...spec.shape.map((dim) => num(1, dim)),
    num(2, spec.type ?? 1),
    len(8, spec.name),
    ...(hasValues ? [len(9, spec.raw instanceof Uint8Array ? spec.raw : floats(count))] : []),
    ...Object.entries(spec.external ?? {}).map(([key, value]) => len(13, [len(1, key), len(2, value)])),
    ...(spec.external === undefined ? [] : [num(14, 1)]),
  ])
}

/** NodeProto of ONNX. */
export function onnxNode(
  op: string,
  more: { readonly domain?: string; readonly attributes?: readonly Buffer[] } = {},
): Buffer {
  return Buffer.concat([
    len(1, 'x'),
    len(2, 'y'),
    len(4, op),
    ...(more.attributes ?? []).map((attribute) => len(5, attribute)),
    ...(more.domain === undefined ? [] : [len(7, more.domain)]),
  ])
}

export interface OnnxSpec {
  readonly irVersion?: number
  readonly nodes?: readonly Buffer[]
  readonly tensors?: readonly OnnxTensorSpec[]
  readonly graphParts?: readonly Buffer[]
  readonly modelParts?: readonly Buffer[]
  /** Lies about the length of the graph. */
  readonly graphLength?: number | bigint
}

/** ModelProto of ONNX: two operators and one tensor unless told otherwise. */
export function buildOnnx(spec: OnnxSpec = {}): Buffer {
  const nodes = spec.nodes ?? [onnxNode('Gemm'), onnxNode('Relu')]
  const tensors = spec.tensors ?? [{ name: 'fc.weight', shape: [4, 3] }]
  const graph = [
    ...nodes.map((node) => len(1, node)),
    len(2, 'main_graph'),
    ...tensors.map((tensor) => len(5, onnxTensor(tensor))),
    ...(spec.graphParts ?? []),
    len(11, [len(1, 'x')]),
    len(12, [len(1, 'y')]),
  ]
  return Buffer.concat([
    num(1, spec.irVersion ?? 8),
    len(2, 'pytorch'),
    len(3, '2.3.0'),
    len(7, graph, spec.graphLength),
    len(8, [len(1, ''), num(2, 17)]),
    ...(spec.modelParts ?? []),
  ])
}

/** NodeDef of TensorFlow; `value` is the tensor of a constant. */
export function tfNode(name: string, op: string, value?: Buffer): Buffer {
  return Buffer.concat([
    len(1, name),
    len(2, op),
    ...(value === undefined ? [] : [len(5, [len(1, 'dtype'), len(2, num(6, 1))])]),
    ...(value === undefined ? [] : [len(5, [len(1, 'value'), len(2, len(8, value))])]),
  ])
}

/** TensorProto of TensorFlow; `content` lies about the values. */
export function tfTensor(shape: readonly (number | bigint)[], content?: Uint8Array): Buffer {
  const count = shape.reduce<number>((product, dim) => product * Number(dim), 1)
  return Buffer.concat([
    num(1, 1),
    len(
      2,
      shape.map((dim) => len(2, num(1, dim))),
    ),
    len(4, content ?? floats(count)),
  ])
}

/** GraphDef: an input, a constant and their product unless told otherwise, and one library function. */
export function buildGraphDef(nodes?: readonly Buffer[]): Buffer {
  const usual = [tfNode('x', 'Placeholder'), tfNode('w', 'Const', tfTensor([4, 3])), tfNode('y', 'MatMul')]
  return Buffer.concat([
    ...(nodes ?? usual).map((node) => len(1, node)),
    len(2, len(1, [len(1, len(1, 'step')), len(3, tfNode('r', 'Relu'))])),
    len(4, num(1, 1087)),
  ])
}

/** MetaGraphDef around a GraphDef. */
export function buildMetaGraph(graph: Buffer = buildGraphDef()): Buffer {
  const info = [len(4, 'serve'), len(5, '2.15.0'), len(6, 'v2.15.0')]
  return Buffer.concat([len(1, info), len(2, graph), len(5, [len(1, 'serving_default'), len(2, '')])])
}

/** saved_model.pb. */
export function buildSavedModel(graph: Buffer = buildMetaGraph()): Buffer {
  return Buffer.concat([num(1, 1), len(2, graph)])
}

/** An index of a checkpoint with one block; `entries` are keys and values in order of the keys, the header's key is empty. */
export function buildCheckpointIndex(
  entries: readonly (readonly [string, Uint8Array])[] = checkpointEntries(),
): Buffer {
  const entry = (key: string, value: Uint8Array) =>
    Buffer.concat([varint(0), varint(key.length), varint(value.length), Buffer.from(key), value])
  const block = (parts: readonly Buffer[]) => Buffer.concat([...parts, uint32(0), uint32(1)])
  const trailer = Buffer.alloc(5)
  const data = block(entries.map(([key, value]) => entry(key, value)))
  const meta = block([])
  const index = block([entry('~', Buffer.concat([varint(0), varint(data.length)]))])
  const metaAt = data.length + 5
  const indexAt = metaAt + meta.length + 5
  const places = [metaAt, meta.length, indexAt, index.length].map((number) => varint(number))
  const footer = Buffer.concat([...places, Buffer.alloc(40)]).subarray(0, 40)
  const magic = Buffer.from('57fb808b247547db', 'hex')
  return Buffer.concat([data, trailer, meta, trailer, index, trailer, footer, magic])
}

/** The header and one 4x3 variable. */
export function checkpointEntries(size = 48): (readonly [string, Uint8Array])[] {
  const shape = [len(2, num(1, 4)), len(2, num(1, 3))]
  return [
    ['', Buffer.concat([num(1, 1), len(3, num(1, 1))])],
    ['dense/kernel', Buffer.concat([num(1, 1), len(2, shape), num(3, 0), num(4, 0), num(5, size)])],
  ]
}

/** A 32-bit number as it stands. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** A 64-bit number as it stands. */
export function uint64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** ModelDescription of Core ML. */
export function coremlDescription(): Buffer {
  const metadata = [len(2, '1.0'), len(3, 'Somebody'), len(4, 'MIT')]
  return Buffer.concat([len(1, [len(1, 'x'), len(3, '')]), len(10, [len(1, 'y'), len(3, '')]), len(100, metadata)])
}

/** .mlmodel: a network with one layer, or what is told. */
export function buildCoreml(
  type = 500,
  content: Uint8Array = len(1, [len(1, 'dense'), len(2, 'x'), len(3, 'y')]),
): Buffer {
  return Buffer.concat([num(1, 4), len(2, coremlDescription()), len(type, content)])
}

/** weight.bin of an .mlpackage: two blobs of 16 floats; `size` lies about the first. */
export function buildCoremlBlobs(size: number | bigint = 64): Buffer {
  const head = Buffer.concat([uint32(2), uint32(2), Buffer.alloc(56)])
  const record = (at: number, bytes: number | bigint) =>
    Buffer.concat([uint32(0xdead_beef), uint32(2), uint64(bytes), uint64(at + 64), Buffer.alloc(40)])
  return Buffer.concat([head, record(64, size), floats(16), record(192, 64), floats(16)])
}

/** coremldata.bin of a compiled program. */
export function buildCompiledCoreml(): Buffer {
  const word = Buffer.concat([uint64(7), Buffer.from('generic')])
  const description = coremlDescription()
  const head = [uint32(502), uint32(5), Buffer.alloc(20), word, uint64(0), uint64(description.length)]
  return Buffer.concat([...head, description, uint32(502), Buffer.alloc(12)])
}

/** .caffemodel: one layer with a 4x3 blob; `values` lies about its values. */
export function buildCaffe(values: Uint8Array = floats(12)): Buffer {
  const blob = [len(5, values), len(7, len(1, [varint(4), varint(3)]))]
  const layers = [
    [len(1, 'data'), len(2, 'Input'), len(4, 'data')],
    [len(1, 'fc'), len(2, 'InnerProduct'), len(3, 'data'), len(4, 'fc'), len(7, blob)],
  ]
  return Buffer.concat([len(1, 'TinyNet'), ...layers.map((layer) => len(100, layer))])
}

/** .params of MXNet: one 4x3 array; `count` lies about the number of arrays. */
export function buildMxnet(count: number | bigint = 1): Buffer {
  const array = [
    uint32(0xf993_fac9),
    uint32(0),
    uint32(2),
    uint64(4),
    uint64(3),
    uint32(1),
    uint32(0),
    uint32(0),
    floats(12),
  ]
  const name = Buffer.from('arg:fc1_weight')
  return Buffer.concat([uint64(0x112), uint64(0), uint64(count), ...array, uint64(1), uint64(name.length), name])
}

/** .weights of Darknet. */
export function buildDarknet(count = 96): Buffer {
  return Buffer.concat([uint32(0), uint32(2), uint32(5), uint64(32_013_312), floats(count)])
}

/** model.json of TensorFlow.js with one weight; `paths` lies about where the values are. */
export function buildTfjs(
  paths: readonly string[] = ['group1-shard1of1.bin'],
  shape: readonly number[] = [4, 3],
): Buffer {
  const topology = {
    node: [
      { name: 'x', op: 'Placeholder' },
      { name: 'w', op: 'Const' },
    ],
  }
  const weightsManifest = [{ paths, weights: [{ name: 'w', shape, dtype: 'float32' }] }]
  return Buffer.from(
    JSON.stringify({ format: 'graph-model', generatedBy: '2.15.0', modelTopology: topology, weightsManifest }),
  )
}

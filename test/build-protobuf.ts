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

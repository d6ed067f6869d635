// Small whole models of the runtimes that use flatbuffers, each in the layout of its public schema and with every part that its
// reader knows. The returned places say where a field lies, so that a test can make it lie.
import { patternBytes } from './build-gguf.ts'
import {
  type BuiltFlatbuffer,
  type FlatField,
  type FlatTableSpec,
  buildFlatbuffer,
  bytes,
  ints,
  longs,
  number,
  table,
  tables,
  text,
  texts,
} from './build-flatbuffer.ts'

const F32 = 0
/** `BuiltinOperator.CUSTOM` and `FULLY_CONNECTED`. */
const CUSTOM = 32
const FULLY_CONNECTED = 9

function tfliteTensor(name: string, shape: readonly number[], buffer: number): FlatTableSpec {
  return [ints(shape, `${name} shape`), number('int8', F32), number('uint32', buffer, `${name} buffer`), text(name)]
}

/** What TensorFlow's metadata writer adds: name, version, author and licence. */
function tfliteMetadata(): Buffer {
  const described = [text('Tiny'), null, text('v2'), null, text('Example Labs'), text('Apache-2.0')]
  return buildFlatbuffer(described, { identifier: 'M001' }).bytes
}

/** A TensorFlow Lite model: two dense layers, a custom operator, metadata. `CIR0` makes it a Circle model. */
export function buildTflite(
  options: { readonly identifier?: string; readonly behind?: boolean } = {},
): BuiltFlatbuffer {
  const kernel = patternBytes(4 * 6, 1)
  const minimum = Buffer.from('1.14.0\0\0\0\0\0\0\0\0\0\0')
  const outer = options.behind === true
  const weights: FlatTableSpec = outer
    ? [null, number('uint64', 4096, 'kernel offset'), number('uint64', kernel.length, 'kernel size')]
    : [bytes(kernel, 'kernel data')]
  const model: FlatTableSpec = [
    number('uint32', 3, 'version'),
    tables([
      [number('int8', FULLY_CONNECTED), null, number('int32', 1), number('int32', FULLY_CONNECTED)],
      [number('int8', CUSTOM), text('edge-custom-op'), number('int32', 1), number('int32', CUSTOM)],
    ]),
    tables(
      [
        [
          tables(
            [
              tfliteTensor('input', [1, 3], 0),
              tfliteTensor('kernel', [2, 3], 1),
              tfliteTensor('bias', [2], 2),
              tfliteTensor('bias again', [2], 2),
            ],
            'tensors',
          ),
          ints([0]),
          ints([3]),
          tables([[number('uint32', 0), ints([0, 1, 2])], [number('uint32', 1)]]),
          text('main'),
        ],
      ],
      'subgraphs',
    ),
    text('MLIR Converted.', 'description'),
    tables(
      [[], weights, [bytes(patternBytes(8, 2))], [bytes(minimum)], [bytes(tfliteMetadata(), 'metadata')]],
      'buffers',
    ),
    null,
    tables([
      [text('min_runtime_version'), number('uint32', 3)],
      [text('TFLITE_METADATA'), number('uint32', 4)],
    ]),
  ]
  const built = buildFlatbuffer(model, { identifier: options.identifier ?? 'TFL3' })
  if (!outer) return built
  return { ...built, bytes: Buffer.concat([built.bytes, Buffer.alloc(4096 - built.bytes.length), kernel]) }
}

/** An ONNX Runtime model: one Gemm of a foreign domain, two initializers. */
export function buildOrt(): BuiltFlatbuffer {
  const initializer = (name: string, dims: readonly number[], type: number, raw: Uint8Array): FlatTableSpec => [
    text(name),
    null,
    longs(dims, `${name} dims`),
    number('int32', type),
    bytes(raw, `${name} raw`),
  ]
  const graph: FlatTableSpec = [
    tables([initializer('weight', [2, 3], 1, patternBytes(24, 3)), initializer('bias', [3], 10, patternBytes(6, 4))]),
    null,
    tables([[text('node'), null, text('com.microsoft'), number('int32', 1), number('uint32', 0), text('FusedGemm')]]),
    number('uint32', 1),
    null,
    texts(['x']),
    texts(['y']),
  ]
  const model: FlatTableSpec = [
    number('int64', 8),
    tables([
      [text(''), number('int64', 17)],
      [text('com.microsoft'), number('int64', 1)],
    ]),
    text('pytorch'),
    text('2.4.0'),
    null,
    number('int64', 0),
    null,
    table(graph, 'graph'),
    null,
    tables([[text('author'), text('Example Labs')]]),
  ]
  return buildFlatbuffer([text('5'), table(model, 'model')], { identifier: 'ORTM' })
}

function evalue(tensor: FlatTableSpec): FlatTableSpec {
  return [number('uint8', 5), table(tensor)]
}

interface PteOptions {
  /** Leaves fields of the first plan out, by number. */
  readonly without?: readonly number[]
  readonly segmentBase?: number
  readonly headerBytes?: number
}

/** An ExecuTorch program: one method, a delegate in a segment, two constants in another. */
export function buildPte(options: PteOptions = {}): BuiltFlatbuffer {
  const tensor = (sizes: readonly number[], buffer: number, name?: string): FlatTableSpec => [
    number('int8', 6),
    number('int32', 0),
    ints(sizes, `sizes ${buffer}`),
    bytes(Buffer.from(sizes.map((_, index) => index))),
    null,
    number('uint32', buffer, `buffer ${buffer}`),
    null,
    null,
    null,
    ...(name === undefined ? [] : [table([null, text(name)])]),
  ]
  const plan: FlatTableSpec = [
    text('forward'),
    table([text(''), text('')]),
    tables([evalue(tensor([1, 3], 0)), evalue(tensor([2, 3], 1, 'linear.weight')), evalue(tensor([2], 2))]),
    ints([0]),
    ints([0]),
    tables([]),
    tables([[text('aten::addmm'), text('out')]]),
    tables([[text('XnnpackBackend'), table([number('int8', 1), number('uint32', 1, 'delegate')])]]),
    longs([0, 64]),
  ]
  const program: FlatTableSpec = [
    number('uint32', 0),
    tables([plan.map((field, index) => (options.without?.includes(index) === true ? null : field))], 'plans'),
    null,
    null,
    tables([
      [number('uint64', 0), number('uint64', 40, 'constants size')],
      [number('uint64', 48), number('uint64', 16, 'delegate size')],
    ]),
    table([number('uint32', 0), longs([0, 0, 32], 'offsets')]),
  ]
  return withSegments(program, 'ET12', 'eh00', options)
}

function withSegments(spec: FlatTableSpec, identifier: string, magic: string, options: PteOptions): BuiltFlatbuffer {
  const header = Buffer.alloc(32)
  const { bytes: flat, places } = buildFlatbuffer(spec, { identifier, header })
  const base = Math.ceil(flat.length / 16) * 16
  flat.write(magic, 8, 'latin1')
  flat.writeUInt32LE(options.headerBytes ?? 32, 12)
  flat.writeBigUInt64LE(BigInt(flat.length), 16)
  flat.writeBigUInt64LE(BigInt(options.segmentBase ?? base), 24)
  flat.writeBigUInt64LE(64n, 32)
  const data = Buffer.concat([patternBytes(40, 5), Buffer.alloc(8), Buffer.from('\0\0\0\0XH00'), patternBytes(8, 6)])
  return { bytes: Buffer.concat([flat, Buffer.alloc(base - flat.length), data]), places }
}

/** Flat tensors of ExecuTorch: two by name, one blob without a layout. */
export function buildPtd(): BuiltFlatbuffer {
  const spec: FlatTableSpec = [
    number('uint32', 0),
    tables([
      [number('uint64', 0), number('uint64', 24, 'first size')],
      [number('uint64', 32), number('uint64', 8)],
    ]),
    tables([
      [
        text('linear.weight'),
        number('uint32', 0),
        table([number('int8', 6), ints([2, 3]), bytes(Buffer.from([0, 1]))]),
      ],
      [text('blob'), number('uint32', 1, 'blob segment')],
    ]),
  ]
  const header = Buffer.alloc(40)
  const { bytes: flat, places } = buildFlatbuffer(spec, { identifier: 'FT01', header })
  const base = Math.ceil(flat.length / 16) * 16
  flat.write('FH01', 8, 'latin1')
  flat.writeUInt32LE(40, 12)
  for (const [index, value] of [48, flat.length - 48, base, 40].entries())
    flat.writeBigUInt64LE(BigInt(value), 16 + index * 8)
  return { bytes: Buffer.concat([flat, Buffer.alloc(base - flat.length), patternBytes(40, 7)]), places }
}

/** An MNN model: an input, a constant, a convolution with weights. */
export function buildMnn(): BuiltFlatbuffer {
  const blob: FlatTableSpec = [ints([2, 2], 'dims'), null, null, null, null, null, null, floats(4, 8)]
  const common: FlatTableSpec = [...Array.from({ length: 10 }, () => null), number('int32', 2)]
  const convolution: FlatTableSpec = [table(common), floats(6, 9, 'weight'), floats(2, 10)]
  const operator = (type: number, name: string, kind: number, parameter: FlatTableSpec): FlatTableSpec => [
    ints([0]),
    number('uint8', kind, `${name} kind`),
    table(parameter),
    text(name),
    ints([1]),
    number('int32', type),
  ]
  return buildFlatbuffer([
    text('tiny'),
    null,
    null,
    tables([operator(34, 'x', 0, []), operator(11, 'c', 7, blob), operator(12, 'conv', 9, convolution)], 'operators'),
    null,
    null,
    number('int8', 3, 'source'),
    texts(['x', 'c', 'y']),
    number('int32', 3),
  ])
}

function floats(count: number, seed: number, name?: string): FlatField {
  const data = patternBytes(count * 4, seed)
  return ints(
    Array.from({ length: count }, (_, index) => data.readInt32LE(index * 4)),
    name,
  )
}

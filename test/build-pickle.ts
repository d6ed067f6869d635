// Writes pickles opcode by opcode for tests (CPython:Lib/pickletools.py). What Python would call is written as data here.
import { patternBytes } from './build-gguf.ts'
import { type ZipPart, buildZip } from './build-zip.ts'

/** What Python would build. */
export type Py =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Py[]
  | ReadonlyMap<Py, Py>
  | { readonly tuple: readonly Py[] }
  | { readonly global: string }
  | { readonly call: string; readonly args: readonly Py[]; readonly state?: Py; readonly pairs?: ReadonlyMap<Py, Py> }
  | { readonly newobj: string; readonly state: Py }
  | { readonly persistent: Py }

export interface PickleStyle {
  /** 2 by default. */
  readonly protocol?: 0 | 2 | 3 | 4 | 5
  /** Puts everything behind PROTO into one frame. */
  readonly isFramed?: boolean
  /** Leaves out STOP, or puts other bytes there. */
  readonly end?: Uint8Array
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** FRAME with the length that it declares. */
export function frameOf(declared: number | bigint): Buffer {
  const bytes = Buffer.alloc(9, 0x95)
  bytes.writeBigUInt64LE(BigInt(declared), 1)
  return bytes
}

function text(value: string, isOld: boolean): Buffer {
  const bytes = Buffer.from(value)
  return isOld
    ? Buffer.concat([Buffer.from('V'), bytes, Buffer.from('\n')])
    : Buffer.concat([Buffer.from('X'), uint32(bytes.length), bytes])
}

function number(value: number, isOld: boolean): Buffer {
  if (!Number.isInteger(value)) {
    const bytes = Buffer.alloc(9, 'G')
    bytes.writeDoubleBE(value, 1)
    return isOld ? Buffer.from(`F${value}\n`) : bytes
  }
  if (isOld) return Buffer.from(`I${value}\n`)
  if (value >= 0 && value < 256) return Buffer.from([0x4b, value])
  if (Math.abs(value) >= 2 ** 31) {
    const bytes = Buffer.alloc(8, 0x8a)
    bytes[1] = 6
    bytes.writeIntLE(value, 2, 6)
    return bytes
  }
  const bytes = Buffer.alloc(5, 'J')
  bytes.writeInt32LE(value, 1)
  return bytes
}

function global(name: string): Buffer {
  const dot = name.lastIndexOf('.')
  return Buffer.from(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`)
}

function pairsOf(pairs: ReadonlyMap<Py, Py>, isOld: boolean): Buffer {
  const members = [...pairs].flatMap(([key, value]) => [opcodes(key, isOld), opcodes(value, isOld)])
  return Buffer.concat([Buffer.from('('), ...members, Buffer.from('u')])
}

function tuple(items: readonly Py[], isOld: boolean): Buffer {
  return Buffer.concat([Buffer.from('('), ...items.map((item) => opcodes(item, isOld)), Buffer.from('t')])
}

function isList(value: Py): value is readonly Py[] {
  return Array.isArray(value)
}

function isMap(value: Py): value is ReadonlyMap<Py, Py> {
  return value instanceof Map
}

/** The opcodes that build a value, without PROTO and STOP. */
export function opcodes(value: Py, isOld = false): Buffer {
  if (value === null) return Buffer.from('N')
  if (typeof value === 'boolean')
    return isOld ? Buffer.from(value ? 'I01\n' : 'I00\n') : Buffer.from([value ? 0x88 : 0x89])
  if (typeof value === 'number') return number(value, isOld)
  if (typeof value === 'string') return text(value, isOld)
  if (value instanceof Uint8Array) return Buffer.concat([Buffer.from('B'), uint32(value.length), value])
  if (isList(value)) {
    return Buffer.concat([Buffer.from('(lp1\n('), ...value.map((item) => opcodes(item, isOld)), Buffer.from('e')])
  }
  if (isMap(value)) return Buffer.concat([Buffer.from('(dp0\n'), pairsOf(value, isOld)])
  if ('tuple' in value) return tuple(value.tuple, isOld)
  if ('global' in value) return global(value.global)
  if ('persistent' in value) return Buffer.concat([opcodes(value.persistent, isOld), Buffer.from('Q')])
  if ('newobj' in value) {
    return Buffer.concat([
      global(value.newobj),
      Buffer.from([0x29, 0x81]),
      opcodes(value.state, isOld),
      Buffer.from('b'),
    ])
  }
  return reduce(value, isOld)
}

function reduce(value: Extract<Py, { readonly call: string }>, isOld: boolean): Buffer {
  const pairs = value.pairs === undefined ? [] : [pairsOf(value.pairs, isOld)]
  const state = value.state === undefined ? [] : [opcodes(value.state, isOld), Buffer.from('b')]
  return Buffer.concat([global(value.call), tuple(value.args, isOld), Buffer.from('R'), ...pairs, ...state])
}

/** A whole pickle. */
export function buildPickle(value: Py, style: PickleStyle = {}): Buffer {
  const protocol = style.protocol ?? 2
  const body = Buffer.concat([opcodes(value, protocol === 0), style.end ?? Buffer.from('.')])
  const frame = style.isFramed === true ? [frameOf(body.length)] : []
  return Buffer.concat([...(protocol === 0 ? [] : [Buffer.from([0x80, protocol])]), ...frame, body])
}

/** A tensor as torch.save writes it; every field can lie. */
export interface TorchTensor {
  readonly storage?: string
  readonly key: string
  /** Elements of the storage. */
  readonly elements: number
  readonly offset?: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** The call that rebuilds a tensor. */
export function torchTensor(tensor: TorchTensor): Py {
  const id = ['storage', { global: `torch.${tensor.storage ?? 'FloatStorage'}` }, tensor.key, 'cpu', tensor.elements]
  return {
    call: 'torch._utils._rebuild_tensor_v2',
    args: [
      { persistent: { tuple: id } },
      tensor.offset ?? 0,
      { tuple: tensor.shape },
      { tuple: tensor.strides },
      false,
      orderedDict(new Map()),
    ],
  }
}

export function orderedDict(pairs: ReadonlyMap<Py, Py>): Py {
  return { call: 'collections.OrderedDict', args: [], ...(pairs.size === 0 ? {} : { pairs }) }
}

/** A state dictionary of a linear layer: weight [3, 4] in storage 0, bias [3] in storage 1, both F32. */
export function linearState(): ReadonlyMap<Py, Py> {
  return new Map<Py, Py>([
    ['fc.weight', torchTensor({ key: '0', elements: 12, shape: [3, 4], strides: [4, 1] })],
    ['fc.bias', torchTensor({ key: '1', elements: 3, shape: [3], strides: [1] })],
  ])
}

/** Sizes of the storages behind `linearState`. */
export const LINEAR_STORAGES: readonly number[] = [48, 12]

export interface TorchZipSpec {
  readonly value: Py
  /** Bytes of storages 0, 1 and so on. */
  readonly storages?: readonly number[]
  readonly root?: string
  readonly more?: readonly ZipPart[]
}

/** The members of a checkpoint, in PyTorch's order. */
export function torchMembers({ value, storages = [], root = 'archive/', more = [] }: TorchZipSpec): readonly ZipPart[] {
  return [
    { name: `${root}data.pkl`, data: buildPickle(value) },
    { name: `${root}byteorder`, data: Buffer.from('little') },
    ...storages.map((size, index) => ({ name: `${root}data/${index}`, data: patternBytes(size, index + 1) })),
    { name: `${root}version`, data: Buffer.from('3\n') },
    ...more,
  ]
}

/** A checkpoint as torch.save writes it. */
export function buildTorchZip(spec: TorchZipSpec): Buffer {
  return buildZip(torchMembers(spec))
}

export interface LegacySpec {
  readonly value: Py
  readonly keys: readonly string[]
  /** Elements and bytes of each storage; the count can lie. */
  readonly storages: readonly { readonly elements: number | bigint; readonly bytes: number }[]
}

/** A checkpoint of five pickles and raw storages. */
export function buildTorchLegacy({ value, keys, storages }: LegacySpec): Buffer {
  const magic = Buffer.from('80028a0a6cfc9c46f9206aa850192e', 'hex')
  const system = new Map<Py, Py>([
    ['protocol_version', 1001],
    ['little_endian', true],
  ])
  const pickles = [1001, system, value, keys].map((each) => buildPickle(each))
  const raw = storages.flatMap(({ elements, bytes }, index) => {
    const count = Buffer.alloc(8)
    count.writeBigUInt64LE(BigInt.asUintN(64, BigInt(elements)))
    return [count, patternBytes(bytes, index + 1)]
  })
  return Buffer.concat([magic, ...pickles, ...raw])
}

/** A numpy array as numpy pickles it. */
export function numpyArray(type: string, shape: readonly number[], data: Uint8Array): Py {
  const dtype: Py = {
    call: 'numpy.dtype',
    args: [type, false, true],
    state: { tuple: [3, '<', null, null, null, -1, -1, 0] },
  }
  return {
    call: 'numpy.core.multiarray._reconstruct',
    args: [{ global: 'numpy.ndarray' }, { tuple: [0] }, Buffer.from('b')],
    state: { tuple: [1, { tuple: shape }, dtype, false, data] },
  }
}

/** joblib's wrapper for an array, and the padding and bytes that follow its BUILD. */
export function joblibArray(type: string, shape: readonly number[], data: Uint8Array): Buffer {
  const state = new Map<Py, Py>([
    ['subclass', { global: 'numpy.ndarray' }],
    ['shape', { tuple: shape }],
    ['order', 'C'],
    ['dtype', { call: 'numpy.dtype', args: [type, false, true] }],
    ['allow_mmap', true],
    ['numpy_array_alignment_bytes', 16],
  ])
  const wrapper = opcodes({ newobj: 'joblib.numpy_pickle.NumpyArrayWrapper', state })
  return Buffer.concat([wrapper, Buffer.from([2, 0xff, 0xff]), data])
}

/** A joblib dump of a list of such arrays. */
export function buildJoblib(arrays: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([0x80, 3]), Buffer.from('](', 'latin1'), ...arrays, Buffer.from('e.')])
}

/** What a tar header may say besides: the kind of the member, and where a link leads. */
export interface TarLies {
  readonly type?: string
  readonly linkName?: string
}

/** One member of a tar archive (ustar), with its padding; the size can lie. */
export function tarMember(name: string, data: Uint8Array, sizeBytes = data.length, lies: TarLies = {}): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124)
  header.write(lies.type ?? '0', 156)
  header.write(lies.linkName ?? '', 157)
  header.write('ustar\u000000', 257)
  return Buffer.concat([header, data, Buffer.alloc((512 - (data.length % 512)) % 512)])
}

/** A checkpoint of 2016: a tar archive of one storage and the pickle that names it. */
export function buildTorchTar(elements: number, bytes: number): Buffer {
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(elements))
  const storage = buildPickle({ tuple: ['0', 'cpu', { global: 'torch.FloatStorage' }] })
  const state = new Map<Py, Py>([['weight', torchTensor({ key: '0', elements: 6, shape: [2, 3], strides: [3, 1] })]])
  return Buffer.concat([
    tarMember('sys_info', buildPickle(new Map<Py, Py>([['little_endian', true]]))),
    tarMember('pickle', buildPickle(orderedDict(state))),
    tarMember('storages', Buffer.concat([buildPickle(1), storage, count, patternBytes(bytes, 1), buildPickle([])])),
  ])
}

/** A schema as skops writes it, with one estimator. */
export const SKOPS_SCHEMA = JSON.stringify({
  __class__: 'LogisticRegression',
  __module__: 'sklearn.linear_model._logistic',
  __loader__: 'ObjectNode',
  content: { __class__: 'dict', __module__: 'builtins', __loader__: 'DictNode', content: {} },
  protocol: 2,
  _skops_version: '0.10.0',
})

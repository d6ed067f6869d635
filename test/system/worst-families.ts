// The worst file of each family of containers that the readers' limits let through or just refuse: millions of tiny fields, nesting
// without end, lists that repeat themselves, names as long and as many as fit. Each is written to a path.
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { deflateRawSync } from 'node:zlib'
import { buildTflite } from '../build-edge-models.ts'
import { buildOpenvinoXml } from '../build-edge-graphs.ts'
import { buildHdf5, type H5Dataset } from '../build-hdf5.ts'
import { buildSqlite, msgpack } from '../build-flax.ts'
import { buildNpy } from '../build-npy.ts'
import { LINEAR_STORAGES, linearState, opcodes, tarMember, torchMembers } from '../build-pickle.ts'
import { buildOnnx, len, num, onnxNode } from '../build-protobuf.ts'
import { buildSafetensors } from '../build-safetensors.ts'
import { XGBOOST_MODEL, ubj } from '../build-trees.ts'
import { type ZipPart, buildZip } from '../build-zip.ts'

type Worst = readonly [name: string, write: (path: string) => void]

const MEBI = 1_048_576

function repeated(piece: Uint8Array | string, count: number): Buffer {
  const bytes = Buffer.from(piece)
  return Buffer.alloc(bytes.length * count, bytes)
}

/** A file of a head, one piece many times, and an end. */
function putRepeated(path: string, head: Uint8Array, piece: Uint8Array | string, count: number, end: Uint8Array): void {
  const fd = openSync(path, 'w')
  const PIECES = 65_536
  const many = repeated(piece, PIECES)
  writeSync(fd, head)
  for (let left = count; left > 0; left -= PIECES) {
    writeSync(fd, left >= PIECES ? many : many.subarray(0, left * Buffer.byteLength(Buffer.from(piece))))
  }
  writeSync(fd, end)
  closeSync(fd)
}

const NONE = Buffer.alloc(0)

/** A name that no other number gives, of which the last character takes V8 two bytes each. */
function nameOf(index: number, bytes: number): string {
  return String(index)
    .padStart(8, '0')
    .padEnd(bytes - 2, 'n')
    .concat('ж')
}

const protobuf: readonly Worst[] = [
  [
    'tiny-fields.onnx',
    // Sixteen million times an opset of nothing.
    (path) => putRepeated(path, buildOnnx(), Buffer.from([0x42, 0]), 16 * MEBI, NONE),
  ],
  [
    'million-nodes.onnx',
    (path) => {
      const node = (index: number): Buffer => len(1, onnxNode(nameOf(index, 40)))
      const nodes = Buffer.concat(Array.from({ length: 1_000_000 }, (_, index) => node(index)))
      writeFileSync(path, Buffer.concat([num(1, 8), len(7, nodes), len(8, num(2, 17))]))
    },
  ],
  [
    'million-tensors.onnx',
    (path) => {
      const tensor = (index: number): Buffer =>
        Buffer.concat([num(1, 0), num(2, 1), len(8, nameOf(index, 64)), len(9, '')])
      const graph = Buffer.concat(Array.from({ length: 1_000_000 }, (_, index) => len(5, tensor(index))))
      writeFileSync(
        path,
        Buffer.concat([num(1, 8), len(7, Buffer.concat([len(1, onnxNode('Relu')), graph])), len(8, num(2, 17))]),
      )
    },
  ],
  [
    'long-words.onnx',
    (path) => {
      const entry = (index: number): Buffer =>
        len(14, Buffer.concat([len(1, nameOf(index, 4_000)), len(2, nameOf(index, 4_000))]))
      writeFileSync(path, Buffer.concat([buildOnnx(), ...Array.from({ length: 20_000 }, (_, index) => entry(index))]))
    },
  ],
]

const flatbuffers: readonly Worst[] = [
  ...(['tensors', 'buffers', 'operators'] as const).flatMap((vector): readonly Worst[] => {
    const { bytes, places } = buildTflite()
    const at = places.get(vector)?.target
    if (at === undefined) return []
    return [
      [
        `giant-vector-of-${vector}.tflite`,
        (path) => {
          const lying = Buffer.from(bytes)
          lying.writeUInt32LE(30_000_000, at)
          writeFileSync(path, lying)
          const fd = openSync(path, 'r+')
          ftruncateSync(fd, 200 * MEBI)
          closeSync(fd)
        },
      ],
    ]
  }),
]

const pickles: readonly Worst[] = [
  [
    'memo.pkl',
    (path) => putRepeated(path, Buffer.from([0x80, 4, 0x5d]), Buffer.from([0x5d, 0x94]), 16 * MEBI, Buffer.from('.')),
  ],
  ['marks.pkl', (path) => putRepeated(path, Buffer.from([0x80, 4]), '(', 32 * MEBI, Buffer.from('.'))],
  [
    'doubling.pkl',
    (path) =>
      putRepeated(path, Buffer.from([0x80, 4, 0x5d]), Buffer.from('2\x86\x94', 'latin1'), 8 * MEBI, Buffer.from('.')),
  ],
  [
    'texts.pkl',
    (path) => {
      const texts = Array.from({ length: 200_000 }, (_, index) => opcodes(nameOf(index, 1_000)))
      writeFileSync(path, Buffer.concat([Buffer.from([0x80, 4, 0x5d, 0x28]), ...texts, Buffer.from('e.')]))
    },
  ],
  [
    'long-pickle.pt',
    (path) => {
      const members = torchMembers({ value: linearState(), storages: LINEAR_STORAGES })
      const data = Buffer.concat([
        Buffer.from([0x80, 2, 0x5d]),
        repeated(Buffer.from([0x5d, 0x30]), 15 * MEBI),
        Buffer.from('.'),
      ])
      writeFileSync(
        path,
        buildZip(members.map((part) => (part.name.endsWith('data.pkl') ? { ...part, method: 8, data } : part))),
      )
    },
  ],
]

const packed: readonly Worst[] = [
  [
    'deep.msgpack',
    (path) =>
      putRepeated(
        path,
        Buffer.from('81a6706172616d73', 'hex'),
        Buffer.from('81a161', 'hex'),
        8 * MEBI,
        Buffer.from('c0', 'hex'),
      ),
  ],
  [
    'wide.msgpack',
    (path) => {
      const count = Buffer.from('df00200000', 'hex')
      const rows = Array.from({ length: 0x200000 }, (_, index) => msgpack(nameOf(index, 14)))
      const pairs = rows.map((key) => Buffer.concat([key, Buffer.from('80', 'hex')]))
      writeFileSync(path, Buffer.concat([Buffer.from('81a6706172616d73', 'hex'), count, ...pairs]))
    },
  ],
  [
    'deep.ubj',
    (path) =>
      writeFileSync(
        path,
        Buffer.concat([ubj(XGBOOST_MODEL).subarray(0, -1), Buffer.from('U\u0001x'), repeated('[', 32 * MEBI)]),
      ),
  ],
  [
    'pages.ckpt',
    (path) => {
      writeFileSync(path, buildSqlite())
      const fd = openSync(path, 'r+')
      ftruncateSync(fd, 512 * MEBI)
      closeSync(fd)
    },
  ],
]

const arrays: readonly Worst[] = [
  [
    'many-datasets.h5',
    (path) => {
      const one = (index: number): [string, H5Dataset] => [nameOf(index, 900), { shape: [1], data: Buffer.alloc(4) }]
      const children = Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => one(index)))
      writeFileSync(path, buildHdf5({ attributes: { keras_version: '3.0.0', backend: 'jax' }, children }))
    },
  ],
  [
    'long-attribute.h5',
    (path) => {
      const layers = `{"class_name":"Sequential","config":{"layers":[${'{"class_name":"Dense"},'.repeat(300_000)}{}]}}`
      writeFileSync(path, buildHdf5({ attributes: { model_config: layers } }, { variableTexts: true }))
    },
  ],
  [
    'many-arrays.npz',
    (path) => {
      const data = buildNpy({ shape: '0,', data: Buffer.alloc(0) })
      const parts = Array.from(
        { length: 120_000 },
        (_, index): ZipPart => ({ name: `${nameOf(index, 100)}.kernel.npy`, data }),
      )
      writeFileSync(path, buildZip(parts, { isZip64: true }))
    },
  ],
]

const texts: readonly Worst[] = [
  [
    'long-attributes.xml',
    (path) => {
      const [head = '', tail = ''] = buildOpenvinoXml().toString('utf8').split('<layers>')
      const long = `<layer id="9" name="${'ж'.repeat(5 * MEBI)}" type="Const" version="opset1"/>`
      writeFileSync(path, `${head}<layers>${long}${long}${tail}`)
    },
  ],
  [
    'many-attributes.xml',
    (path) => {
      const [head = '', tail = ''] = buildOpenvinoXml().toString('utf8').split('<layers>')
      const attributes = Array.from({ length: 60_000 }, (_, index) => `a${index}="v"`).join(' ')
      writeFileSync(path, `${head}<layers><layer id="9" name="x" type="T${'t'.repeat(4_000)}" ${attributes}/>${tail}`)
    },
  ],
  ['deep.json', (path) => putRepeated(path, Buffer.from('{"learner":{"a":'), '[', 32 * MEBI, NONE)],
  [
    'deep.safetensors.index.json',
    (path) => putRepeated(path, Buffer.from('{"weight_map":{"a":'), '{"a":', 6 * MEBI, NONE),
  ],
  [
    'wide.skops',
    (path) => {
      const data = Buffer.concat([
        Buffer.from('{"__class__":"a","__module__":"b","__loader__":"c","content":['),
        repeated('{},', 10 * MEBI),
        Buffer.from('{}]}'),
      ])
      writeFileSync(path, buildZip([{ name: 'schema.json', method: 8, data }]))
    },
  ],
]

/** Archives inside archives, packed on each floor, as large as a member may be. */
function packedFloors(depth: number): Buffer {
  const weights = buildSafetensors({ header: `{"__metadata__":{"a":"${'x'.repeat(28 * MEBI)}"}}` })
  let inner = buildZip([{ name: 'a.safetensors', data: weights }])
  for (let floor = 0; floor < depth; floor += 1) {
    const packedInner = deflateRawSync(inner, { level: 0 })
    inner = buildZip([{ name: `${floor}.zip`, data: inner, method: 8, packed: packedInner }])
  }
  return inner
}

const archives: readonly Worst[] = [
  [
    'long-names.zip',
    (path) => {
      const parts = Array.from({ length: 131_072 }, (_, index): ZipPart => ({ name: nameOf(index, 126), data: NONE }))
      writeFileSync(path, buildZip(parts, { isZip64: true }))
    },
  ],
  [
    'long-names.pt',
    (path) => {
      const parts = Array.from(
        { length: 131_000 },
        (_, index): ZipPart => ({ name: `archive/data/${nameOf(index, 110)}`, data: NONE }),
      )
      writeFileSync(
        path,
        buildZip([...torchMembers({ value: linearState(), storages: LINEAR_STORAGES }), ...parts], { isZip64: true }),
      )
    },
  ],
  ['packed-floors.zip', (path) => writeFileSync(path, packedFloors(4))],
  [
    'members.pth.tar',
    (path) => {
      const members = Array.from({ length: 16_380 }, (_, index) => tarMember(nameOf(index, 99), NONE))
      writeFileSync(path, Buffer.concat([tarMember('sys_info', NONE), tarMember('pickle', NONE), ...members]))
    },
  ],
]

/** A name for each kind of file, and how it is written to a path. */
export const WORST_FAMILIES: readonly Worst[] = [
  ...protobuf,
  ...flatbuffers,
  ...pickles,
  ...packed,
  ...arrays,
  ...texts,
  ...archives,
]

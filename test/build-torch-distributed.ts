// Writes distributed checkpoints of PyTorch for tests, field by field (pytorch:torch/distributed/checkpoint/metadata.py, filesystem.py):
// the description and its shards. Every field can lie.
import { type Py, buildPickle, buildTorchZip, torchTensor } from './build-pickle.ts'

const METADATA = 'torch.distributed.checkpoint.metadata'
export const ROOT = 'archive/'

/** A piece of a tensor in one file. */
interface Chunk {
  readonly offsets: readonly number[]
  readonly sizes: readonly number[]
  readonly file: string
}

interface DistributedTensor {
  readonly name: string
  readonly size: readonly number[]
  /** The whole tensor in `__0_0.distcp` where it is not given. */
  readonly chunks?: readonly Chunk[]
  /** Path in the state dictionary, where the planner flattened one. */
  readonly path?: readonly (string | number)[]
}

export interface DistributedSpec {
  readonly tensors: readonly DistributedTensor[]
  /** Pickled objects in the first file. */
  readonly objects?: readonly {
    readonly name: string
    readonly value: Py
    readonly path?: readonly (string | number)[]
  }[]
  /** Lies: changes where an item is said to lie. */
  readonly place?: (place: Place) => Place
  /** Further pairs of `state_dict_metadata`, which may double names. */
  readonly more?: ReadonlyMap<Py, Py>
}

interface Place {
  readonly name: string
  readonly file: string
  readonly offset: number
  readonly length: number
}

function object(name: string, fields: Readonly<Record<string, Py>>): Py {
  return { newobj: name, state: new Map<Py, Py>(Object.entries(fields)) }
}

function size(numbers: readonly number[]): Py {
  return { call: 'torch.Size', args: [{ tuple: numbers }] }
}

function elementsOf(sizes: readonly number[]): number {
  return sizes.reduce((product, each) => product * each, 1)
}

/** One tensor as `torch.save` writes it: an archive of its own. */
export function tensorArchive(sizes: readonly number[]): Buffer {
  const elements = elementsOf(sizes)
  const strides = sizes.map((_, axis) => elementsOf(sizes.slice(axis + 1)))
  return buildTorchZip({
    value: torchTensor({ key: '0', elements, shape: sizes, strides }),
    storages: [elements * 4],
    root: ROOT,
  })
}

/** What describes a tensor of 32-bit floats. */
export function tensorEntry(whole: readonly number[], chunks: readonly Pick<Chunk, 'offsets' | 'sizes'>[]): Py {
  const layout: Py = { call: 'torch.serialization._get_layout', args: ['torch.strided'] }
  return object(`${METADATA}.TensorStorageMetadata`, {
    properties: {
      newobj: `${METADATA}.TensorProperties`,
      state: { tuple: [{ global: 'torch.float32' }, layout, false, 0, false] },
    },
    size: size(whole),
    chunks: chunks.map((chunk) =>
      object(`${METADATA}.ChunkStorageMetadata`, { offsets: size(chunk.offsets), sizes: size(chunk.sizes) }),
    ),
  })
}

function storagePair(place: Place, offsets: readonly number[] | null): readonly [Py, Py] {
  return [
    object(`${METADATA}.MetadataIndex`, { fqn: place.name, index: 0, offset: offsets === null ? null : size(offsets) }),
    object('torch.distributed.checkpoint.filesystem._StorageInfo', {
      relative_path: place.file,
      offset: place.offset,
      length: place.length,
    }),
  ]
}

/** File name -> bytes, the description among them. */
export function buildDistributed(spec: DistributedSpec): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  const entries = new Map<Py, Py>()
  const storage = new Map<Py, Py>()
  const paths = new Map<Py, Py>()
  const place = spec.place ?? ((each: Place) => each)
  const append = (name: string, file: string, bytes: Buffer, offsets: readonly number[] | null): void => {
    const before = files.get(file) ?? Buffer.alloc(0)
    files.set(file, Buffer.concat([before, bytes]))
    const [index, info] = storagePair(place({ name, file, offset: before.length, length: bytes.length }), offsets)
    storage.set(index, info)
  }
  for (const { name, value, path } of spec.objects ?? []) {
    entries.set(name, { newobj: `${METADATA}.BytesStorageMetadata`, state: new Map() })
    append(name, '__0_0.distcp', buildTorchZip({ value, root: ROOT }), null)
    if (path !== undefined) paths.set(name, { tuple: path })
  }
  for (const { name, size: whole, path, ...tensor } of spec.tensors) {
    const chunks = tensor.chunks ?? [{ offsets: whole.map(() => 0), sizes: whole, file: '__0_0.distcp' }]
    entries.set(name, tensorEntry(whole, chunks))
    for (const { file, sizes, offsets } of chunks) append(name, file, tensorArchive(sizes), offsets)
    if (path !== undefined) paths.set(name, { tuple: path })
  }
  for (const [name, entry] of spec.more ?? []) entries.set(name, entry)
  const metadata = object(`${METADATA}.Metadata`, {
    state_dict_metadata: entries,
    planner_data: paths,
    storage_data: storage,
    version: '1.0.0',
  })
  return files.set('.metadata', buildPickle(metadata, { protocol: 4, isFramed: true }))
}

/** The committed sample: a linear layer over two ranks, the bias whole in the second. */
export const LINEAR: DistributedSpec = {
  tensors: [
    {
      name: 'model.fc.weight',
      size: [4, 2],
      path: ['model', 'fc.weight'],
      chunks: [
        { offsets: [0, 0], sizes: [2, 2], file: '__0_0.distcp' },
        { offsets: [2, 0], sizes: [2, 2], file: '__1_0.distcp' },
      ],
    },
    {
      name: 'model.fc.bias',
      size: [4],
      path: ['model', 'fc.bias'],
      chunks: [{ offsets: [0], sizes: [4], file: '__1_0.distcp' }],
    },
  ],
}

// Writes state dictionaries with given values as torch.save does, one storage a tensor; build-pickle.ts has the pieces.
import { type Py, buildPickle, orderedDict, torchTensor } from './build-pickle.ts'
import { buildZip } from './build-zip.ts'

export interface StateTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** Values of the storage. */
  readonly data: Uint8Array
}

export interface StateStyle {
  /** Class of all storages, and bytes of one element. */
  readonly storage: string
  readonly elementBytes: number
  readonly byteOrder?: 'little' | 'big'
}

/** A checkpoint whose storages are all of one class of torch: `BFloat16Storage`. */
export function buildTorchState(
  tensors: readonly StateTensor[],
  { storage, elementBytes, byteOrder = 'little' }: StateStyle,
): Buffer {
  const pairs = tensors.map(({ name, shape, data }, index): readonly [Py, Py] => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, dim) => product * dim, 1))
    return [name, torchTensor({ storage, key: String(index), elements: data.length / elementBytes, shape, strides })]
  })
  return buildZip(
    [
      { name: 'archive/data.pkl', data: buildPickle(orderedDict(new Map(pairs))) },
      { name: 'archive/byteorder', data: Buffer.from(byteOrder) },
      ...tensors.map(({ data }, index) => ({ name: `archive/data/${index}`, data })),
      { name: 'archive/version', data: Buffer.from('3\n') },
    ],
    { align: 64 },
  )
}

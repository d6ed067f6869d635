// What an HDF5 file takes from elsewhere: links by name and to other files, values in plain files beside it, and datasets put together
// from other files (specification 3.0: IV.A.2.g, .h and .i). Told, never followed.
//
//   external link's value: version and flags 1 | file \0 | object \0        external files: version 1 | 0 0 0 | places 2 | used 2 | heap
//   each external file: place of its name in the heap | offset in the file | size       virtual layout: 4 | 3 | global heap | index 4
import type { Cursor } from './cursor.ts'
import { type Hdf5File, expectWord, readLength, readPlace, upTo } from './hdf5-file.ts'

export const EXTERNAL_FILES = 0x07
/** Class of a data layout: since version 4. */
const VIRTUAL_LAYOUT = 3
const MAX_NAME_BYTES = 1_024
/** A dataset is spread over a handful of files (CWE-770). */
const MAX_FILES = 64

export interface Hdf5Outside {
  readonly kind: 'soft-link' | 'external-link' | 'external-storage' | 'virtual-dataset'
  /** The link or dataset. */
  readonly path: string
  /** Name of the file, with the object in it where one is named. */
  readonly target: string
  /** Byte of the object header that says so. */
  readonly at: number
}

/** The value of an external link: `file:object`. */
export function readExternalLink(value: Uint8Array): string {
  const [file = '', object = ''] = Buffer.from(value.subarray(1)).toString('utf8').split('\0')
  return `${file}:${object}`
}

/** Names of the files in which a dataset's values lie. Throws ReadTrouble. */
export function readExternalFiles(file: Hdf5File, body: Cursor): readonly string[] {
  body.skip(6)
  const used = Math.min(body.uint16(), MAX_FILES)
  const heapAt = readPlace(body, file.placeBytes)
  if (heapAt === null) return []
  const names: string[] = []
  for (let index = 0; index < used; index += 1) {
    const nameAt = readLength(body, file.lengthBytes)
    body.skip(2 * file.lengthBytes)
    names.push(readHeapName(file, heapAt, nameAt))
  }
  return names
}

function readHeapName(file: Hdf5File, heapAt: number, nameAt: number): string {
  const head = upTo(file, heapAt, 8 + 2 * file.lengthBytes + file.placeBytes)
  expectWord(head, 'HEAP', heapAt)
  head.skip(4 + 2 * file.lengthBytes)
  const dataAt = readPlace(head, file.placeBytes) ?? 0
  const part = upTo(file, dataAt + nameAt, MAX_NAME_BYTES)
  const name = Buffer.from(part.view(part.remaining))
  const end = name.indexOf(0)
  return name.toString('utf8', 0, end < 0 ? name.length : end)
}

/** True where a layout message says that the dataset is put together from others. */
export function isVirtual(body: Cursor): boolean {
  return body.uint8() >= 4 && body.uint8() === VIRTUAL_LAYOUT
}

/** Files that a virtual dataset names, as far as its first heap shows them: version 0 | count | { file \0 | dataset \0 | selections }* */
export function readVirtualFile(file: Hdf5File, body: Cursor): string {
  body.seek(2)
  const heapAt = readPlace(body, file.placeBytes)
  if (heapAt === null) return ''
  // The heap's head and that of its first object, then the block.
  const skipped = 8 + file.lengthBytes + 8 + file.lengthBytes + 1 + file.lengthBytes
  const part = upTo(file, heapAt, skipped + MAX_NAME_BYTES)
  expectWord(part, 'GCOL', heapAt)
  part.seek(Math.min(skipped, part.size))
  return Buffer.from(part.view(part.remaining)).toString('utf8').split('\0')[0] ?? ''
}

/** A part of a heap that ends with a zero. */
export function nameIn(heap: Buffer, at: number): string {
  const end = at < heap.length ? heap.indexOf(0, at) : -1
  return end < 0 ? '' : heap.toString('utf8', at, Math.min(end, at + MAX_NAME_BYTES))
}

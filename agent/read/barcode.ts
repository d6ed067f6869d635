// Rung 5: a file by samples. Size, header, and four 4 KiB pieces of every tensor at fixed relative places, so that an edit
// of a tensor is likely seen without reading the tensor. A strong hint, no proof.
import { type Hash, createHash } from 'node:crypto'
import type { Barcode } from '../../contract/fingerprint.ts'
import type { OpenedFile } from '../../contract/observation.ts'
import type { TensorMark } from '../../rules/edit-map.ts'
import { readAt } from './cursor.ts'
import type { TensorInfo } from './weights.ts'

const SCHEME = 'bar2'
const SAMPLE_BYTES = 4_096
/** Of each tensor's digest so much is kept for edit maps; the barcode itself has all of it. */
const MARK_BYTES = 8
/** Larger models (experts by the thousand) are told by the one digest only. */
const MAX_TOLD_MARKS = 2_048
/** Samples a tensor gets: all four, else two, else one, the first of these sets that keeps within the budget. */
const PLACES: readonly (readonly number[])[] = [[0, 1 / 3, 2 / 3, 1], [1 / 3, 2 / 3], [1 / 3]]
/** A 70B has 723 tensors: two samples each are 5.9 MB. */
const BUDGET_BYTES = 6_291_456
/** Pieces of the header; its facts (tensor table, metadata) are digested by other rungs. */
const HEADER_PLACES = [0, 1 / 3, 2 / 3, 1]

export interface BarcodeInput {
  readonly format: string | null
  readonly headerBytes: number
  readonly tensors: readonly TensorInfo[]
  /** Files that share the budget, e.g. the shards of one model. */
  readonly fileCount: number
}

/** A barcode and the marks of its tensors, which stay on this machine: they give edit maps. */
export interface Samples {
  readonly barcode: Barcode
  readonly marks: readonly TensorMark[]
}

/** Samples one file. Throws ReadTrouble when the system refuses a read. */
export function sampleFile(file: OpenedFile, input: BarcodeInput): Samples {
  const size = file.identity.sizeBytes
  const budget = Math.max(SAMPLE_BYTES * 16, Math.floor(BUDGET_BYTES / input.fileCount))
  const sampled = input.tensors.filter((tensor) => tensor.bytes !== null && tensor.bytes > 0)
  const places = PLACES.find((set) => sampled.length * set.length * SAMPLE_BYTES <= budget) ?? [1 / 3]
  const stride = Math.max(1, Math.ceil((sampled.length * places.length * SAMPLE_BYTES) / budget))
  const hash = createHash('sha256')
  const piece = new Uint8Array(SAMPLE_BYTES)
  let bytesSampled = 0
  const sample = (into: Hash, start: number, length: number, place: number) => {
    const [position, wanted] = placeIn(start, length, place)
    const done = readAt(file, position, piece.subarray(0, wanted))
    into.update(piece.subarray(0, done))
    bytesSampled += done
  }
  const told = sampled.filter((_, index) => index % stride === 0)
  file.prepare?.([
    ...HEADER_PLACES.map((place) => placeIn(0, Math.min(input.headerBytes, size), place)),
    ...told.flatMap((tensor) => places.map((place) => placeIn(tensor.offset, tensor.bytes ?? 0, place))),
  ])
  hash.update(JSON.stringify([SCHEME, input.format, size, input.headerBytes, sampled.length]))
  const header = Math.min(input.headerBytes, size)
  for (const place of HEADER_PLACES) sample(hash, 0, header, place)
  for (const tensor of input.tensors) {
    hash.update(JSON.stringify([tensor.name, tensor.type, tensor.shape, tensor.offset - input.headerBytes]))
  }
  const marks: TensorMark[] = []
  for (const tensor of told) {
    const own = createHash('sha256')
    for (const place of places) sample(own, tensor.offset, tensor.bytes ?? 0, place)
    const digest = own.digest()
    hash.update(digest)
    const mark = digest.toString('hex', 0, MARK_BYTES)
    marks.push({ name: tensor.name, type: tensor.type, shape: tensor.shape, mark })
  }
  const isComplete = sampled.length === input.tensors.length && places.length === 4 && stride === 1
  return { barcode: { digest: `${SCHEME}:${hash.digest('hex')}`, bytesSampled, isComplete }, marks }
}

/** Position and count of one sample of a stretch. */
function placeIn(start: number, length: number, place: number): readonly [position: number, count: number] {
  const count = Math.min(SAMPLE_BYTES, length)
  return [start + Math.floor((length - count) * place), count]
}

/** Samples of a file whose inside is not understood: four pieces of the whole. */
export function sampleWhole(file: OpenedFile): Samples {
  return sampleFile(file, { format: null, headerBytes: file.identity.sizeBytes, tensors: [], fileCount: 1 })
}

/** One barcode over the parts of a model, the same in whatever order they are found. */
export function joinSamples(parts: readonly Samples[]): Samples {
  const marks = parts.flatMap((part) => part.marks)
  const barcode = joinBarcodes(parts.map((part) => part.barcode))
  const tensors = packMarks(marks)
  return { barcode: tensors === undefined ? barcode : { ...barcode, tensors }, marks }
}

function joinBarcodes(parts: readonly Barcode[]): Barcode {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const hash = createHash('sha256')
  for (const digest of parts.map((part) => part.digest).sort()) hash.update(`${digest}\n`)
  return {
    digest: `${SCHEME}:${hash.digest('hex')}`,
    bytesSampled: parts.reduce((sum, part) => sum + part.bytesSampled, 0),
    isComplete: parts.every((part) => part.isComplete),
  }
}

/** The marks in the order of the names, as `layoutDigest` has them, for the wire. */
function packMarks(marks: readonly TensorMark[]): string | undefined {
  if (marks.length === 0 || marks.length > MAX_TOLD_MARKS) return undefined
  const ordered = [...marks].sort((left, right) => (left.name < right.name ? -1 : 1))
  return Buffer.concat(ordered.map(({ mark }) => Buffer.from(mark, 'hex'))).toString('base64')
}

/** `art1:` over size and samples: the same content has the same id on every host. */
export function writeArtifactId(sizeBytes: number, barcode: Barcode): string {
  return `art1:${createHash('sha256').update(`${sizeBytes} ${barcode.digest}`).digest('hex')}`
}

// Pickles in an HDF5 file outside its numbers: in attributes of any type, heaps of texts, opaque and compound datasets, and in bytes that
// nothing refers to. PyTables unpickles attributes by itself; other programs keep objects there and unpickle them when asked.
import { quoted } from '../gap-list.ts'
import type { Hdf5Tree } from '../hdf5.ts'
import type { TensorInfo } from '../weights.ts'
import { tryPickle } from './find-pickles.ts'
import { looksLike } from './magic-words.ts'
import { pickleRuns } from './pickle-texts.ts'
import { type StrayTelling, tellPickle, tellStray } from './tell-stray.ts'

/** Datasets in pieces lie anywhere; headers, heaps and attributes of the largest networks take 4 MB (CWE-400). */
const MAX_SEARCHED_BYTES = 16_777_216
/** Stretches between datasets that are searched: networks have some 2,000 datasets (CWE-400). */
const MAX_STRETCHES = 16_384
const PIECE_BYTES = 1_048_576
/** The shortest pickle that calls something. */
const MIN_BYTES = 12
const HEAD_BYTES = 256
const NUMBERS = /^(?:[UIF]\d{1,3}|BF16|BOOL)$/
const BYTES = /^[UI]8$/

/** Searches what holds no numbers. */
export async function tellHdf5Stray({ datasets }: Hdf5Tree, telling: StrayTelling): Promise<void> {
  const { cursor, gaps, report } = telling
  const hasPieces = datasets.some(({ bytes }) => bytes === null)
  let left = MAX_SEARCHED_BYTES
  const stretches = between(datasets, cursor.size)
  let isWhole = stretches.length <= MAX_STRETCHES
  for (const { start, end } of stretches.slice(0, MAX_STRETCHES)) {
    const stop = Math.min(end, start + left)
    if (stop < end) isWhole = false
    left -= stop - start
    await tellStray({ start, end: stop }, 'the file outside its numbers', telling)
    await tellTexts(start, stop, telling)
  }
  for (const dataset of datasets) await tellBytes(dataset, telling)
  if (isWhole) return
  gaps.note('GNO_READ_SKIPPED', 'scan: not all bytes outside the numbers were searched for pickles')
  // Where datasets lie in pieces, what is left over are their numbers.
  if (!hasPieces) report.break()
}

interface Stretch {
  readonly start: number
  readonly end: number
}

function between(datasets: readonly TensorInfo[], size: number): readonly Stretch[] {
  const numbers = datasets
    .filter(({ type, bytes }) => bytes !== null && bytes > 0 && NUMBERS.test(type))
    .sort((left, right) => left.offset - right.offset)
  const found: Stretch[] = []
  let from = 0
  for (const { offset, bytes } of numbers) {
    if (offset - from >= MIN_BYTES) found.push({ start: from, end: offset })
    from = Math.max(from, offset + (bytes ?? 0))
  }
  if (size - from >= MIN_BYTES) found.push({ start: from, end: size })
  return found
}

/** Pickles that are written as letters. */
async function tellTexts(start: number, end: number, telling: StrayTelling): Promise<void> {
  const { cursor } = telling
  for (let at = start; at < end; at += PIECE_BYTES) {
    cursor.seek(at)
    const text = Buffer.from(cursor.copy(Math.min(PIECE_BYTES, end - at))).toString('latin1')
    for (const { at: inText, bytes } of pickleRuns(text)) await tellRun(bytes, at + inText, telling)
  }
}

async function tellRun(bytes: Uint8Array, at: number, telling: StrayTelling): Promise<void> {
  const pickle = telling.cursor.over(bytes)
  if (tryPickle(pickle, 0) !== null) await tellPickle(pickle, at, 'a text of the file', telling)
}

/** A dataset of bytes may be a file. */
async function tellBytes({ name, type, offset, bytes }: TensorInfo, telling: StrayTelling): Promise<void> {
  if (bytes === null || bytes < MIN_BYTES || !BYTES.test(type)) return
  const inner = telling.cursor.within(offset, bytes)
  if (looksLike(inner.copy(Math.min(bytes, HEAD_BYTES))) !== 'pickle') return
  const pickle = tryPickle(inner, 0)
  if (pickle !== null) await tellPickle(inner.within(0, pickle.end), offset, `dataset ${quoted(name)}`, telling)
}

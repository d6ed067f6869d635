// What unpickling would do: the pickles of the shared corpus, file by file from disk, and two large ones that are made here. The first
// round is cold (nothing compiled yet), the warm figure is the best of several, since another program only ever makes it worse.
import { closeSync, existsSync, fstatSync, openSync, readSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type ByteSource, Cursor, memoryBytes } from '../agent/read/cursor.ts'
import { GapList } from '../agent/read/gap-list.ts'
import { Look } from '../agent/read/look.ts'
import { LoadReport } from '../agent/read/scan/load-report.ts'
import { scanPickle } from '../agent/read/scan/scan-pickle.ts'
import { findReader } from '../agent/read/sniff-format.ts'
import type { Measurement } from './measurement.ts'

/** Benchmarks are run from the project's root. */
const CORPUS = join(process.cwd(), '../shared/corpus')
const ROUNDS = 15
const MB = 1_000_000
const ARRAYS = 64
const ARRAY_BYTES = MB
const DENSE_ENTRIES = 400_000

/** Measures the scan of pickles. Without the corpus beside the project only the made ones are measured. */
export async function measure(): Promise<readonly Measurement[]> {
  const paths = corpusFiles()
  const rows: Measurement[] = []
  if (paths.length > 0) rows.push(...(await measureCorpus(paths)))
  rows.push(
    { name: 'arrays of 1 MB', value: await speedOf(arrays()), unit: 'MB/s', budget: 'at least 150' },
    { name: 'texts and numbers alone', value: await speedOf(dense()), unit: 'MB/s' },
  )
  return rows
}

async function measureCorpus(paths: readonly string[]): Promise<readonly Measurement[]> {
  const cold = await scanAll(paths)
  let warm = cold
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = await scanAll(paths)
    if (next.seconds < warm.seconds) warm = next
  }
  return [
    { name: 'pickles of the corpus', value: cold.files, unit: 'files' },
    { name: 'together', value: cold.bytes / MB, unit: 'MB' },
    { name: 'first round', value: cold.files / cold.seconds, unit: 'files/s' },
    { name: 'warm', value: warm.files / warm.seconds, unit: 'files/s', budget: 'at least 2,707' },
    { name: 'warm, in bytes', value: warm.bytes / MB / warm.seconds, unit: 'MB/s' },
  ]
}

interface Round {
  readonly files: number
  readonly bytes: number
  readonly seconds: number
}

function corpusFiles(): readonly string[] {
  if (!existsSync(CORPUS)) return []
  const folders = ['benign', 'malicious', 'malformed'].map((kind) => join(CORPUS, kind))
  const paths = folders.flatMap((folder) =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'manifest.json')
      .map(({ name }) => join(folder, name)),
  )
  return paths.filter((path) => withFile(path, (look) => scanPickle.formats.includes(findReader(look)?.id ?? '')))
}

function withFile<T>(path: string, use: (look: Look) => T): T {
  const fd = openSync(path, 'r')
  try {
    const source: ByteSource = {
      sizeBytes: fstatSync(fd).size,
      read: (position, target) => readSync(fd, target, 0, target.length, position),
    }
    return use(new Look(source, path))
  } finally {
    closeSync(fd)
  }
}

async function scanAll(paths: readonly string[]): Promise<Round> {
  let bytes = 0
  const started = process.hrtime.bigint()
  for (const path of paths) {
    const fd = openSync(path, 'r')
    const { size } = fstatSync(fd)
    const source: ByteSource = {
      sizeBytes: size,
      read: (position, target) => readSync(fd, target, 0, target.length, position),
    }
    await scanOne(source, path)
    closeSync(fd)
    bytes += size
  }
  return { files: paths.length, bytes, seconds: secondsSince(started) }
}

async function scanOne(source: ByteSource, name: string): Promise<void> {
  const look = new Look(source, name)
  const format = findReader(look)?.id ?? null
  const scanNested = (): Promise<null> => Promise.resolve(null)
  const context = { format, look, weights: null, scanTemplate: null, scanNested }
  await scanPickle.scan(new Cursor(source), new LoadReport(), new GapList(''), context)
}

/** MB/s of the second of two scans. */
async function speedOf(bytes: Uint8Array): Promise<number> {
  await scanOne(memoryBytes(bytes), 'made.pkl')
  const started = process.hrtime.bigint()
  await scanOne(memoryBytes(bytes), 'made.pkl')
  return bytes.length / MB / secondsSince(started)
}

function secondsSince(started: bigint): number {
  return Number(process.hrtime.bigint() - started) / 1e9
}

/** A list of bytes objects, as arrays of NumPy are pickled. */
function arrays(): Uint8Array {
  const head = Buffer.alloc(5, 'B')
  head.writeUInt32LE(ARRAY_BYTES, 1)
  const array = Buffer.concat([head, Buffer.alloc(ARRAY_BYTES, 7)])
  return Buffer.concat([
    Buffer.from('\x80\x03](', 'latin1'),
    ...Array.from({ length: ARRAYS }, () => array),
    Buffer.from('e.'),
  ])
}

/** A dictionary of short texts and numbers, each text in the memo, as protocol 4 writes them. */
function dense(): Uint8Array {
  const entries = Array.from({ length: DENSE_ENTRIES }, (_, index) => {
    const text = Buffer.from(`model.layers.${index}.weight`)
    return Buffer.concat([Buffer.from([0x8c, text.length]), text, Buffer.from([0x94, 0x4d, index & 0xff, 0x01])])
  })
  return Buffer.concat([Buffer.from([0x80, 4, 0x7d, 0x94, 0x28]), ...entries, Buffer.from('u.')])
}

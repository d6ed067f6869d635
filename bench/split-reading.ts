// What it costs to read weights in a process without rights instead of here: the same files both ways, in the same run. The peer of each
// row is this process itself.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSeparateReader, type SeparateReader } from '../agent/reader/separate-reader.ts'
import { candidateAt } from '../agent/sense/linux/open-path.ts'
import { LOCAL_READER, type WeightsReader } from '../agent/weights-reader.ts'
import type { CandidateFile } from '../contract/observation.ts'
import { median, noise, writeModel } from './generated-model.ts'
import type { Measurement } from './measurement.ts'
import { writeTorchZip } from './torch-zip-scan.ts'

const ROUNDS = 5
const SMALL_FILES = 200
/** A list of three numbers, as the second protocol writes it. */
const PICKLE = Buffer.from('80025d7100284b014b024b03652e', 'hex')

/** Measures both ways; the first round of each is left out. */
export async function measure(): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-bench-'))
  const starts: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) starts.push(await startOnce(folder))
  const apart = createSeparateReader()
  try {
    const plant = plantFiles(folder)
    const rows: Measurement[] = [{ name: 'start, until the first answer', value: median(starts), unit: 'ms' }]
    for (const { name, paths, unit, per } of plant) rows.push(await compare(name, paths, apart, { unit, per }))
    return [...rows, ...memoryOf(apart)]
  } finally {
    apart.end()
    rmSync(folder, { recursive: true })
  }
}

interface Planted {
  readonly name: string
  readonly paths: readonly string[]
  readonly unit: 'ms' | 'us'
  /** Milliseconds are divided by so much. */
  readonly per: number
}

function plantFiles(folder: string): readonly Planted[] {
  const model = join(folder, 'generated-70b.gguf')
  writeModel(model)
  const checkpoint = join(folder, 'generated.pt')
  writeTorchZip(checkpoint)
  const perFile = { unit: 'us', per: SMALL_FILES / 1_000 } as const
  return [
    { name: 'a 70B GGUF, rungs 0-5', paths: [model], unit: 'ms', per: 1 },
    { name: 'a PyTorch zip of 5 GB', paths: [checkpoint], unit: 'ms', per: 1 },
    { name: 'a small pickle', paths: plantMany(folder, 'pickles', 'pkl', () => PICKLE), ...perFile },
    { name: 'a file of noise', paths: plantMany(folder, 'noise', 'bin', (index) => noise(8_192, index)), ...perFile },
  ]
}

function plantMany(
  folder: string,
  name: string,
  ending: string,
  bytesOf: (index: number) => Buffer,
): readonly string[] {
  const place = join(folder, name)
  mkdirSync(place)
  for (let index = 0; index < SMALL_FILES; index += 1)
    writeFileSync(join(place, `${index}.${ending}`), bytesOf(index + 1))
  return readdirSync(place).map((each) => join(place, each))
}

async function compare(
  name: string,
  paths: readonly string[],
  apart: SeparateReader,
  { unit, per }: Pick<Planted, 'unit' | 'per'>,
): Promise<Measurement> {
  const candidates = paths.map(candidateOf)
  const [here, there]: [number[], number[]] = [[], []]
  for (let round = 0; round <= ROUNDS; round += 1) {
    here.push(await readOnce(LOCAL_READER, candidates))
    there.push(await readOnce(apart, candidates))
  }
  const middle = (times: readonly number[]): number => median(times.slice(1)) / per
  return { name, value: middle(there), unit, peer: { name: 'in this process', value: middle(here) } }
}

function candidateOf(path: string): CandidateFile {
  const found = candidateAt(path)
  if (!found.ok) throw new Error(found.failure.detail)
  return found.value
}

async function readOnce(reader: WeightsReader, candidates: readonly CandidateFile[]): Promise<number> {
  const options = { deep: false, reportAll: false, tellsData: true, signal: new AbortController().signal }
  const startedMs = performance.now()
  const drafts = reader.readCandidates(candidates, options)
  let step = await drafts.next()
  while (step.done !== true) step = await drafts.next()
  return performance.now() - startedMs
}

async function startOnce(folder: string): Promise<number> {
  const path = join(folder, 'first.pkl')
  writeFileSync(path, PICKLE)
  const reader = createSeparateReader()
  const elapsedMs = await readOnce(reader, [candidateOf(path)])
  reader.end()
  return elapsedMs
}

/** Of a reader that has read all of this; Linux alone tells. */
function memoryOf(reader: SeparateReader): readonly Measurement[] {
  const running = reader.running()
  if (running === null || process.platform !== 'linux') return []
  const pss = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${running.pid}/smaps_rollup`, 'latin1'))?.[1]
  const name = `proportional memory of the reader afterwards (${running.isolation})`
  return [{ name, value: (Number(pss) * 1024) / 1e6, unit: 'MB' }]
}

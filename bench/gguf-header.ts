// Budgets: rungs 0 to 4 of a sparse 40 GB GGUF with a 256k vocabulary at most 60 ms warm and 40 MB over the idle process; the header
// at least 8 times as fast as node-llama-cpp's reader and 25 times as fast as @huggingface/gguf; rung 4 at most 8 MB and 100 ms; rung 5
// under 30 ms. Each reader works in a process of its own, so that its memory is its own.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleFile } from '../agent/read/barcode.ts'
import { Cursor } from '../agent/read/cursor.ts'
import { GapList } from '../agent/read/gap-list.ts'
import { describeLineage } from '../agent/read/lineage.ts'
import { readNorms } from '../agent/read/norm-values.ts'
import { nestedReader, sniff } from '../agent/read/sniff-format.ts'
import { describeStructure } from '../agent/read/structure.ts'
import { type GeneratedModel, median, openGenerated, TOKENS } from './generated-model.ts'
import type { Measurement } from './measurement.ts'

const ROUNDS = 12
const PEER_ROUNDS = 5

/** What one look at the model took; milliseconds. */
interface Climb {
  readonly headerMs: number
  readonly lineageMs: number
  readonly barcodeMs: number
  readonly lineageBytes: number
}

interface OwnFigures {
  readonly climbs: readonly Climb[]
  readonly grownBytes: number
}

/** Measures our reader and two others on the same generated file. */
export async function measure(): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-bench-'))
  try {
    const path = join(folder, 'generated-70b.gguf')
    const model = inChild('writeModel', path, 'generated-model') as GeneratedModel
    const { climbs, grownBytes } = inChild('climbOften', path) as OwnFigures
    const llama = Number(inChild('timeNodeLlamaCpp', path))
    const huggingFace = Number(inChild('timeHuggingFace', path))
    const warm = climbs.slice(2)
    const middle = (of: (climb: Climb) => number): number => median(warm.map(of))
    const headerMs = middle((climb) => climb.headerMs)
    return await Promise.resolve([
      { name: 'size of the generated model', value: model.sizeBytes / 1e9, unit: 'GB' },
      { name: `its header, ${model.tensors} tensors`, value: model.headerBytes / 1e6, unit: 'MB' },
      { name: 'rungs 0-4, first', value: totalOf(climbs[0]), unit: 'ms' },
      { name: 'rungs 0-4, warm', value: middle(totalOf), unit: 'ms', budget: 'at most 60' },
      {
        name: 'rungs 0-3, warm',
        value: headerMs,
        unit: 'ms',
        peer: { name: 'node-llama-cpp', value: llama },
      },
      { name: 'times as fast as node-llama-cpp', value: llama / headerMs, unit: 'x', budget: 'at least 8' },
      {
        name: 'rungs 0-3, warm',
        value: headerMs,
        unit: 'ms',
        peer: { name: '@huggingface/gguf', value: huggingFace },
      },
      { name: 'times as fast as @huggingface/gguf', value: huggingFace / headerMs, unit: 'x', budget: 'at least 25' },
      { name: 'rung 4, warm', value: middle((climb) => climb.lineageMs), unit: 'ms', budget: 'at most 100' },
      {
        name: 'rung 4, bytes read',
        value: middle((climb) => climb.lineageBytes) / 1e6,
        unit: 'MB',
        budget: 'at most 8',
      },
      { name: 'rung 5, warm', value: middle((climb) => climb.barcodeMs), unit: 'ms', budget: 'under 30' },
      { name: 'resident memory grown at its peak', value: grownBytes / 1e6, unit: 'MB', budget: 'at most 40' },
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function totalOf(climb: Climb | undefined): number {
  return (climb?.headerMs ?? 0) + (climb?.lineageMs ?? 0)
}

/** Runs an exported function of this folder on the file, in a process of its own. */
function inChild(name: string, path: string, module = 'gguf-header'): unknown {
  const program = `const m = await import(process.argv[1]); process.stdout.write(JSON.stringify(await m[process.argv[2]](process.argv[3])))`
  const url = new URL(`${module}.js`, import.meta.url).href
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', program, url, name, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return JSON.parse(text)
}

/** Climbs the ladder again and again; how much memory that took beyond the loaded program, at the peak of the first two. */
export function climbOften(path: string): OwnFigures {
  const before = process.memoryUsage().rss
  const first = [climb(path), climb(path)]
  // In KiB on every system.
  const grownBytes = process.resourceUsage().maxRSS * 1024 - before
  const others = Array.from({ length: ROUNDS - first.length }, () => climb(path))
  return { climbs: [...first, ...others], grownBytes: Math.max(0, grownBytes) }
}

function climb(path: string): Climb {
  const started = performance.now()
  const file = openGenerated(path)
  try {
    const gaps = new GapList(path)
    const { look, reader } = sniff(file)
    const part = reader?.read(new Cursor(file), gaps, { look, readNested: nestedReader() })
    if (part === undefined) throw new Error('the generated model was not recognised')
    const { hyperparameters, tensors, headerBytes } = part
    const structure = describeStructure(hyperparameters, tensors, part.kind)
    const read = performance.now()
    const { layers, architecture } = hyperparameters
    const norms = readNorms(file, { tensors, shared: { layers, stride: 1, values: 0 }, isBigEndian: false }, gaps)
    const outcome = describeLineage({ parts: norms === null ? [] : [norms], architecture, layers })
    const compared = performance.now()
    const samples = sampleFile(file, { format: 'gguf', headerBytes, tensors, fileCount: 1 })
    const done = performance.now()
    const isWhole = part.tokenizer?.size === TOKENS && structure.structureKey !== undefined && samples.marks.length > 0
    if (!isWhole || gaps.verdict() !== 'unchecked' || !('lineage' in outcome))
      throw new Error(`the generated model was not understood: ${JSON.stringify(gaps.list())}`)
    return {
      headerMs: read - started,
      lineageMs: compared - read,
      barcodeMs: done - compared,
      lineageBytes: outcome.lineage.bytesRead,
    }
  } finally {
    file.close()
  }
}

/** Milliseconds of a warm reading, the middle one. */
export async function timeNodeLlamaCpp(path: string): Promise<number> {
  const { readGgufFileInfo } = await import('node-llama-cpp')
  return timePeer(() => readGgufFileInfo(path, { logWarnings: false, sourceType: 'filesystem' }))
}

/** The same. */
export async function timeHuggingFace(path: string): Promise<number> {
  const { gguf } = await import('@huggingface/gguf')
  return timePeer(() => gguf(path, { allowLocalFile: true }))
}

async function timePeer(read: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < PEER_ROUNDS; round += 1) {
    const started = performance.now()
    await read()
    times.push(performance.now() - started)
  }
  return median(times.slice(1))
}

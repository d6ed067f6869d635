// `npm run bench [-- NAME… --markdown]`: runs the benchmarks and prints their tables. Asserts nothing: the budgets are in DESIGN.md section 8.
import { parseArgs } from 'node:util'
import { measure as measureAtRest } from './at-rest.ts'
import { measure as measureContentDigest } from './content-digest.ts'
import { measure as measureFileWalk } from './file-walk.ts'
import { measure as measureFirstSweep } from './first-sweep.ts'
import { measure as measureGgufHeader } from './gguf-header.ts'
import { measure as measureIngest } from './ingest.ts'
import { measure as measureInventory } from './inventory.ts'
import { measure as measureKnownFiles } from './known-files.ts'
import type { Benchmark } from './measurement.ts'
import { measure as measureNewFile } from './new-file.ts'
import { measure as measureProcessLook } from './process-look.ts'
import { measure as measurePickleScan } from './pickle-scan.ts'
import { measure as measureProcessScan } from './process-scan.ts'
import { measure as measureRecognition } from './recognition.ts'
import { measure as measureRescan } from './rescan.ts'
import { measure as measureSplitReading } from './split-reading.ts'
import { measure as measureTorchZipScan } from './torch-zip-scan.ts'
import { measure as measureWatchFolders } from './watch-folders.ts'
import { describeMachine, renderMarkdown, renderTable } from './show-table.ts'

const BENCHMARKS: readonly Benchmark[] = [
  { name: 'gguf-header', title: 'A 70B as GGUF with a 256k vocabulary, 41 GB sparse', measure: measureGgufHeader },
  { name: 'content-digest', title: 'SHA-256 of everything (rung 6)', measure: measureContentDigest },
  { name: 'known-files', title: 'Lookup of known files', measure: measureKnownFiles },
  { name: 'recognition', title: 'First look at ordinary files', measure: measureRecognition },
  { name: 'file-walk', title: 'First sweep of files', measure: measureFileWalk },
  { name: 'rescan', title: 'Between sweeps', measure: measureRescan },
  { name: 'watch-folders', title: 'Watching 50,000 folders', measure: measureWatchFolders },
  { name: 'pickle-scan', title: 'What unpickling would do', measure: measurePickleScan },
  { name: 'torch-zip-scan', title: 'What loading a checkpoint of 5 GB would do', measure: measureTorchZipScan },
  { name: 'split-reading', title: 'Reading in a process without rights', measure: measureSplitReading },
  { name: 'at-rest', title: 'The daemon at rest over 50,000 folders', measure: measureAtRest },
  { name: 'new-file', title: 'A new weights file in a watched folder', measure: measureNewFile },
  { name: 'first-sweep', title: 'The first sweep of a guest', measure: measureFirstSweep },
  { name: 'process-scan', title: 'Process scan', measure: measureProcessScan },
  { name: 'process-look', title: 'A whole look at the processes', measure: measureProcessLook },
  { name: 'inventory', title: 'What is installed', measure: measureInventory },
  { name: 'ingest', title: 'Ingest, 64 agents', measure: measureIngest },
]

interface Wanted {
  readonly benchmarks: readonly Benchmark[]
  readonly isMarkdown: boolean
}

function readWanted(args: string[]): Wanted | string {
  const names = BENCHMARKS.map(({ name }) => name)
  try {
    const { values, positionals } = parseArgs({
      args,
      options: { markdown: { type: 'boolean' } },
      allowPositionals: true,
    })
    const unknown = positionals.find((name) => !names.includes(name))
    if (unknown !== undefined) return `there is no benchmark "${unknown}"; benchmarks: ${names.join(', ')}`
    const benchmarks = BENCHMARKS.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
    return { benchmarks, isMarkdown: values.markdown === true }
  } catch (error) {
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
  }
}

async function run({ benchmarks, isMarkdown }: Wanted): Promise<void> {
  process.stdout.write(`${describeMachine(new Date())}\n`)
  for (const { name, title, measure } of benchmarks) {
    const rows = await measure()
    const heading = isMarkdown ? `\n### ${title} (\`${name}\`)` : `\n${title} (${name})`
    process.stdout.write(`${heading}\n${isMarkdown ? renderMarkdown(rows) : renderTable(rows)}\n`)
  }
}

const wanted = readWanted(process.argv.slice(2))
if (typeof wanted === 'string') {
  process.stderr.write(`GNO_USAGE: ${wanted}\n`)
  process.exitCode = 2
} else await run(wanted)

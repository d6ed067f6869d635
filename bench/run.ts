// Runs every benchmark and prints a table. Asserts nothing: the budgets are in DESIGN.md section 8.
import { cpus } from 'node:os'
import { measure as measureFileWalk } from './file-walk.ts'
import { type Measurement, measure as measureGgufHeader } from './gguf-header.ts'
import { measure as measureIngest } from './ingest.ts'
import { measure as measureProcessScan } from './process-scan.ts'

const BENCHMARKS: readonly { readonly title: string; readonly measure: () => Promise<readonly Measurement[]> }[] = [
  { title: 'GGUF header, 256k vocabulary (budget 60 ms warm, 40 MB)', measure: measureGgufHeader },
  { title: 'First sweep of files (budget 3.5 CPU s for 500,000 files)', measure: measureFileWalk },
  { title: 'Process scan (budget 60 ms CPU for 1,500 processes)', measure: measureProcessScan },
  { title: 'Ingest (budget 3,000 reports/s on one core, p99 100 ms)', measure: measureIngest },
]

function describeRow(row: Measurement): string {
  const peer =
    row.peer === undefined || row.ratio === undefined ? '' : `   ${row.peer} takes ${row.ratio.toFixed(1)} x as much`
  return `  ${row.name.padEnd(40)} ${row.value.toFixed(1).padStart(10)} ${row.unit}${peer}`
}

const [processor] = cpus()
process.stdout.write(
  `Node.js ${process.versions.node}, ${cpus().length} x ${processor?.model ?? 'unknown processor'}\n`,
)
for (const benchmark of BENCHMARKS) {
  process.stdout.write(`\n${benchmark.title}\n`)
  for (const row of await benchmark.measure()) process.stdout.write(`${describeRow(row)}\n`)
}

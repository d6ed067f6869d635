// The program in which chat templates are parsed: reads one JSON text a line, answers one JSON line each, and touches nothing else.
// agent/isolate/template-isolate.ts starts it without environment and without rights to files, programs, workers and addons.
import process from 'node:process'
import { createInterface } from 'node:readline'
import { readTemplate } from './read-template.ts'

// As agent/no-debugger.ts, which lies where this program may not read.
process.on('SIGUSR1', () => undefined)
const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })
process.stdout.write('{"ready":true}\n')
for await (const line of lines) {
  const source: unknown = JSON.parse(line)
  process.stdout.write(`${JSON.stringify(readTemplate(String(source)))}\n`)
}

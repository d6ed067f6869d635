// The bundled reference inference runtime: `node reference-runtime.js --model FILE [--serve] …`. A real runtime for detection to
// look at, in a process that may be lost at any moment. It prints one JSON line per stage (contract/reference-stage.ts) and then
// idles until its standard input closes, a signal comes or its time is over.
import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import type { ReferenceStage } from '../../../contract/reference-stage.ts'
import { loadModel } from './load-model.ts'
import { serveLoopback } from './loopback-endpoint.ts'

const PROMPT = 'Notes for the next quarter'
/** Least and most of each number that is taken; a watcher needs little of all of them. */
const BOUNDS = { tokens: [1, 4096], context: [8, 4096], port: [0, 65_535], seconds: [1, 3600] } as const

interface Settings {
  readonly modelPath: string
  readonly weights: 'mapped' | 'copied'
  readonly tokens: number
  readonly context: number
  /** Null: no endpoint. */
  readonly port: number | null
  readonly seconds: number
}

function readSettings(argv: string[]): Settings | string {
  const options = {
    model: { type: 'string' },
    'no-mmap': { type: 'boolean', default: false },
    tokens: { type: 'string', default: '16' },
    context: { type: 'string', default: '128' },
    serve: { type: 'boolean', default: false },
    port: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '600' },
  } as const
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values']
  try {
    values = parseArgs({ args: argv, options }).values
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const numbers = { tokens: 0, context: 0, port: 0, seconds: 0 }
  for (const name of ['tokens', 'context', 'port', 'seconds'] as const) {
    const [least, most] = BOUNDS[name]
    numbers[name] = /^\d{1,5}$/.test(values[name]) ? Number(values[name]) : -1
    if (numbers[name] < least || numbers[name] > most) return `--${name} takes a whole number of ${least} to ${most}`
  }
  if (values.model === undefined) return '--model FILE is missing'
  const { port, ...rest } = numbers
  const weights = values['no-mmap'] ? 'copied' : 'mapped'
  return { ...rest, modelPath: resolve(values.model), weights, port: values.serve ? port : null }
}

function say(stage: ReferenceStage): void {
  process.stdout.write(`${JSON.stringify(stage)}\n`)
}

function give(reason: 'usage' | 'not-installed' | 'model-refused' | 'cannot-listen', detail: string): void {
  const stage: ReferenceStage = { stage: 'failed', reason, detail: detail.slice(0, 1000) }
  // The exit waits for the pipe, which would lose the line otherwise, and ends what the library keeps open.
  process.stdout.write(`${JSON.stringify(stage)}\n`, () => process.exit(3))
}

async function run(settings: Settings): Promise<void> {
  const started = performance.now()
  const { modelPath, weights, context: contextTokens } = settings
  const loaded = await loadModel({ modelPath, weights, contextTokens })
  if (!loaded.ok) {
    const isMissing = loaded.failure.code === 'GNO_REFERENCE_MISSING'
    give(isMissing ? 'not-installed' : 'model-refused', loaded.failure.detail)
    return
  }
  say({ stage: 'loaded', weights, milliseconds: Math.round(performance.now() - started) })
  const made = await loaded.value(PROMPT, settings.tokens)
  say({ stage: 'generated', tokens: made.tokens, milliseconds: made.milliseconds })
  if (settings.port !== null) {
    const endpoint = await serveLoopback({ model: basename(modelPath), generate: loaded.value, port: settings.port })
    if (!endpoint.ok) {
      give('cannot-listen', endpoint.failure.detail)
      return
    }
    say({ stage: 'listening', address: endpoint.value.address, port: endpoint.value.port })
  }
  say({ stage: 'ready' })
}

/** Ends the process when its starter is gone or its time is over. In a thread of its own, because a crafted header can keep the main one busy without end. */
function keepWatch(seconds: number): void {
  const end = () => process.kill(process.pid, 'SIGTERM')
  setTimeout(end, seconds * 1000)
  const input = fstatSync(0)
  // A terminal or a file on standard input says nothing about the starter; there only the time counts.
  if (!input.isFIFO() && !input.isSocket()) return
  new Socket({ fd: 0, readable: true, writable: false }).on('end', end).on('error', end).resume()
}

if (isMainThread) {
  const settings = readSettings(process.argv.slice(2))
  if (typeof settings === 'string') give('usage', settings)
  else {
    new Worker(new URL(import.meta.url), { workerData: settings.seconds })
    await run(settings)
  }
} else keepWatch(Number(workerData))

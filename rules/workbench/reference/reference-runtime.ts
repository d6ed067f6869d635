// The bundled reference inference runtime: `node reference-runtime.js --model FILE [--serve] …` (`--help` lists what it can be asked
// for). A real runtime for detection to look at, in a process that may be lost at any moment. It prints one JSON line per stage
// (contract/reference-stage.ts) and then idles until its standard input closes, a signal comes or its time is over.
import { fstatSync } from 'node:fs'
import { Socket } from 'node:net'
import { setPriority } from 'node:os'
import { basename } from 'node:path'
import { Worker, isMainThread, workerData } from 'node:worker_threads'
import type { ReferenceStage } from '../../../contract/reference-stage.ts'
import { type Generate, loadModel } from './load-model.ts'
import { serveLoopback, serveSocket } from './loopback-endpoint.ts'
import { HELP, type Settings, readSettings } from './reference-options.ts'

const PROMPT = 'Notes for the next quarter'
/** Held for the life of the process: a model that nothing refers to is collected as garbage after some idle time, and unmapped. */
const held: Generate[] = []

function say(stage: ReferenceStage): void {
  process.stdout.write(`${JSON.stringify(stage)}\n`)
}

function give(reason: 'usage' | 'not-installed' | 'model-refused' | 'cannot-listen', detail: string): void {
  const stage: ReferenceStage = { stage: 'failed', reason, detail: detail.slice(0, 1000) }
  // The exit waits for the pipe, which would lose the line otherwise, and ends what the library keeps open.
  process.stdout.write(`${JSON.stringify(stage)}\n`, () => process.exit(3))
}

async function run(settings: Settings): Promise<void> {
  if (settings.title !== null) process.title = settings.title
  if (settings.nice > 0) setPriority(settings.nice)
  const loaded = await loadAll(settings)
  const [first] = loaded
  if (first === undefined) return
  for (const generate of loaded) {
    const made = await generate(PROMPT, settings.tokens)
    say({ stage: 'generated', tokens: made.tokens, milliseconds: made.milliseconds })
  }
  if (!(await serve(settings, first))) return
  say({ stage: 'ready' })
  // After an endpoint took the model, answers of our own would get in the way of those that are asked for.
  if (settings.every > 0 && settings.serves === null) answerAgain(first, settings)
}

/** All models, or none after it said why. */
async function loadAll(settings: Settings): Promise<readonly Generate[]> {
  const { modelPaths, adapterPath, weights, isLocked, context: contextTokens } = settings
  for (const modelPath of modelPaths) {
    const started = performance.now()
    const adapter = held.length === 0 ? adapterPath : null
    const model = await loadModel({ modelPath, adapterPath: adapter, weights, isLocked, contextTokens })
    if (!model.ok) {
      const isMissing = model.failure.code === 'GNO_REFERENCE_MISSING'
      give(isMissing ? 'not-installed' : 'model-refused', model.failure.detail)
      return []
    }
    held.push(model.value)
    say({ stage: 'loaded', weights, milliseconds: Math.round(performance.now() - started) })
  }
  return held
}

/** False after it said why it cannot listen. */
async function serve(settings: Settings, generate: Generate): Promise<boolean> {
  const { serves, modelPaths, apiKey } = settings
  if (serves === null) return true
  const model = basename(modelPaths[0])
  if ('socket' in serves) {
    const bound = await serveSocket({ model, generate, apiKey, path: serves.socket })
    if (bound.ok) say({ stage: 'socket', path: serves.socket })
    else give('cannot-listen', bound.failure.detail)
    return bound.ok
  }
  const endpoint = await serveLoopback({ model, generate, apiKey, port: serves.port })
  if (endpoint.ok) say({ stage: 'listening', address: endpoint.value.address, port: endpoint.value.port })
  else give('cannot-listen', endpoint.failure.detail)
  return endpoint.ok
}

/** One answer, then rest, until the process ends; an answer that takes longer than the rest delays the next. */
function answerAgain(generate: Generate, { every, tokens }: Settings): void {
  const next = async (): Promise<void> => {
    await generate(PROMPT, tokens)
    setTimeout(answer, every * 1000)
  }
  const answer = (): void => {
    next().catch((error: unknown) => give('model-refused', error instanceof Error ? error.message : String(error)))
  }
  setTimeout(answer, every * 1000)
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
  if (settings === 'help') process.stdout.write(HELP)
  else if ('problem' in settings) give('usage', settings.problem)
  else {
    new Worker(new URL(import.meta.url), { workerData: settings.seconds })
    await run(settings)
  }
} else keepWatch(Number(workerData))

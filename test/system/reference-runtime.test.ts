// What the reference runtime promises as a real process: it runs a model, shows what detection needs, and never outlives its starter.
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { writeDecoy } from '../../agent/simulate/write-decoy.ts'
import {
  type ReferenceProcess,
  type ReferenceRequest,
  startReference,
} from '../../rules/workbench/reference/start-reference.ts'
import { executableOf, isRunning, listenersOf, mapsOf, until } from './proc-view.ts'

const root = dirname(dirname(import.meta.dirname))
const built = join(root, 'dist/rules/workbench/reference')
const onLinux = process.platform === 'linux' ? it : it.skip
if (process.platform !== 'linux') console.warn('skipped: what the kernel shows is read from /proc, which is Linux only')

let folder = ''
let model = ''
let running: ReferenceProcess[] = []
const starters: ChildProcess[] = []

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-test-reference-'))
  model = join(folder, 'quarterly-notes')
  await writeDecoy(model, 'reference-test', new AbortController().signal)
})
afterEach(async () => {
  for (const process of running) await process.stop()
  running = []
})
afterAll(() => {
  for (const starter of starters) starter.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

function order(changes: Partial<ReferenceRequest>): ReferenceRequest {
  return {
    modelPath: model,
    weights: 'mapped',
    tokens: 8,
    serves: false,
    program: join(built, 'reference-runtime.js'),
    seconds: 120,
    signal: new AbortController().signal,
    ...changes,
  }
}

async function start(changes: Partial<ReferenceRequest>): Promise<ReferenceProcess> {
  const started = await startReference(order(changes))
  if (!started.ok) throw new Error(`${started.failure.code} ${started.failure.detail}`)
  running.push(started.value)
  return started.value
}

/** A process of its own that starts the runtime, says its pid, and can then be killed. */
async function startFromElsewhere(modelPath: string, waitFor: 'start' | 'ready'): Promise<[ChildProcess, number]> {
  const script = join(folder, `starter-${waitFor}.mjs`)
  const request = JSON.stringify({ ...order({ modelPath, seconds: 600 }), signal: undefined })
  writeFileSync(
    script,
    `import child from 'node:child_process'
import { syncBuiltinESMExports } from 'node:module'
const spawn = child.spawn
child.spawn = (...args) => {
  const started = spawn(...args)
  process.stdout.write(started.pid + ' start\\n')
  return started
}
syncBuiltinESMExports()
const { startReference } = await import(${JSON.stringify(join(built, 'start-reference.js'))})
const started = await startReference({ ...${request}, signal: new AbortController().signal })
process.stdout.write((started.ok ? started.value.pid : 0) + ' ready\\n')
setInterval(() => {}, 1000)
`,
  )
  const starter = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  starters.push(starter)
  let said = ''
  starter.stdout.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  await until(() => said.includes(waitFor), `the starter says ${waitFor}`)
  return [starter, Number.parseInt(said, 10)]
}

describe('the reference runtime', () => {
  it('loads a model without extension and generates as many tokens as it was asked for', async () => {
    const runtime = await start({ tokens: 8 })

    expect(runtime.stages.map((stage) => stage.stage)).toEqual(['loaded', 'generated', 'ready'])
    expect(runtime.stages[1]).toMatchObject({ tokens: 8 })
    expect(runtime.port).toBeNull()
  })

  onLinux('maps its weights and its libraries, as any runtime of its kind does', async () => {
    const runtime = await start({})

    const maps = mapsOf(runtime.pid)
    const weights = maps.filter((line) => line.endsWith(model))
    expect(weights).toHaveLength(1)
    expect(weights[0]).toContain('r--s')
    for (const library of ['llama-addon.node', 'libllama', 'libggml-base', 'libggml-cpu']) {
      expect(maps.some((line) => line.includes(library))).toBe(true)
    }
  })

  onLinux('shows nothing of its weights in its maps when they are copied', async () => {
    const runtime = await start({ weights: 'copied' })

    const maps = mapsOf(runtime.pid)
    expect(maps.filter((line) => line.includes(model))).toEqual([])
    expect(maps.some((line) => line.includes('libllama'))).toBe(true)
    expect(runtime.stages[0]).toMatchObject({ weights: 'copied' })
  })

  onLinux('runs under another name', async () => {
    const executable = join(folder, 'notes-helper')
    linkOrCopy(process.execPath, executable)

    const runtime = await start({ executable })

    expect(executableOf(runtime.pid)).toBe(executable)
  })

  onLinux('listens on 127.0.0.1 and on nothing else', async () => {
    const runtime = await start({ serves: true })

    const port = (runtime.port ?? 0).toString(16).toUpperCase().padStart(4, '0')
    expect(listenersOf(runtime.pid)).toEqual([`0100007F:${port}`])
  })

  onLinux('does not listen when it was not asked to', async () => {
    const runtime = await start({})

    expect(listenersOf(runtime.pid)).toEqual([])
  })

  it('answers as an OpenAI-compatible endpoint, the same text each time', async () => {
    const runtime = await start({ serves: true })
    const address = `http://127.0.0.1:${runtime.port ?? 0}/v1`
    const ask = async () => {
      const body = JSON.stringify({ prompt: 'costs', max_tokens: 12 })
      const answer = await fetch(`${address}/completions`, { method: 'POST', body })
      const { choices, usage } = (await answer.json()) as { choices: unknown; usage: unknown }
      return { choices, usage }
    }

    const models: unknown = await (await fetch(`${address}/models`)).json()
    const answers = [await ask(), await ask()]

    expect(models).toMatchObject({ data: [{ id: 'quarterly-notes' }] })
    expect(answers[0]).toMatchObject({ usage: { completion_tokens: 12 } })
    expect(answers[1]).toEqual(answers[0])
  })

  it('is gone when it was stopped, and when its signal fired', async () => {
    const stopped = await start({})
    const abort = new AbortController()
    const aborted = await start({ signal: abort.signal })

    await stopped.stop()
    abort.abort()

    expect(await stopped.ended).toBe('signal SIGKILL')
    expect(await aborted.ended).toBe('signal SIGKILL')
    expect([stopped.pid, aborted.pid].filter(isRunning)).toEqual([])
  })
})

describe('a reference runtime whose starter is killed', () => {
  onLinux('ends by itself', async () => {
    const [starter, pid] = await startFromElsewhere(model, 'ready')
    expect(isRunning(pid)).toBe(true)

    starter.kill('SIGKILL')

    await until(() => !isRunning(pid), 'the runtime has ended')
  })

  onLinux('ends by itself even while a crafted header keeps it busy', async () => {
    const [starter, pid] = await startFromElsewhere(writeEndless(), 'start')
    await until(() => cpuTicks(pid) > 250, 'it works on the header')

    starter.kill('SIGKILL')

    await until(() => !isRunning(pid), 'the runtime has ended')
  })
})

describe('a model that breaks the reference runtime', () => {
  it('is a failure that names the signal, when native code aborts', async () => {
    const bytes = readFileSync(model)
    bytes.write('llama.feed_forward_lengtX', bytes.indexOf('llama.feed_forward_length'), 'latin1')
    const modelPath = join(folder, 'aborts')
    writeFileSync(modelPath, bytes)

    const started = await startReference(order({ modelPath }))

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_FAILED' } })
    expect(started.ok ? '' : started.failure.detail).toContain('SIGABRT')
  })

  it.each([
    ['empty', Buffer.alloc(0)],
    ['text', Buffer.from('minutes of the meeting')],
    ['cut in the header', 'head'],
    ['cut in the tensors', 'tail'],
  ])('is a failure when it is %s', async (name, content) => {
    const whole = readFileSync(model)
    const cut = content === 'head' ? whole.subarray(0, 5000) : whole.subarray(0, whole.length - 100_000)
    const modelPath = join(folder, `broken-${name.replaceAll(' ', '-')}`)
    writeFileSync(modelPath, typeof content === 'string' ? cut : content)

    const started = await startReference(order({ modelPath, seconds: 20 }))

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_FAILED' } })
  })

  it('is a failure when its header keeps the reader busy without end', async () => {
    const started = await startReference(order({ modelPath: writeEndless(), seconds: 3 }))

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_FAILED' } })
    expect(started.ok ? '' : started.failure.detail).toMatch(/signal SIG(TERM|KILL)/)
  })

  it('is a failure when it is not there', async () => {
    const started = await startReference(order({ modelPath: join(folder, 'absent') }))

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_FAILED' } })
  })
})

describe('a machine without the reference runtime', () => {
  it('gets that answer when the program is missing', async () => {
    const started = await startReference(order({ program: join(folder, 'absent.js') }))

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_MISSING' } })
  })

  it('gets that answer when node-llama-cpp is not installed', async () => {
    const copy = join(folder, 'endpoint')
    mkdirSync(copy)
    writeFileSync(join(copy, 'package.json'), '{ "type": "module" }')
    cpSync(join(root, 'dist/contract'), join(copy, 'contract'), { recursive: true })
    cpSync(built, join(copy, 'rules/workbench/reference'), { recursive: true })

    const started = await startReference(
      order({ program: join(copy, 'rules/workbench/reference/reference-runtime.js') }),
    )

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_MISSING' } })
  })

  it('gets a failure when the renamed binary cannot be started', async () => {
    const started = await startReference(order({ executable: join(folder, 'absent-binary') }))

    expect(started).toMatchObject({ ok: false, failure: { code: 'GNO_REFERENCE_FAILED' } })
  })
})

/** Clock ticks of user time; the header loop runs at full speed, so its count soon passes that of starting up. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11])
}

/** 24 bytes: magic, version 3, no tensors, 2^60 keys. The JavaScript reader of the library reads zeros behind the end. */
function writeEndless(): string {
  const bytes = Buffer.alloc(24)
  bytes.write('GGUF', 'latin1')
  bytes.writeUInt32LE(3, 4)
  bytes.writeBigUInt64LE(2n ** 60n, 16)
  const path = join(folder, 'endless')
  writeFileSync(path, bytes)
  return path
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch {
    // Another file system: a copy has another name all the same.
    cpSync(from, to)
  }
}

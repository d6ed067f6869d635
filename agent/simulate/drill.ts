// The fire drill: plants a decoy model, runs it under an innocent name, waits until its findings are at the collector and removes
// everything. It decides nothing about detection: what was seen, and what arrived, is told by the `observe` of the caller.
import { existsSync } from 'node:fs'
import { constants, chmod, copyFile, link, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Result, describeFailure, failed, success } from '../../contract/failure.ts'
import { printable } from '../../contract/printable.ts'
import { awaitSight } from './await-sight.ts'
import { DECOY_NAME, HELPER_NAME, makeDrillFolder, removeDrillFolder, removeLeftovers } from './drill-folder.ts'
import type { DrillStage, DrillTarget, Observe, RecordStage } from './drill-sight.ts'
import { type ReferenceChild, startReferenceChild } from './reference-child.ts'
import { type Decoy, describeDecoy, writeDecoy } from './write-decoy.ts'

export interface DrillOptions {
  /** Where the drill folder is made: a folder that no other user can change, or a sticky one such as the temporary folder. */
  readonly place: string
  /** Fresh for each drill; it decides every byte of the decoy. */
  readonly nonce: string
  readonly withRuntime: boolean
  /** Absolute path of the built reference-runtime.js; left out, the one of this build. */
  readonly referenceProgram?: string
  /** Registers the decoy in the agent's own state; called before the decoy exists. */
  readonly register: (decoy: Decoy) => Result<void>
  readonly observe: Observe
  readonly onStage: (stage: DrillStage) => void
  /** How long to look for what the drill must raise, once it lies there and runs. */
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly now: () => Date
}

export interface DrillReport {
  readonly stages: readonly DrillStage[]
  /** No stage failed. A skipped stage says why in its detail. */
  readonly passed: boolean
}

/** The registration of a decoy lasts ten minutes (DESIGN.md section 6); start and look together end before it does. */
const MAX_TIMEOUT_MS = 540_000
const MAX_START_MS = 45_000

/** Runs one drill. Whatever happens, also an abort, the child is ended and the folder removed before it returns. */
export async function runDrill(options: DrillOptions): Promise<DrillReport> {
  const stages: DrillStage[] = []
  const record: RecordStage = (name, outcome, since, detail) => {
    const stage = { name, outcome, milliseconds: Math.round(performance.now() - since), detail }
    stages.push(stage)
    options.onStage(stage)
  }
  const started = performance.now()
  const leftovers = await removeLeftovers(options.place, options.now())
  const made = await makeDrillFolder(options.place, options.now())
  if (made.ok) await runInFolder(options, made.value, leftovers, record)
  else record('planted', 'failed', started, describeFailure(made.failure))
  return { stages, passed: stages.every((stage) => stage.outcome !== 'failed') }
}

async function runInFolder(
  options: DrillOptions,
  folder: string,
  leftovers: readonly string[],
  record: RecordStage,
): Promise<void> {
  let child: ReferenceChild | null = null
  try {
    const decoy = await plant(options, folder, record)
    if (decoy === null) return
    const plantedAt = performance.now()
    const launch = await run(options, folder)
    // Held before anything is told, so that a listener that breaks cannot leave it running.
    child = launch.child
    record('running', launch.outcome, plantedAt, launch.detail)
    const target = { folder, decoyPath: join(folder, DECOY_NAME), decoy, runtime: child }
    await look(options, target, child, { plantedAt, runningAt: performance.now() }, record)
  } finally {
    const since = performance.now()
    await child?.stop()
    const removed = await removeDrillFolder(folder)
    const earlier = leftovers.length === 0 ? '' : `, and ${leftovers.length} left by earlier drills`
    if (removed.ok) record('cleaned up', 'passed', since, `removed ${printable(folder)}${earlier}`)
    else record('cleaned up', 'failed', since, describeFailure(removed.failure))
  }
}

async function look(
  options: DrillOptions,
  target: Omit<DrillTarget, 'signal'>,
  child: ReferenceChild | null,
  times: { readonly plantedAt: number; readonly runningAt: number },
  record: RecordStage,
): Promise<void> {
  const limit = new AbortController()
  const limitMs = Math.min(options.timeoutMs, MAX_TIMEOUT_MS)
  // Not AbortSignal.timeout, whose timer lets the process end while an observer hangs, before the decoy is removed.
  const timer = setTimeout(() => limit.abort(), limitMs)
  const signal = AbortSignal.any([options.signal, limit.signal])
  const stopReason = () => {
    const end = child?.endedAs() ?? null
    if (options.signal.aborted) return 'the drill was stopped'
    if (end !== null) return `the runtime ended early (${end})`
    return limit.signal.aborted ? `not within ${limitMs} ms` : null
  }
  try {
    await awaitSight({ target: { ...target, signal }, observe: options.observe, record, stopReason, ...times })
  } finally {
    clearTimeout(timer)
  }
}

/** Registers, then writes: a watcher that sees the first byte must find the decoy registered. */
async function plant(options: DrillOptions, folder: string, record: RecordStage): Promise<Decoy | null> {
  const since = performance.now()
  const decoy = describeDecoy(options.nonce)
  const registered = options.register(decoy)
  const written = registered.ok ? await writeDecoy(join(folder, DECOY_NAME), options.nonce, options.signal) : registered
  if (!written.ok) {
    record('planted', 'failed', since, describeFailure(written.failure))
    return null
  }
  const place = printable(join(folder, DECOY_NAME))
  record('planted', 'passed', since, `${place}, ${decoy.sizeBytes} bytes, sha256 ${decoy.sha256}`)
  return decoy
}

interface Launch {
  readonly child: ReferenceChild | null
  readonly outcome: DrillStage['outcome']
  readonly detail: string
}

async function run(options: DrillOptions, folder: string): Promise<Launch> {
  const program =
    options.referenceProgram ??
    fileURLToPath(new URL('../../rules/workbench/reference/reference-runtime.js', import.meta.url))
  const skip = (why: string): Launch => ({
    child: null,
    outcome: 'skipped',
    detail: `runtime skipped: ${why}; the file is planted only`,
  })
  if (!options.withRuntime) return skip('not asked for')
  if (!existsSync(program)) return skip('the reference runtime is not installed here')
  const helper = await nameHelper(folder)
  if (!helper.ok) return { child: null, outcome: 'failed', detail: describeFailure(helper.failure) }
  const started = await startReferenceChild({
    executable: helper.value,
    program,
    modelPath: join(folder, DECOY_NAME),
    startMs: MAX_START_MS,
    seconds: Math.ceil((MAX_START_MS + Math.min(options.timeoutMs, MAX_TIMEOUT_MS)) / 1000),
    signal: options.signal,
  })
  if (started.ok) {
    const { pid, port } = started.value
    const detail = `${HELPER_NAME}, pid ${pid}, runs the decoy and listens on 127.0.0.1:${port}`
    return { child: started.value, outcome: 'passed', detail }
  }
  if (started.failure.code === 'GNO_REFERENCE_MISSING') return skip(started.failure.detail)
  return { child: null, outcome: 'failed', detail: describeFailure(started.failure) }
}

/** Gives this Node.js binary an innocent name: a hard link where the system allows one, otherwise a copy (125 MB). */
async function nameHelper(folder: string): Promise<Result<string>> {
  const helper = join(folder, HELPER_NAME)
  try {
    const binary = await realpath(process.execPath)
    // Another file system, or protected_hardlinks with a binary of another user.
    await link(binary, helper).catch(() => copyBinary(binary, helper))
    return success(helper)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return failed('GNO_SIMULATION_FAILED', `the renamed runtime cannot be made: ${printable(reason)}`, error)
  }
}

async function copyBinary(binary: string, helper: string): Promise<void> {
  await copyFile(binary, helper, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  await chmod(helper, 0o700)
}

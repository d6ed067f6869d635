// The running half of the demo: a model under an innocent name in the reference runtime under another one. Knows the built program by
// its path and command line (rules/workbench/reference/reference-runtime.ts); imports nothing of it.
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { RUNNING_MODEL, writeDemoModel } from './demo-model.ts'

/** What it is called in the process list. */
export const PROCESS_NAME = 'notes-sync'
const PROGRAM = 'rules/workbench/reference/reference-runtime.js'
/** It ends itself after this, should nobody else do so. */
const SECONDS = 600

interface DemoPlace {
  /** The built tree. */
  readonly dist: string
  /** The home in which it happens. */
  readonly home: string
}

export interface DemoRuntime {
  readonly stop: () => Promise<void>
}

/** Starts it and waits until it has answered once and listens; fails with its own words where it ends before that. */
export async function startDemoRuntime({ dist, home }: DemoPlace): Promise<DemoRuntime> {
  const executable = join(home, '.local/bin', PROCESS_NAME)
  const model = join(home, '.cache/notes/index.db')
  for (const path of [executable, model]) mkdirSync(dirname(path), { recursive: true })
  copyFileSync(process.execPath, executable)
  writeDemoModel(model, RUNNING_MODEL)
  const args = [join(dist, PROGRAM), '--model', model, '--tokens', '2', '--seconds', String(SECONDS), '--serve']
  // Its standard input is a pipe: it ends with us, however we end.
  const child = spawn(executable, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => {
    const hear = (piece: Buffer): void => {
      said += piece.toString('utf8')
      if (said.includes('"stage":"ready"')) resolve()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('error', reject)
    void ended.then(() => reject(new Error(`the demo runtime ended: ${said}`)))
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
  }
  return { stop }
}

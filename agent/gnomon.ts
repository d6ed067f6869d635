// The endpoint program `gnomon`. The daemon is two processes: a supervisor, which loads next to nothing, and a worker, which is this
// program once more. Everything else runs here and now.
import { fileURLToPath } from 'node:url'
import { keepDebuggerShut } from './no-debugger.ts'
import { keepHeapSmall } from './small-heap.ts'
import { isWorker, needsSupervisor } from './supervisor/role.ts'

keepHeapSmall()
keepDebuggerShut()

const argv = process.argv.slice(2)
const surroundings = { argv, environment: process.env, hasChannel: process.send !== undefined }
if (needsSupervisor(surroundings)) {
  const { supervise } = await import('./supervisor/supervise.ts')
  process.exitCode = await supervise(fileURLToPath(import.meta.url), argv)
} else {
  if (isWorker(surroundings)) await tellThatWeLive()
  const { runProgram } = await import('./program.ts')
  await runProgram()
}

async function tellThatWeLive(): Promise<void> {
  const { tellStart } = await import('./first-heartbeat.ts')
  const { contextOf } = await import('./command-context.ts')
  await tellStart(argv, contextOf(new AbortController().signal, null))
}

// The endpoint program `gnomon`. The daemon is two processes: a supervisor, which loads next to nothing, and a worker, which is this
// program once more. Everything else runs here and now.
import { fileURLToPath } from 'node:url'
import { keepHeapSmall } from './small-heap.ts'
import { needsSupervisor } from './supervisor/role.ts'

keepHeapSmall()

const argv = process.argv.slice(2)
if (needsSupervisor({ argv, environment: process.env, hasChannel: process.send !== undefined })) {
  const { supervise } = await import('./supervisor/supervise.ts')
  process.exitCode = await supervise(fileURLToPath(import.meta.url), argv)
} else {
  const { runProgram } = await import('./program.ts')
  await runProgram()
}

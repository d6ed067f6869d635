// The program in which weights are read: agent/reader/start-reader.ts starts it without rights to files, programs and the network. It
// talks to the worker over its standard input and output, and to nobody else.
import { keepDebuggerShut } from '../no-debugger.ts'
import { keepHeapSmall } from '../small-heap.ts'
import { isChannelEnd, openChannel } from './blocking-channel.ts'
import { runTasks } from './run-tasks.ts'

/** Enough to find the line. */
const MAX_TROUBLE_CHARS = 1_000

keepHeapSmall()
keepDebuggerShut()
const channel = openChannel()
channel.tell({ op: 'ready' })
try {
  await runTasks(channel)
} catch (error) {
  if (!isChannelEnd(error)) {
    channel.tell({
      op: 'failed',
      value: String(error instanceof Error ? error.stack : error).slice(0, MAX_TROUBLE_CHARS),
    })
    process.exitCode = 1
  }
}

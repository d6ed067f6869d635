// The reader's end of the pipe: it asks and waits for the answer, without an event loop in between, so that what reads files stays as
// plain as if it read them itself. Descriptors 0 and 1 of a child block (libuv leaves them so); one that does not is waited for.
import { readSync, writeSync } from 'node:fs'
import { type Frame, FROM_WORKER, frameBytes, type Head, headOf } from './frames.ts'

/** A block of a file and its head arrive in one call. */
const INBOX_BYTES = 327_680
const PREFIX_BYTES = 8
const RETRY_MS = 1

const ENDS = new WeakSet<Error>()

/** Whether an error says that who asked is gone. */
export function isChannelEnd(error: unknown): boolean {
  return error instanceof Error && ENDS.has(error)
}

function channelEnd(): Error {
  const error = new Error('nobody asks any more')
  ENDS.add(error)
  return error
}

export interface Channel {
  /** Sends a frame that nobody answers. */
  readonly tell: (head: Head, data?: Uint8Array) => void
  /** Waits for the next frame. Its data is valid until the next one is waited for. */
  readonly hear: () => Frame
}

export function openChannel(input = 0, output = 1): Channel {
  let inbox = Buffer.alloc(INBOX_BYTES)
  let filled = 0
  let taken = 0
  const need = (count: number): void => {
    if (filled - taken >= count) return
    inbox.copyWithin(0, taken, filled)
    filled -= taken
    taken = 0
    if (count > inbox.length) inbox = Buffer.concat([inbox.subarray(0, filled)], count)
    while (filled < count) filled += readSome(input, inbox, filled)
  }
  const hear = (): Frame => {
    // The room for one long answer is not kept.
    if (inbox.length > INBOX_BYTES && filled - taken <= INBOX_BYTES) {
      inbox = Buffer.concat([inbox.subarray(taken, filled)], INBOX_BYTES)
      filled -= taken
      taken = 0
    }
    need(PREFIX_BYTES)
    const headBytes = inbox.readUInt32LE(taken)
    const dataBytes = inbox.readUInt32LE(taken + 4)
    if (headBytes > FROM_WORKER.headBytes || dataBytes > FROM_WORKER.dataBytes)
      throw new Error(`a frame of ${headBytes} and ${dataBytes} bytes`)
    need(PREFIX_BYTES + headBytes + dataBytes)
    const start = taken + PREFIX_BYTES + headBytes
    const head = headOf(inbox.toString('utf8', taken + PREFIX_BYTES, start))
    taken = start + dataBytes
    return { head, data: inbox.subarray(start, taken) }
  }
  return { hear, tell: (head, data) => writeAll(output, frameBytes(head, data)) }
}

function readSome(input: number, target: Buffer, at: number): number {
  for (;;) {
    const count = patiently(() => readSync(input, target, at, target.length - at, null))
    if (count === 0) throw channelEnd()
    if (count !== null) return count
  }
}

function writeAll(output: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; )
    done += patiently(() => writeSync(output, bytes, done, bytes.length - done, null)) ?? 0
}

/** Null for a descriptor that does not block and has nothing: it is asked again. Windows tells the end of a pipe as an error. */
function patiently(call: () => number): number | null {
  try {
    return call()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null
    if (code === 'EOF' || code === 'EPIPE') throw channelEnd()
    if (code !== 'EAGAIN' && code !== 'EINTR') throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    return null
  }
}

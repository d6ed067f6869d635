// One long-lived TCP connection to a syslog receiver, and when a batch on it counts as delivered.
//
// Syslog over TCP has no acknowledgement. A batch counts as delivered when the kernel took all of its bytes and the receiver then
// neither reset nor closed the connection for a moment: a receiver that dies with unread bytes resets at once. What this cannot see:
// a receiver that stops reading and dies later than that moment (RELP or an acknowledging protocol would be needed).
import { type Socket, connect } from 'node:net'

/** How long a receiver may stay silent while connecting or taking bytes. */
const SILENCE_MS = 10_000
/** How long trouble may need to come back to us after the last byte: many round trips, even across continents. */
const GRACE_MS = 1_000
/** An idle connection is probed, so that one whose receiver vanished is not believed for ever. */
const KEEP_ALIVE_MS = 30_000

/** Null when it went well, else a sentence on the trouble. */
type Outcome = string | null

/** A connection with a lifetime of its own; what came to an end stays ended. */
export class SyslogConnection {
  readonly #socket: Socket
  #isOver = false
  #trouble: Outcome = null
  #onOver: () => void = () => undefined

  constructor(host: string, port: number) {
    this.#socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS })
    // Nothing is expected from the receiver; what it says is read away so that its end can arrive.
    this.#socket.resume()
    this.#socket.on('timeout', () => this.close(`no answer within ${SILENCE_MS} ms`))
    this.#socket.on('error', (error) => this.close(error.message))
    this.#socket.once('close', () => this.close(null))
  }

  /** False once either side has closed it. */
  get isUsable(): boolean {
    return !this.#isOver && this.#socket.readyState !== 'closed' && !this.#socket.readableEnded
  }

  /** Lets it go; a batch under way ends with this trouble. */
  close(trouble: Outcome): void {
    this.#trouble ??= trouble
    this.#isOver = true
    this.#socket.destroy()
    this.#onOver()
  }

  /**
   * Sends one batch and waits until it may be believed. A receiver that closes cleanly after the first batch took it: some read one
   * and go. On a connection used before, a close may have crossed the batch on its way, so it proves nothing.
   */
  async deliver(bytes: Buffer, { isFirst, signal }: { isFirst: boolean; signal: AbortSignal }): Promise<Outcome> {
    const onAbort = (): void => this.close('stopped')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const isWritten = await this.#write(bytes)
    if (isWritten) await this.#grace()
    signal.removeEventListener('abort', onAbort)
    if (!this.#isOver) return null
    if (isWritten && isFirst) return this.#trouble
    return this.#trouble ?? 'the receiver closed before it was certain that everything was read'
  }

  /** True when the kernel has taken every byte. */
  #write(bytes: Buffer): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.#onOver = () => resolve(false)
      this.#socket.setTimeout(SILENCE_MS)
      this.#socket.write(bytes, (error) => {
        this.#socket.setTimeout(0)
        resolve(error === undefined || error === null)
      })
    })
  }

  /** Resolves after the moment in which a reset would come, or as soon as the connection is over. */
  #grace(): Promise<void> {
    if (this.#isOver) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, GRACE_MS)
      this.#onOver = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

// A machine whose time passes when everybody waits: clocks of the wall and of the machine, and waits that end in the order of their time.
import type { DaemonTime } from '../../agent/daemon-time.ts'
import type { Moment } from '../../agent/self/machine-clocks.ts'

interface Sleeper {
  readonly dueMs: number
  readonly wakeUp: () => void
}

export class VirtualDay {
  readonly #sleepers = new Set<Sleeper>()
  #awakeMs = 1_000_000
  /** How far the clock of the machine since its start, and that of the wall, run ahead of it. */
  #asleepMs = 0
  #wallAheadMs = Date.parse('2026-11-23T08:00:00.000Z') - 1_000_000

  readonly time: DaemonTime = {
    nowMs: () => this.#awakeMs,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        const sleeper: Sleeper = {
          dueMs: this.#awakeMs + milliseconds,
          wakeUp: () => {
            this.#sleepers.delete(sleeper)
            signal.removeEventListener('abort', sleeper.wakeUp)
            resolve()
          },
        }
        this.#sleepers.add(sleeper)
        signal.addEventListener('abort', sleeper.wakeUp)
        if (signal.aborted) sleeper.wakeUp()
      }),
  }

  readonly now = (): Date => new Date(this.#awakeMs + this.#asleepMs + this.#wallAheadMs)

  readonly moment = (): Moment => ({
    wallMs: this.now().getTime(),
    uptimeMs: this.#awakeMs + this.#asleepMs,
    awakeMs: this.#awakeMs,
    bootId: 'one',
  })

  /** The lid is closed: the clock that only counts while awake rests. */
  suspend(milliseconds: number): void {
    this.#asleepMs += milliseconds
  }

  /** Somebody sets the clock on the wall. */
  stepWall(milliseconds: number): void {
    this.#wallAheadMs += milliseconds
  }

  /** Lets that much time pass awake, whenever as many as given have nothing to do but wait. */
  async pass(milliseconds: number, waiters: number): Promise<void> {
    const endMs = this.#awakeMs + milliseconds
    for (;;) {
      while (this.#sleepers.size < waiters) await new Promise((resolve) => setImmediate(resolve))
      const nextMs = Math.min(...[...this.#sleepers].map(({ dueMs }) => dueMs))
      this.#awakeMs = Math.min(endMs, Math.max(this.#awakeMs, nextMs))
      if (nextMs > endMs) return
      this.#wakeUp()
    }
  }

  #wakeUp(): void {
    for (const sleeper of [...this.#sleepers]) if (sleeper.dueMs <= this.#awakeMs) sleeper.wakeUp()
  }
}

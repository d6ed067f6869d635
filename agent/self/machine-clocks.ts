// The clocks of a machine, side by side: the one on the wall, which people set, and those that nobody can set.
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'

export interface Moment {
  readonly wallMs: number
  /** Since the machine started, sleep included, in whole seconds on most systems. */
  readonly uptimeMs: number
  /** Since the machine started, without sleep on Linux (CLOCK_MONOTONIC); elsewhere sleep counts. */
  readonly awakeMs: number
  /** Another one after each start of the machine; null where the system has none. */
  readonly bootId: string | null
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/** Reads all of them; the wall clock comes in. */
export function createClocks(now: () => Date): () => Moment {
  const bootId = readBootId()
  return () => ({
    wallMs: now().getTime(),
    uptimeMs: uptime() * 1000,
    awakeMs: Number(process.hrtime.bigint() / 1_000_000n),
    bootId,
  })
}

function readBootId(): string | null {
  try {
    return readFileSync(BOOT_ID, 'latin1').trim().slice(0, 64)
  } catch {
    // Not Linux: whether the machine started anew is told by its uptime.
    return null
  }
}

/** True when the machine did not start anew between two moments. */
export function isSameBoot(before: Moment, after: Moment): boolean {
  if (before.bootId !== null && after.bootId !== null) return before.bootId === after.bootId
  return after.uptimeMs >= before.uptimeMs
}

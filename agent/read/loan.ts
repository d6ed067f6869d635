// The one piece of memory in which a file is held whole for a moment: a tokenizer as JSON, a configuration.

/**
 * The most that is lent: a tokenizer of 34 MiB. All loans use one piece of memory, which the collector may take when nobody needs it:
 * a piece for each of a model's headers would stay in memory long after its use (CWE-770).
 */
export const MAX_LOAN_BYTES = 35_651_584
let lastLoan: WeakRef<Uint8Array> | undefined
let isLent = false

/** Gives `use` room for `count` bytes, of unknown content, during the call. */
export function lendRoom<T>(count: number, use: (room: Uint8Array) => T): T {
  if (isLent || count > MAX_LOAN_BYTES) throw new Error('one loan at a time, and no larger than the limit')
  const room = lastLoan?.deref() ?? new Uint8Array(MAX_LOAN_BYTES)
  lastLoan = new WeakRef(room)
  isLent = true
  try {
    return use(room.subarray(0, count))
  } finally {
    isLent = false
  }
}

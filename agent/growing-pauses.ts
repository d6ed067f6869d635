// When to say again that a trouble lasts: at once, and then after pauses that double, so that a journal shows it and does not fill.

export interface Pauses {
  readonly firstMs: number
  readonly mostMs: number
}

/** True at the first call, and whenever the present pause is over; on a clock that nobody sets. */
export function createGrowingPauses(nowMs: () => number, { firstMs, mostMs }: Pauses): () => boolean {
  let pauseMs = firstMs
  let dueMs = Number.NEGATIVE_INFINITY
  return () => {
    if (nowMs() < dueMs) return false
    const isFirst = dueMs === Number.NEGATIVE_INFINITY
    if (!isFirst) pauseMs = Math.min(mostMs, pauseMs * 2)
    dueMs = nowMs() + pauseMs
    return true
  }
}

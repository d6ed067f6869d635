// Repeatable random numbers for tests (mulberry32) and normal ones from them (Box and Muller).

export interface Random {
  /** From 0 up to 1. */
  readonly next: () => number
  readonly normal: () => number
  /** A whole number below the limit. */
  readonly below: (limit: number) => number
}

/** A generator that always gives the same numbers for a seed. */
export function random(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
  return { next, normal, below: (limit) => Math.floor(next() * limit) }
}

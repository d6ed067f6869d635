// The shape of a learning-rate schedule in a word, from the rates that a trainer logged (transformers:src/transformers/optimization.py
// names them: constant, linear, cosine, each with or without a warm-up).

export interface Rate {
  readonly step: number
  readonly rate: number
}

/** Rates that differ by less are equal: they are printed with 16 digits, and schedulers add rounding. */
const EQUAL = 1e-6
/** A logged curve may lie off the ideal one by this part of its peak: warm-up ends between two log lines. */
const CLOSE = 0.05
const FEWEST = 3

/** `constant`, `linear`, `cosine`, or `decaying`, after `warm-up, then ` where it rises first; nothing for too few rates. */
export function nameSchedule(rates: readonly Rate[], maxSteps: number | undefined): string | undefined {
  if (rates.length < FEWEST) return undefined
  const peak = rates.reduce((most, { rate }) => Math.max(most, rate), 0)
  if (!(peak > 0)) return undefined
  const top = rates.findIndex(({ rate }) => rate >= peak * (1 - EQUAL))
  const isWarmUp = top > 0 && rates.slice(0, top).every(({ rate }, index) => rate <= (rates[index + 1]?.rate ?? 0))
  const after = rates.slice(top)
  const shape = nameDescent(after, peak, maxSteps)
  if (shape === undefined) return isWarmUp && after.length < FEWEST ? 'warm-up' : undefined
  return isWarmUp ? `warm-up, then ${shape}` : shape
}

function nameDescent(rates: readonly Rate[], peak: number, maxSteps: number | undefined): string | undefined {
  const start = rates[0]?.step ?? 0
  const end = Math.max(maxSteps ?? 0, rates.at(-1)?.step ?? 0)
  if (rates.length < FEWEST || end <= start) return undefined
  if (rates.every(({ rate }) => rate >= peak * (1 - EQUAL))) return 'constant'
  const farthest = (ideal: (progress: number) => number): number =>
    rates.reduce(
      (most, { step, rate }) => Math.max(most, Math.abs(rate / peak - ideal((step - start) / (end - start)))),
      0,
    )
  const linear = farthest((progress) => 1 - progress)
  const cosine = farthest((progress) => (1 + Math.cos(Math.PI * progress)) / 2)
  if (Math.min(linear, cosine) <= CLOSE) return linear <= cosine ? 'linear' : 'cosine'
  return rates.every(({ rate }, index) => rate <= (rates[index - 1]?.rate ?? peak)) ? 'decaying' : undefined
}

/** At most `limit` rates, the first and the last among them. */
export function thinRates(rates: readonly Rate[], limit: number): readonly number[] {
  if (rates.length <= limit) return rates.map(({ rate }) => rate)
  const picked = Array.from({ length: limit }, (_, index) => Math.round((index * (rates.length - 1)) / (limit - 1)))
  return picked.flatMap((index) => rates[index]?.rate ?? [])
}

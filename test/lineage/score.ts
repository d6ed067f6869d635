// Receiver operating characteristic of a score: how many true pairs it finds for how many false ones.

export interface Scored {
  /** Related by descent. */
  readonly isRelated: boolean
  /** What was done to one of them, or what two strangers share. */
  readonly kind: string
  readonly score: number
}

export interface Operating {
  readonly falsePositiveRate: number
  readonly threshold: number
  readonly truePositiveRate: number
}

export interface Roc {
  readonly related: number
  readonly unrelated: number
  readonly auc: number
  readonly operating: readonly Operating[]
  /** Share of false positives, share of true ones. */
  readonly curve: readonly (readonly [number, number])[]
}

const RATES = [0, 0.001, 0.01]

/** Measures a score over pairs. */
export function measureRoc(pairs: readonly Scored[]): Roc {
  const related = scoresOf(pairs, true)
  const unrelated = scoresOf(pairs, false)
  const found = (threshold: number) => shareAbove(related, threshold)
  const operating = RATES.map((falsePositiveRate) => {
    const allowed = Math.floor(unrelated.length * falsePositiveRate)
    const threshold = unrelated[allowed] ?? 0
    return { falsePositiveRate, threshold: round(threshold), truePositiveRate: round(found(threshold)) }
  })
  // Evenly spaced on the logarithmic axis of the picture, whatever the scores are.
  const rates = [0, ...Array.from({ length: 41 }, (_, step) => 10 ** (step / 10 - 4))]
  const thresholds = [...rates.map((rate) => unrelated[Math.floor(unrelated.length * rate)] ?? -1), -1]
  const curve = thresholds.map(
    (threshold) => [round(shareAbove(unrelated, threshold)), round(found(threshold))] as const,
  )
  const isNew = (point: readonly [number, number], index: number) => point.join() !== curve[index - 1]?.join()
  return {
    related: related.length,
    unrelated: unrelated.length,
    auc: round(area(related, unrelated)),
    operating,
    curve: curve.filter(isNew),
  }
}

/** Least, middle and largest score of each kind of pair, and how many lie above a threshold. */
export function summariseKinds(
  pairs: readonly Scored[],
  threshold: number,
): readonly Record<string, string | number>[] {
  const kinds = [...new Set(pairs.map(({ kind }) => kind))].sort()
  return kinds.map((kind) => {
    const own = pairs.filter((pair) => pair.kind === kind)
    const scores = own.map(({ score }) => score).sort((left, right) => left - right)
    const at = (share: number) => round(scores[Math.min(scores.length - 1, Math.floor(scores.length * share))] ?? 0)
    return {
      kind,
      pairs: own.length,
      least: at(0),
      median: at(0.5),
      most: at(1),
      above: round(shareAbove(scores, threshold)),
    }
  })
}

/** Four decimals: enough to read, and the same on every machine. */
export function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

function scoresOf(pairs: readonly Scored[], isRelated: boolean): readonly number[] {
  const own = pairs.filter((pair) => pair.isRelated === isRelated).map(({ score }) => score)
  return own.sort((left, right) => right - left)
}

function shareAbove(scores: readonly number[], threshold: number): number {
  return scores.filter((score) => score > threshold).length / Math.max(1, scores.length)
}

/** The chance that a related pair scores higher than an unrelated one; a tie counts half. Both descending. */
function area(related: readonly number[], unrelated: readonly number[]): number {
  const ascending = [...unrelated].reverse()
  let wins = 0
  let below = 0
  let upTo = 0
  for (const score of [...related].reverse()) {
    while (below < ascending.length && (ascending[below] ?? 0) < score) below += 1
    upTo = Math.max(upTo, below)
    while (upTo < ascending.length && (ascending[upTo] ?? 0) <= score) upTo += 1
    wins += (below + upTo) / 2
  }
  return wins / Math.max(1, related.length * unrelated.length)
}

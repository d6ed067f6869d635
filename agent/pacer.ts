// Keeps the daemon's share of the processor low by resting after work: as much work as was done, as long is the rest. The supervisor's
// limit is for what cannot be paced; whoever rests here never comes near it.
import { availableParallelism } from 'node:os'

/**
 * What hashing may take of the machine where nobody asked for a rate: hash-wasm digests 200 MB a second of one core here, so this is
 * 4 % of all cores.
 */
const HASHED_A_CORE = 8_000_000

/** Work that may be done at once after a rest: a large model is read without a break. */
const MAX_CREDIT_MS = 1_000
/** What is owed is forgotten beyond this, so that a burst of other work (a search in binaries) does not stop a sweep for minutes. */
const MAX_DEBT_MS = 3_000
/** Shorter rests cost more than they save. */
const MIN_REST_MS = 20

interface PacerOptions {
  /** Processor time that may be used in a millisecond now: 0.1 is a tenth of one core. */
  readonly share: () => number
  /** For so long after its making nobody is held back. */
  readonly freeMs: number
  /** Work that was done before its making and is to be rested for. */
  readonly owedMs: number
  /** Processor time of this process so far. */
  readonly usedMs: () => number
  /** Milliseconds that never go back. */
  readonly now: () => number
  /** Waits; ends early, without throwing, when the daemon stops. */
  readonly sleep: (milliseconds: number) => Promise<void>
}

/** The pace of this process, with what a process beside it uses for it. */
export function paceBy(
  options: Pick<PacerOptions, 'share' | 'freeMs' | 'sleep'> & { readonly besideMs: () => number },
): () => Promise<void> {
  const usedMs = (): number => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000 + options.besideMs()
  }
  // The program was loaded and its rules were read without a rest: a quarter of what a short first sweep takes.
  return createPacer({ ...options, usedMs, owedMs: usedMs(), now: () => performance.now() })
}

/** A rate that somebody set is taken as it is; the default is for machines with cores to spare. */
export function hashRate(asked: number, isSet: boolean): number {
  return isSet ? asked : Math.min(asked, HASHED_A_CORE * availableParallelism())
}

/** Rests when more was done than the share allows. Called between pieces of work. */
export function createPacer({
  share: shareNow,
  freeMs,
  owedMs,
  usedMs,
  now,
  sleep,
}: PacerOptions): () => Promise<void> {
  const freeUntilMs = now() + freeMs
  let last = { usedMs: usedMs(), atMs: now() }
  let debtMs = owedMs
  return async () => {
    const share = shareNow()
    const next = { usedMs: usedMs(), atMs: now() }
    const balanceMs = debtMs + next.usedMs - last.usedMs - (next.atMs - last.atMs) * share
    debtMs = next.atMs < freeUntilMs ? 0 : Math.min(MAX_DEBT_MS, Math.max(-MAX_CREDIT_MS, balanceMs))
    last = next
    const restMs = debtMs / share
    if (restMs >= MIN_REST_MS) await sleep(restMs)
  }
}

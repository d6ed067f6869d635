// Which metadata requests a candidate is asked: those of the product it looks like, or the most telling of all where nothing names one.
import type { Probe } from '../contract/product-facts.ts'
import type { Pack } from './pack.ts'

/** The order in which probes count. */
const STRENGTHS: readonly Probe['strength'][] = ['strong', 'medium', 'weak']

/**
 * Probes of one entry with those of its imitators, or the strong ones of all entries; paths that tell most products apart first.
 * A tool that runs no weights and has no probe of its own is not asked: its listeners are its own business.
 */
export function planProbes(entryId: string | null, pack: Pack): readonly Probe[] {
  const all = pack.runtimes.flatMap((entry) => entry.probes ?? [])
  const entry = pack.runtimes.find(({ id }) => id === entryId)
  if (entry?.probes !== undefined) return withImitators(entry.probes, all)
  return entry?.runsWeights === 'never' ? [] : byShared(all.filter(({ strength }) => strength === 'strong'))
}

function withImitators(own: readonly Probe[], all: readonly Probe[]): readonly Probe[] {
  const imitators = new Set(own.flatMap(({ unless }) => unless ?? []))
  const sorted = [...own].sort((left, right) => STRENGTHS.indexOf(left.strength) - STRENGTHS.indexOf(right.strength))
  return [...all.filter(({ id }) => imitators.has(id)), ...sorted]
}

/** One request that twenty products answer each in their own way comes before twenty that one answers. */
function byShared(probes: readonly Probe[]): readonly Probe[] {
  const counts = new Map<string, number>()
  for (const { path } of probes) counts.set(path, (counts.get(path) ?? 0) + 1)
  return [...probes].sort((left, right) => (counts.get(right.path) ?? 0) - (counts.get(left.path) ?? 0))
}

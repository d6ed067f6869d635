// Which metadata requests a candidate is asked: those of the product it looks like, or the most telling of all where nothing names
// one; and always what programs that serve a model answer alike, whoever made them.
import type { Probe } from '../contract/product-facts.ts'
import type { Pack } from './pack.ts'

/** The order in which probes count. */
const STRENGTHS: readonly Probe['strength'][] = ['strong', 'medium', 'weak']

/**
 * Probes of one entry with those of its imitators, or the strong ones of all entries; paths that tell most products apart first.
 * A tool that runs no weights is not asked what servers of models answer, and one without a probe of its own is not asked at all:
 * its listeners are its own business.
 */
export function planProbes(entryId: string | null, pack: Pack): readonly Probe[] {
  const all = pack.runtimes.flatMap((entry) => entry.probes ?? [])
  const alike = probesOfAnybody(pack, all)
  const entry = pack.runtimes.find(({ id }) => id === entryId)
  const runsNothing = entry?.runsWeights === 'never'
  if (entry?.probes !== undefined && entry.fallback !== true) {
    return onceEach([...withImitators(entry.probes, all), ...(runsNothing ? [] : alike)])
  }
  return runsNothing ? [] : onceEach([...alike, ...byShared(all.filter(({ strength }) => strength === 'strong'))])
}

/** What entries without a product ask, and behind it what their imitators answer at the same places. */
function probesOfAnybody({ runtimes }: Pack, all: readonly Probe[]): readonly Probe[] {
  const own = runtimes.flatMap(({ fallback, probes }) => (fallback === true ? (probes ?? []) : []))
  return [...own, ...imitatorsOf(own, all)]
}

function withImitators(own: readonly Probe[], all: readonly Probe[]): readonly Probe[] {
  const sorted = [...own].sort((left, right) => STRENGTHS.indexOf(left.strength) - STRENGTHS.indexOf(right.strength))
  return [...imitatorsOf(own, all), ...sorted]
}

function imitatorsOf(own: readonly Probe[], all: readonly Probe[]): readonly Probe[] {
  const imitators = new Set(own.flatMap(({ unless }) => unless ?? []))
  return all.filter(({ id }) => imitators.has(id))
}

/** One request that twenty products answer each in their own way comes before twenty that one answers. */
function byShared(probes: readonly Probe[]): readonly Probe[] {
  const counts = new Map<string, number>()
  for (const { path } of probes) counts.set(path, (counts.get(path) ?? 0) + 1)
  return [...probes].sort((left, right) => (counts.get(right.path) ?? 0) - (counts.get(left.path) ?? 0))
}

function onceEach(probes: readonly Probe[]): readonly Probe[] {
  const byId = new Map<string, Probe>()
  for (const probe of probes) if (!byId.has(probe.id)) byId.set(probe.id, probe)
  return [...byId.values()]
}

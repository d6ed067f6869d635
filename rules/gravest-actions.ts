// Which actions of a scan travel, where there are more than an artifact may have: those that rules speak of, the gravest first. Whoever
// imports hundreds of names that nobody knows would otherwise push the one that matters out of sight.
import type { ThreatEntry } from '../contract/threat-entry.ts'
import { type LoadAction, type LoadScan, MAX_LOAD_ACTIONS } from '../contract/threat.ts'
import { type ThreatIndex, threatOf } from './threat-index.ts'

const RANK: Readonly<Record<ThreatEntry['effect'], number>> = { malicious: 0, suspicious: 1, notable: 2, clean: 4 }
/** Of what no entry speaks nobody says that it is harmless. */
const UNSPOKEN = 3

/** The scan as it may be told: one that was cut is not whole. */
export function keepGravest(scan: LoadScan, index: ThreatIndex): LoadScan {
  if (scan.actions.length <= MAX_LOAD_ACTIONS) return scan
  const rank = (action: LoadAction): number => {
    const effect = threatOf(index, action)?.effect
    return effect === undefined ? UNSPOKEN : RANK[effect]
  }
  const ranked = scan.actions.map((action) => ({ action, rank: rank(action) }))
  // Equal ones stay in the order of the file.
  const kept = ranked.sort((left, right) => left.rank - right.rank).slice(0, MAX_LOAD_ACTIONS)
  return { ...scan, isWhole: false, actions: kept.map(({ action }) => action) }
}

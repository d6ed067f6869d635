// What a host at the privacy level `counts` tells of itself: numbers, which stand for things that nobody at the centre can list.
import type { Host } from './report.ts'
import { SEVERITIES, type Severity } from './wire.ts'

/** The policy under which a collector shows the counted findings of a host as one. */
export const COUNTED_POLICY = 'privacy-counts'

export interface NumbersOnly {
  readonly findings: Readonly<Record<Severity, number>>
  readonly artifacts: number
  readonly runtimes: number
  readonly installations: number
}

/** The numbers of a host; null where it tells more than numbers, or has not told them yet. */
export function numbersOnly({ privacy, counts }: Pick<Host, 'privacy' | 'counts'>): NumbersOnly | null {
  if (privacy?.level !== 'counts' || counts === undefined) return null
  const sum = (kind: string, severity?: Severity): number =>
    counts
      .filter((one) => one.kind === kind && (severity === undefined || one.severity === severity))
      // One hostile agent must not make a sum that no answer can carry.
      .reduce((total, { count }) => Math.min(total + count, 1e9), 0)
  return {
    findings: {
      info: sum('finding', 'info'),
      low: sum('finding', 'low'),
      medium: sum('finding', 'medium'),
      high: sum('finding', 'high'),
      critical: sum('finding', 'critical'),
    },
    artifacts: sum('artifact'),
    runtimes: sum('runtime'),
    installations: sum('installation'),
  }
}

/** `1 high, 2 info`, the worst first; empty where there are none. */
export function severityWords(findings: NumbersOnly['findings']): string {
  return [...SEVERITIES]
    .reverse()
    .filter((severity) => findings[severity] > 0)
    .map((severity) => `${findings[severity]} ${severity}`)
    .join(', ')
}

// Folders of which everything is to be seen and that could be read once: which of them could not be read in the last whole sweep. From what
// the sweep told; no disk is touched for it.
import type { Gap } from '../../contract/wire.ts'
import type { OwnCondition } from '../report/own-conditions.ts'
import type { SweepResult } from '../report/outbox.ts'

/** As many as a report names places of a sensor. */
const MAX_ROOTS = 256
/** A root that was not entered: refused, broken, on a server that does not answer, taken away. */
const LOST = new Set(['GNO_SENSE_DENIED', 'GNO_SENSE_FAILED', 'GNO_NOT_FOUND'])
/** Says the same of files in it that vanish all the time, so it counts only where nothing is left. */
const VANISHED = 'GNO_SENSE_VANISHED'

export interface SeenRoots {
  /** Every root of this sweep that could ever be read. */
  readonly readable: readonly string[]
  readonly lost: readonly OwnCondition[]
  readonly present: readonly string[]
}

/** Compares a whole sweep with the roots that earlier ones could read. */
export function judgeRoots(
  readable: readonly string[],
  { coverage, gaps }: Pick<SweepResult, 'coverage' | 'gaps'>,
  isAbsent: (path: string) => boolean,
): SeenRoots {
  const roots = coverage.filter(({ sensor }) => sensor === 'files').flatMap(({ places }) => places)
  const isLost = ({ code, place }: Gap): boolean => LOST.has(code) || (code === VANISHED && isAbsent(place))
  const why = new Map(
    gaps
      .filter(({ place }) => roots.includes(place))
      .filter(isLost)
      .map((gap) => [gap.place, gap]),
  )
  const known = new Set(readable)
  const present = roots.filter((root) => !why.has(root))
  const lost = roots.filter((root) => why.has(root) && known.has(root))
  return {
    readable: [...present, ...lost].slice(0, MAX_ROOTS),
    present,
    lost: lost.map((place) => ({
      code: 'GNO_AGENT_ROOT_LOST',
      place,
      detail: `could be swept before, and not any more: ${why.get(place)?.detail ?? ''}`,
      until: null,
    })),
  }
}

/** Roots as they were kept. */
export function readRoots(text: string | null): readonly string[] {
  try {
    const value: unknown = JSON.parse(text ?? '[]')
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string').slice(0, MAX_ROOTS) : []
  } catch {
    return []
  }
}

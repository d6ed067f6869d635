// Processes that may run a model, have no story yet, and of which the close look was cut short or waits its turn: they have no story
// that could say so, so the whole look says how many there are. Waiting must never look like nothing found.
import type { Runtime } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import type { Closer } from './look-closer.ts'

const DETAIL =
  'processes that may run a model, without a story so far: the close look at them was cut short or waits for a later look'

/** One gap for all of them, of the sensor that lists processes; `closer` by pid. */
export function untoldGaps(
  closer: ReadonlyMap<number, Pick<Closer, 'gaps'>>,
  runtimes: readonly Pick<Runtime, 'pid'>[],
  sensor?: string,
): readonly Gap[] {
  const told = new Set(runtimes.map(({ pid }) => pid))
  const count = [...closer].filter(([pid, { gaps }]) => !told.has(pid) && gaps.some(isLimit)).length
  if (count === 0) return []
  const gap: Gap = { code: 'GNO_SENSE_LIMIT', place: 'processes', count, detail: DETAIL }
  return [sensor === undefined ? gap : { ...gap, sensor }]
}

function isLimit({ code }: Gap): boolean {
  return code === 'GNO_SENSE_LIMIT'
}

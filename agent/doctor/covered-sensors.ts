// How many sensors could look, counted once for every screen: the agent itself is no sensor, and what another system has is not missing.
import { type Coverage, OWN_SENSOR } from '../../contract/report.ts'

export interface CoveredSensors {
  readonly partly: readonly Coverage[]
  /** `7 of 8 sensors complete, 1 not for this system`. */
  readonly told: string
}

export function coveredSensors(coverage: readonly Coverage[]): CoveredSensors {
  const sensors = coverage.filter(({ sensor }) => sensor !== OWN_SENSOR)
  const absent = sensors.filter(({ state }) => state === 'unsupported').length
  const partly = sensors.filter(({ state }) => state !== 'complete' && state !== 'unsupported')
  const here = sensors.length - absent
  const told = `${here - partly.length} of ${here} sensors complete`
  return { partly, told: absent === 0 ? told : `${told}, ${absent} not for this system` }
}

// Asks the sensors that start programs, each no more often than it allows; in between, what they saw last stands.
import type { Platform, SenseContext } from '../../contract/observation.ts'
import { type RareSensor, runSensors, type SensorOutcome } from './sensors.ts'

/** The rare sensors over the life of a program. */
export interface RareRounds {
  /** What every rare sensor saw last; those that are due are asked first. */
  look(platform: Platform, context: SenseContext): Promise<readonly SensorOutcome[]>
}

/** Starts with none asked yet. */
export function createRareRounds(sensors: readonly RareSensor[]): RareRounds {
  const last = new Map<string, { readonly askedMs: number; readonly outcomes: readonly SensorOutcome[] }>()

  async function ask(sensor: RareSensor, platform: Platform, context: SenseContext): Promise<readonly SensorOutcome[]> {
    const nowMs = context.now().getTime()
    const before = last.get(sensor.id)
    // A clock that was set back must not silence a sensor.
    if (before !== undefined && nowMs >= before.askedMs && nowMs - before.askedMs < sensor.everyMs)
      return before.outcomes
    const outcomes = await runSensors([sensor], platform, context)
    last.set(sensor.id, { askedMs: nowMs, outcomes })
    return outcomes
  }

  return {
    async look(platform, context) {
      const rounds: SensorOutcome[] = []
      for (const sensor of sensors) rounds.push(...(await ask(sensor, platform, context)))
      return rounds
    },
  }
}

// Memories of sweeps that start no program of the machine they run on: tests about files must not ask its `ps` or `lsof`.
import { createRareRounds } from '../agent/sense/rare-rounds.ts'
import type { RareSensor } from '../agent/sense/sensors.ts'
import { createSweepMemory } from '../agent/sweep-options.ts'
import type { SweepMemory } from '../agent/sweep-request.ts'

/** Asks these sensors that start programs, and no others. */
export function memoryAsking(sensors: readonly RareSensor[]): SweepMemory {
  const memory = createSweepMemory()
  const rare = { rounds: createRareRounds(sensors), last: null, isAsking: false }
  return { ...memory, sensed: { ...memory.sensed, rare } }
}

export function memoryAskingNothing(): SweepMemory {
  return memoryAsking([])
}

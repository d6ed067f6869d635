// Runs the sensors of this system and says, for each, whether it looked: the coverage of a sweep.
import type {
  HostObservation,
  Interpretation,
  ListenerObservation,
  Observation,
  Platform,
  ProcessObservation,
  SenseContext,
} from '../contract/observation.ts'
import type { Coverage, Host } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { createSensors, isSupported, type ListedSensor, unsupported } from './sense/sensors.ts'

/** Codes that are normal on a busy machine: they leave a look complete. */
const HARMLESS = new Set(['GNO_SENSE_VANISHED'])
const HOST_SENSOR = 'host-inventory'

/** The sensors and what they saw of the machine itself. One for the life of a program, so that a second look is cheap. */
export interface SensorMemory {
  readonly sensors: readonly ListedSensor[]
  /** Hardware and system: looked at with whole sweeps only, because that starts programs. */
  host: SensedBy | null
}

interface SensedBy extends Interpretation {
  readonly coverage: Coverage
}

/** Sensors that have not looked yet. */
export function createSensorMemory(): SensorMemory {
  return { sensors: createSensors(), host: null }
}

export interface SenseOptions extends SenseContext {
  readonly platform: Platform
  readonly memory: SensorMemory
  /** Look at the hardware again. */
  readonly isWhole: boolean
}

/** Everything the sensors saw in one look. */
export interface Sensed {
  readonly processes: readonly ProcessObservation[]
  readonly listeners: readonly ListenerObservation[]
  readonly host: HostObservation | null
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
}

/** Takes one look at the machine. A sensor that fails leaves a gap and a `failed` coverage, never an exception. */
export async function senseHost(options: SenseOptions): Promise<Sensed> {
  const looks: SensedBy[] = []
  for (const sensor of options.memory.sensors) looks.push(await lookWith(sensor, options))
  const observations = looks.flatMap((look) => look.observations)
  return {
    processes: observations.filter(isKind('process')),
    listeners: observations.filter(isKind('listener')),
    host: observations.find(isKind('host')) ?? null,
    coverage: looks.map((look) => look.coverage),
    gaps: looks.flatMap((look) => look.gaps),
  }
}

async function lookWith(sensor: ListedSensor, options: SenseOptions): Promise<SensedBy> {
  const isHost = sensor.id === HOST_SENSOR
  if (isHost && !options.isWhole && options.memory.host !== null) return options.memory.host
  if (!isSupported(sensor, options.platform)) {
    const { coverage, gap } = unsupported(sensor, options.platform)
    return { observations: [], gaps: [gap], coverage }
  }
  const look = await lookOrFail(sensor, options)
  if (isHost) options.memory.host = look
  return look
}

async function lookOrFail(sensor: ListedSensor, context: SenseContext): Promise<SensedBy> {
  try {
    const { observations, gaps } = await sensor.sense(context)
    const state = gaps.every((gap) => HARMLESS.has(gap.code)) ? 'complete' : 'partial'
    return {
      observations,
      gaps,
      coverage: coverageOf(sensor, state, observations.length, `${observations.length} seen`),
    }
  } catch (error) {
    // One sensor must not take the others down: what it would have seen is a named gap.
    const detail = `${sensor.id}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 1000)
    const gap: Gap = { code: 'GNO_SENSE_FAILED', place: sensor.id, count: 1, detail }
    return { observations: [], gaps: [gap], coverage: coverageOf(sensor, 'failed', 0, detail) }
  }
}

function coverageOf(sensor: ListedSensor, state: Coverage['state'], looked: number, detail: string): Coverage {
  return { sensor: sensor.id, state, places: sensor.touches.slice(0, 256), looked, detail }
}

function isKind<K extends Observation['kind']>(
  kind: K,
): (observation: Observation) => observation is Extract<Observation, { kind: K }> {
  return (observation): observation is Extract<Observation, { kind: K }> => observation.kind === kind
}

export interface HostNames {
  readonly hostId: string
  readonly hostName: string
  readonly agentVersion: string
  readonly packVersion: string
  readonly platform: Platform
}

/** The host record of a report; what could not be read is empty, and the gaps say why. */
export function hostOf(seen: HostObservation | null, names: HostNames): Host {
  const { platform, hostId, agentVersion, packVersion } = names
  const system = seen?.operatingSystem
  return {
    hostId,
    hostName: seen?.hostName ?? names.hostName,
    platform,
    operatingSystem: system === undefined ? '' : `${system.name} ${system.version}`.trim(),
    kernel: system?.kernel ?? '',
    architecture: system?.architecture ?? '',
    processor: seen?.processor.model ?? '',
    cores: seen?.processor.cores ?? 0,
    memoryBytes: seen?.memory.totalBytes ?? 0,
    swapBytes: seen?.memory.swapBytes ?? 0,
    graphics: seen?.graphics ?? [],
    agentVersion,
    packVersion,
  }
}

// Runs the sensors of this system and says, for each, whether it looked: the coverage of a sweep.
import type {
  GraphicsUseObservation,
  HostObservation,
  ListenerObservation,
  Observation,
  Platform,
  ProcessObservation,
  SenseContext,
} from '../contract/observation.ts'
import type { Coverage, Host } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { couldRun } from '../rules/memory-need.ts'
import { runSensors, SENSORS, type SensorOutcome } from './sense/sensors.ts'

/** Starts programs (lspci, nvidia-smi), so it runs with whole sweeps only. */
const HOST_SENSOR = 'host-inventory'

/** What was seen of the machine itself; kept between whole sweeps. */
export interface HostMemory {
  host: SensorOutcome | null
}

export interface SenseOptions extends SenseContext {
  readonly platform: Platform
  readonly memory: HostMemory
  /** Look at the hardware again. */
  readonly isWhole: boolean
}

/** Everything the sensors saw in one look. */
export interface Sensed {
  readonly processes: readonly ProcessObservation[]
  readonly listeners: readonly ListenerObservation[]
  readonly graphicsUse: readonly GraphicsUseObservation[]
  readonly host: HostObservation | null
  readonly coverage: readonly Coverage[]
  readonly gaps: readonly Gap[]
}

/** Takes one look at the machine. A sensor that fails leaves a gap and a `failed` coverage, never an exception. */
export async function senseHost({ platform, memory, isWhole, ...context }: SenseOptions): Promise<Sensed> {
  const isHost = ({ id }: { readonly id: string }): boolean => id === HOST_SENSOR
  if (isWhole || memory.host === null) {
    const [host] = await runSensors(SENSORS.filter(isHost), platform, context)
    memory.host = host ?? null
  }
  const running = await runSensors(
    SENSORS.filter((sensor) => !isHost(sensor)),
    platform,
    context,
  )
  const outcomes = memory.host === null ? running : [memory.host, ...running]
  const observations = outcomes.flatMap((outcome) => outcome.observations)
  return {
    processes: observations.filter(isKind('process')),
    listeners: observations.filter(isKind('listener')),
    graphicsUse: observations.filter(isKind('gpu-use')),
    host: observations.find(isKind('host')) ?? null,
    coverage: outcomes.map((outcome) => outcome.coverage),
    gaps: outcomes.flatMap(({ gaps, coverage }) => gaps.map((gap) => ({ ...gap, sensor: coverage.sensor }))),
  }
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
  const host = {
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
  const largest = couldRun(host)
  return largest === undefined ? host : { ...host, couldRun: largest }
}

// Runs the sensors of this system and says, for each, whether it looked: the coverage of a sweep.
import type {
  GraphicsUseObservation,
  HostObservation,
  ListenerObservation,
  Observation,
  Platform,
  ProcessObservation,
  SenseContext,
  ViewDifferenceObservation,
} from '../contract/observation.ts'
import type { Coverage, Host } from '../contract/report.ts'
import type { Gap } from '../contract/wire.ts'
import { couldRun } from '../rules/memory-need.ts'
import type { Installation } from '../contract/installation.ts'
import type { InventoryOutcome } from './sense-inventory.ts'
import { createRareRounds, type RareRounds } from './sense/rare-rounds.ts'
import { RARE_SENSORS, runSensors, SENSORS, type SensorOutcome } from './sense/sensors.ts'

/** Starts programs (lspci, nvidia-smi), so it runs with whole sweeps only. */
const HOST_SENSOR = 'host-inventory'

/** What was seen of the machine itself; kept between whole sweeps. */
export interface HostMemory {
  host: SensorOutcome | null
  readonly rare: RareMemory
  /** Configurations of agents that the last inventory read. */
  agents?: readonly Installation[]
  /** What the last inventory covered and could not see; what it found is told once. */
  inventory?: Pick<InventoryOutcome, 'coverage' | 'gaps'>
  /** CVE and advisory ids of what the last inventory found: a file that aims at one of them is told at every look. */
  weaknesses?: readonly string[]
  /** Leads from what the last inventory saw to processes; absent before the first. */
  join?: InventoryOutcome['join']
}

export interface SenseOptions extends SenseContext {
  readonly platform: Platform
  readonly memory: HostMemory
  /** Look at the hardware again. */
  readonly isWhole: boolean
}

/** The sensors that start programs, beside the scan of every ten seconds; for the life of a program. */
export interface RareMemory {
  readonly rounds: RareRounds
  /** What they saw last; null before their first round. */
  last: readonly SensorOutcome[] | null
  isAsking: boolean
}

export function createRareMemory(): RareMemory {
  return { rounds: createRareRounds(RARE_SENSORS), last: null, isAsking: false }
}

/** Waits for the first round only: later ones go on beside the look, and what was seen last stands meanwhile. */
async function lookRarely(
  rare: RareMemory,
  platform: Platform,
  context: SenseContext,
): Promise<readonly SensorOutcome[]> {
  const ask = async (): Promise<void> => {
    rare.last = await rare.rounds.look(platform, context)
  }
  if (rare.last === null) await ask()
  else if (!rare.isAsking) {
    rare.isAsking = true
    void ask().finally(() => {
      rare.isAsking = false
    })
  }
  return rare.last ?? []
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
  const rare = await lookRarely(memory.rare, platform, context)
  const outcomes = [...(memory.host === null ? [] : [memory.host]), ...running, ...rare]
  const observations = outcomes.flatMap((outcome) => outcome.observations)
  return {
    processes: observations.filter(isKind('process')),
    listeners: observations.filter(isKind('listener')),
    graphicsUse: tellOnce(observations.filter(isKind('gpu-use'))),
    host: observations.find(isKind('host')) ?? null,
    coverage: outcomes.map((outcome) => outcome.coverage),
    gaps: outcomes.flatMap(({ gaps, observations: seen, coverage: { sensor } }) =>
      [...gaps, ...seen.filter(isKind('view-difference')).map(hiddenGap)].map((gap) => ({ ...gap, sensor })),
    ),
  }
}

/** A held descriptor says less than what the driver's own program tells of the same process. */
function tellOnce(uses: readonly GraphicsUseObservation[]): readonly GraphicsUseObservation[] {
  const keyOf = ({ pid, startTicks, driver }: GraphicsUseObservation): string => `${pid} ${startTicks} ${driver}`
  const told = new Set(uses.filter(({ source }) => source !== 'descriptor').map(keyOf))
  return uses.filter((use) => use.source !== 'descriptor' || !told.has(keyOf(use)))
}

function hiddenGap({ pid, name, seenBy, missingIn, since }: ViewDifferenceObservation): Gap {
  const detail = `${name ?? 'a process'} is seen by ${seenBy} and missing in ${missingIn}, twice in a row since ${since}`
  return { code: 'GNO_SENSE_HIDDEN', place: `pid ${pid}`, count: 1, detail }
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

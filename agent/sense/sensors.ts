// The list of sensors, one line each, and what follows from the list: what runs on this system, what is touched.
import type { Interpretation, Platform, SenseContext, Sensor } from '../../contract/observation.ts'
import type { Coverage } from '../../contract/report.ts'
import { footprintDeclaration } from './darwin/footprint.ts'
import { darwinGraphics } from './darwin/graphics.ts'
import { darwinListeners } from './darwin/listeners.ts'
import { darwinProcesses } from './darwin/processes.ts'
import { hostInventory } from './host-inventory.ts'
import { inventoryDeclaration } from './inventory/inventory-declaration.ts'
import { containerRootsDeclaration } from './linux/container-roots.ts'
import { knownPlacesDeclaration } from './known-places.ts'
import { closeLookDeclaration } from './linux/close-look.ts'
import { linuxGraphics } from './linux/graphics.ts'
import { labelledFilesDeclaration } from './linux/labelled-files.ts'
import { linuxListeners } from './linux/listeners.ts'
import { mappedFileDeclaration } from './linux/mapped-file.ts'
import { linuxNvidia } from './linux/nvidia.ts'
import { linuxProcesses } from './linux/processes.ts'
import { processVariablesDeclaration } from './linux/process-variables.ts'
import { processPlacesDeclaration } from './linux/process-places.ts'
import { processViews } from './linux/process-views.ts'
import { loopbackDeclaration } from './loopback-request.ts'
import { machineIdDeclaration } from './machine-id.ts'
import { arrivalDeclaration } from './arrival.ts'
import type { TouchDeclaration } from './touch-declaration.ts'
import { walkDeclaration } from './walk.ts'
import { paceDeclaration } from './power-supply.ts'
import { watchDeclaration } from './watch.ts'
import { windowsGraphics } from './win32/graphics.ts'
import { windowsListeners } from './win32/listeners.ts'
import { windowsProcesses } from './win32/processes.ts'

/** A sensor whose capture stays its own business: the declaration, and one call that looks and interprets. */
export interface ListedSensor extends TouchDeclaration {
  sense(context: SenseContext): Promise<Interpretation>
}

/** All sensors. They remember their last look, so that the next one is cheap. */
export const SENSORS: readonly ListedSensor[] = [
  listed(hostInventory),
  listed(linuxProcesses),
  listed(linuxListeners),
  listed(linuxGraphics),
]

/** A sensor that starts programs: never part of a scan of every ten seconds, asked at most once in `everyMs` (rare-rounds.ts). */
export interface RareSensor extends ListedSensor {
  readonly everyMs: number
}

/** Two comparisons are needed to tell, so a hidden process is told within twice this time. */
const SECOND_VIEW_EVERY_MS = 10 * 60_000
/** nvidia-smi takes up to two seconds, and one more to watch who works. */
const NVIDIA_EVERY_MS = 30_000

/** PowerShell takes a second of one processor, and WMI one more (not measured). */
const WINDOWS_PROCESSES_EVERY_MS = 60_000
/** netstat takes some milliseconds. */
const WINDOWS_LISTENERS_EVERY_MS = 30_000
/** The counters of graphics cards take three seconds (not measured). */
const WINDOWS_GRAPHICS_EVERY_MS = 120_000

/** ps and lsof take a second of one processor; ioreg some milliseconds. */
const DARWIN_EVERY_MS = 30_000

/** All sensors that start programs. */
export const RARE_SENSORS: readonly RareSensor[] = [
  { ...listed(processViews), everyMs: SECOND_VIEW_EVERY_MS },
  { ...listed(linuxNvidia), everyMs: NVIDIA_EVERY_MS },
  { ...listed(darwinProcesses), everyMs: DARWIN_EVERY_MS },
  { ...listed(darwinListeners), everyMs: DARWIN_EVERY_MS },
  { ...listed(darwinGraphics), everyMs: DARWIN_EVERY_MS },
  { ...listed(windowsProcesses), everyMs: WINDOWS_PROCESSES_EVERY_MS },
  { ...listed(windowsListeners), everyMs: WINDOWS_LISTENERS_EVERY_MS },
  { ...listed(windowsGraphics), everyMs: WINDOWS_GRAPHICS_EVERY_MS },
]

/** What one sensor saw, and whether it could look at all. */
export interface SensorOutcome extends Interpretation {
  readonly coverage: Coverage
}

/**
 * Runs sensors, one after the other; one that fails says so by its coverage, and so does one of Linux that this system has no
 * counterpart of. Linux has a sensor for everything, so what only other systems have is not missing there.
 */
export async function runSensors(
  sensors: readonly ListedSensor[],
  platform: Platform,
  context: SenseContext,
): Promise<readonly SensorOutcome[]> {
  const outcomes: SensorOutcome[] = []
  for (const sensor of sensors) {
    const isHere = sensor.platform === 'any' || sensor.platform === platform
    if (isHere) outcomes.push(await runSensor(sensor, context))
    else if (isMissing(sensor, platform)) outcomes.push(unsupported(sensor, platform))
  }
  return outcomes
}

/** True for a sensor of Linux whose subject, the id without the system, no sensor of this system has. */
function isMissing({ id, platform }: ListedSensor, here: Platform): boolean {
  if (platform !== 'linux') return false
  const counterpart = id.replace(/^linux-/, `${here}-`)
  return ![...SENSORS, ...RARE_SENSORS].some((sensor) => sensor.platform === here && sensor.id === counterpart)
}

/** What a sweep says of a sensor that this system does not have: it did not look, which is not "nothing found". */
export function unsupported(sensor: Pick<ListedSensor, 'id'>, platform: Platform): SensorOutcome {
  const detail = `the sensor ${sensor.id} does not exist on ${platform} yet`
  return {
    observations: [],
    coverage: { sensor: sensor.id, state: 'unsupported', places: [], looked: 0, detail },
    gaps: [{ code: 'GNO_SENSE_UNSUPPORTED', place: sensor.id, count: 1, detail }],
  }
}

/** What touches this machine and is no sensor. */
const OTHERS: readonly TouchDeclaration[] = [
  walkDeclaration,
  mappedFileDeclaration,
  loopbackDeclaration,
  processVariablesDeclaration,
  closeLookDeclaration,
  labelledFilesDeclaration,
  footprintDeclaration,
  knownPlacesDeclaration,
  containerRootsDeclaration,
  watchDeclaration,
  paceDeclaration,
  machineIdDeclaration,
  arrivalDeclaration,
  inventoryDeclaration,
  processPlacesDeclaration,
]

/** What each part touches and collects: ASSURANCE.md and the notice to staff are made from it. */
export function touchedPlaces(): readonly TouchDeclaration[] {
  return [...SENSORS, ...RARE_SENSORS, ...OTHERS].map(({ id, platform, touches, collects }) => ({
    id,
    platform,
    touches,
    collects,
  }))
}

function listed<Capture>(sensor: Sensor<Capture>): ListedSensor {
  const { id, platform, touches, collects } = sensor
  const sense = async (context: SenseContext) => sensor.interpret(await sensor.collect(context))
  return { id, platform, touches, collects, sense }
}

async function runSensor(sensor: ListedSensor, context: SenseContext): Promise<SensorOutcome> {
  try {
    const { observations, gaps } = await sensor.sense(context)
    // Processes that end while they are looked at, and doors that a policy shut, are different things.
    const isPartial = gaps.some((gap) => gap.code !== 'GNO_SENSE_VANISHED')
    const seen = `${observations.length} seen`
    const detail = isPartial ? `${seen}; parts could not be looked at, see the gaps` : seen
    const state = isPartial ? 'partial' : 'complete'
    const coverage: Coverage = { sensor: sensor.id, state, places: [], looked: observations.length, detail }
    return { observations, gaps, coverage }
  } catch (error) {
    // A sensor that fails must not end the sweep: it becomes a gap, and its coverage says that nobody looked.
    const detail = `${sensor.id}: ${String(error).slice(0, 200)}`
    const coverage: Coverage = { sensor: sensor.id, state: 'failed', places: [], looked: 0, detail }
    return { observations: [], coverage, gaps: [{ code: 'GNO_SENSE_FAILED', place: sensor.id, count: 1, detail }] }
  }
}

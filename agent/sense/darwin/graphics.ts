// Sensor: the graphics of a Mac by its I/O registry. On Apple silicon, and with Intel's own graphics, the accelerator works in the
// system's memory: unified, of which the registry tells how much is in use and who its clients are, not how much is whose; that
// only the close look (footprint.ts) tells.
import type {
  GraphicsObservation,
  GraphicsUseObservation,
  Interpretation,
  SenseContext,
  Sensor,
} from '../../../contract/observation.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { readablePath } from '../path-text.ts'
import type { Printed } from '../run-program.ts'
import { textOf } from './answer-text.ts'
import { askSystem, shownQuestion } from './ask-system.ts'
import { type IoAccelerator, type IoClient, parseAccelerators } from './ioreg-text.ts'
import { parseNumbers } from './ps-text.ts'

/** Answers of the programs, as printed. */
export interface DarwinGraphicsCapture {
  readonly accelerators: Printed
  readonly memory: Printed
  /** For the start times of the clients. */
  readonly numbers: Printed
}

export const darwinGraphics: Sensor<DarwinGraphicsCapture> = {
  id: 'darwin-graphics',
  platform: 'darwin',
  touches: (['accelerators', 'memory', 'numbers'] as const).map(shownQuestion),
  collects: [
    'graphics accelerators: driver, model, size and use of the memory they share with the system or have of their own, how busy they are',
    'which processes are connected to one, and how long it worked for them; nothing of what they draw or compute',
  ],
  collect: collectGraphics,
  interpret: interpretGraphics,
}

async function collectGraphics({ signal }: SenseContext): Promise<DarwinGraphicsCapture> {
  const accelerators = await askSystem('accelerators', signal)
  const memory = await askSystem('memory', signal)
  return { accelerators, memory, numbers: await askSystem('numbers', signal) }
}

/** A device with the name by which its observations go: the class of its driver, counted where it is there twice. */
interface Named {
  readonly device: string
  readonly accelerator: IoAccelerator
}

function interpretGraphics(capture: DarwinGraphicsCapture): Interpretation {
  const gaps = createGapList()
  const text = textOf(capture.accelerators, 'ioreg: IOAccelerator', gaps)
  const { accelerators, isCut } = parseAccelerators(text ?? '')
  if (isCut) gaps.add('GNO_SENSE_LIMIT', 'ioreg: IOAccelerator', 'the answer is longer than the limit')
  if (text !== null && accelerators.length === 0) {
    gaps.add('GNO_SENSE_FAILED', 'ioreg: IOAccelerator', 'this machine registers no graphics accelerator')
  }
  if (accelerators.length === 0) return { observations: [], gaps: gaps.list() }
  const totalBytes = memoryOf(textOf(capture.memory, 'sysctl: hw.memsize', gaps))
  const numbers = parseNumbers(textOf(capture.numbers, 'ps: numbers', gaps) ?? '')
  const starts = new Map(numbers.processes.map(({ pid, startSeconds }) => [pid, String(startSeconds)]))
  const named = nameDevices(accelerators)
  return {
    observations: [
      ...named.map((one) => describeDevice(one, totalBytes, gaps)),
      ...named.flatMap((one) => describeUses(one, starts, gaps)),
    ],
    gaps: gaps.list(),
  }
}

function memoryOf(text: string | null): number | null {
  const digits = text?.trim() ?? ''
  const bytes = /^[0-9]{1,20}$/.test(digits) ? Number(digits) : Number.NaN
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null
}

function nameDevices(accelerators: readonly IoAccelerator[]): readonly Named[] {
  const counts = new Map<string, number>()
  return accelerators.map((accelerator) => {
    const { className } = accelerator
    const count = (counts.get(className) ?? 0) + 1
    counts.set(className, count)
    return { device: count === 1 ? className : `${className}-${count}`, accelerator }
  })
}

/** Apple's own chips and Intel's graphics have no memory of their own; AMD's and NVIDIA's cards do; of others it is not known. */
function isUnified({ className }: IoAccelerator): boolean | null {
  if (/^(?:AGX|Intel)/.test(className)) return true
  return /^(?:AMD|ATI|NV|nv)/.test(className) ? false : null
}

function describeDevice(
  { device, accelerator }: Named,
  systemBytes: number | null,
  gaps: GapList,
): GraphicsObservation {
  const { className, model, statistics } = accelerator
  const unified = isUnified(accelerator)
  const first = (...keys: readonly string[]): number | null =>
    keys.map((key) => statistics.get(key)).find((value) => value !== undefined) ?? null
  const own = first('vramUsedBytes', 'inUseVidMemoryBytes')
  const free = first('vramFreeBytes')
  const usedBytes = first('In use system memory', 'inUseSysMemoryBytes', 'Alloc system memory', 'gartUsedBytes')
  if (statistics.size === 0) gaps.add('GNO_SENSE_FAILED', device, 'its driver tells no statistics')
  const none = { totalBytes: null, usedBytes: null }
  return {
    kind: 'gpu',
    device,
    driver: className.replace(/(?:Accelerator|GraphicsAccelerator).*$/, '').toLowerCase(),
    model: model === null ? null : readablePath(model),
    isUnified: unified,
    dedicated:
      unified === true ? none : { totalBytes: own === null || free === null ? null : own + free, usedBytes: own },
    shared: { totalBytes: unified === true ? systemBytes : null, usedBytes },
    busyPercent: percentOf(first('Device Utilization %', 'GPU Activity(%)')),
  }
}

/** Drivers are known to tell more than 100. */
function percentOf(value: number | null): number | null {
  return value === null ? null : Math.min(100, value)
}

function describeUses(
  { device, accelerator }: Named,
  starts: ReadonlyMap<number, string>,
  gaps: GapList,
): readonly GraphicsUseObservation[] {
  const uses: GraphicsUseObservation[] = []
  for (const [pid, busyNs] of timesOf(accelerator.clients)) {
    const startTicks = starts.get(pid)
    if (startTicks === undefined) {
      gaps.add('GNO_SENSE_VANISHED', 'ioreg: IOAccelerator', 'clients whose process was not listed')
      continue
    }
    const driver = accelerator.className.replace(/(?:Accelerator|GraphicsAccelerator).*$/, '').toLowerCase()
    const unknown = { dedicatedBytes: null, sharedBytes: null, unifiedBytes: null, busyPercent: null }
    uses.push({ kind: 'gpu-use', pid, startTicks, device, driver, source: 'io-registry', ...unknown, busyNs })
  }
  return uses
}

/** One process may have many connections; where none tells a time, nothing is known. */
function timesOf(clients: readonly IoClient[]): ReadonlyMap<number, number | null> {
  const times = new Map<number, number | null>()
  for (const { pid, busyNs } of clients) {
    const before = times.get(pid) ?? null
    times.set(pid, busyNs === null ? before : (before ?? 0) + busyNs)
  }
  return times
}

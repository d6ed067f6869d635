// What the graphics counters of Windows mean: devices, and uses of them by process. As in the task manager, a device or a process
// is as busy as its busiest engine: engines work beside one another, and their sum says nothing.
import type { GraphicsObservation, GraphicsUseObservation } from '../../../contract/observation.ts'
import type { GapList } from '../gap-list.ts'
import { dateIn, numberIn, type Row, type Rows, textIn } from './answer-rows.ts'
import { type CounterPlace, luidOf, parseCounterName } from './counter-names.ts'

const PLACE = 'GPU counters'
/** Devices kept; a server has 16 cards. */
const MAX_DEVICES = 64
/** Processes and devices together that are kept. */
const MAX_USES = 8_192
const MAX_MODEL_CHARS = 255
/** Number of Microsoft at the PCI-SIG: its adapters are programs that draw on the processor. */
const MICROSOFT = 0x1414

/** One adapter. */
export interface WindowsDevice {
  readonly device: string
  /** `mcdm`: the driver model of devices that compute and do not draw (Microsoft Learn: MCDM), such as neural processors. */
  readonly driver: 'wddm' | 'mcdm'
  readonly model: string | null
  readonly dedicatedTotal: number | null
  readonly dedicatedUsed: number | null
  readonly sharedTotal: number | null
  readonly sharedUsed: number | null
  readonly busyPercent: number | null
}

interface Counted {
  readonly place: CounterPlace
  readonly row: Row
}

/** The adapters that counters tell of; those that are programs are left out. */
export function readDevices(rows: Rows, gaps: GapList): ReadonlyMap<string, WindowsDevice> {
  const named = new Map<number, Row>()
  for (const row of rows.of('adapter')) {
    const luid = numberIn(row, 'AdapterLuid')
    if (luid !== null) named.set(luid, row)
  }
  const engines = counted(rows, 'engine', gaps)
  const busy = busyOf(engines, ({ device }) => device)
  const drawing = new Set(engines.filter(({ place }) => !isComputing(place)).map(({ place }) => place.device))
  const devices = new Map<string, WindowsDevice>()
  for (const { place, row } of counted(rows, 'memory', gaps)) {
    const known = named.get(luidOf(place.device))
    if (known !== undefined && numberIn(known, 'VendorId') === MICROSOFT) continue
    if (devices.size >= MAX_DEVICES) {
      gaps.add('GNO_SENSE_LIMIT', PLACE, `adapters beyond the limit of ${MAX_DEVICES}`)
      continue
    }
    const busyPercent = busy.get(place.device) ?? null
    // Without any engine in use nothing is told of what they are.
    const driver = busyPercent === null || drawing.has(place.device) ? 'wddm' : 'mcdm'
    devices.set(place.device, { ...describeDevice(place.device, row, known), driver, busyPercent })
  }
  const nameless = [...devices.values()].filter(({ model }) => model === null).length
  if (nameless > 0) {
    gaps.add(
      'GNO_SENSE_FAILED',
      PLACE,
      'the registry does not name these adapters: model and size are not known',
      nameless,
    )
  }
  return devices
}

function isComputing({ engine }: CounterPlace): boolean {
  return engine === null || engine.type.startsWith('compute')
}

function describeDevice(
  device: string,
  row: Row,
  known: Row | undefined,
): Omit<WindowsDevice, 'driver' | 'busyPercent'> {
  const total = (key: string): number | null => (known === undefined ? null : numberIn(known, key))
  return {
    device,
    model: known === undefined ? null : (textIn(known, 'Description')?.slice(0, MAX_MODEL_CHARS) ?? null),
    dedicatedTotal: total('DedicatedVideoMemory'),
    dedicatedUsed: numberIn(row, 'DedicatedUsage'),
    sharedTotal: total('SharedSystemMemory'),
    sharedUsed: numberIn(row, 'SharedUsage'),
  }
}

/** Rows of one kind whose name was understood. */
function counted(rows: Rows, kind: string, gaps: GapList): readonly Counted[] {
  return rows.of(kind).flatMap((row) => {
    const name = textIn(row, 'Name') ?? ''
    const place = parseCounterName(name)
    if (place === null && name !== '_Total')
      gaps.add('GNO_SENSE_FAILED', PLACE, 'the name of a counter was not understood')
    return place === null ? [] : [{ place, row }]
  })
}

/** How busy the busiest engine is, by a key; the shares of all processes on one engine add up. */
function busyOf(engines: readonly Counted[], keyOf: (place: CounterPlace) => string): ReadonlyMap<string, number> {
  const sums = new Map<string, { readonly key: string; readonly percent: number }>()
  for (const { place, row } of engines) {
    const percent = numberIn(row, 'UtilizationPercentage')
    if (percent === null || place.engine === null) continue
    const key = keyOf(place)
    const engine = `${key} ${place.engine.index}`
    sums.set(engine, { key, percent: (sums.get(engine)?.percent ?? 0) + percent })
  }
  const busiest = new Map<string, number>()
  for (const { key, percent } of sums.values()) {
    // Shares are sampled one after the other and may add up to more.
    busiest.set(key, Math.max(busiest.get(key) ?? 0, Math.min(100, percent)))
  }
  return busiest
}

/** Adapters as observations. */
export function describeDevices(devices: ReadonlyMap<string, WindowsDevice>): readonly GraphicsObservation[] {
  return [...devices.values()].map((each) => ({
    kind: 'gpu',
    device: each.device,
    driver: each.driver,
    model: each.model,
    // Integrated graphics have some dedicated memory too: the size alone does not tell.
    isUnified: null,
    dedicated: { totalBytes: each.dedicatedTotal, usedBytes: each.dedicatedUsed },
    shared: { totalBytes: each.sharedTotal, usedBytes: each.sharedUsed },
    busyPercent: each.busyPercent,
  }))
}

/** What each process uses of each adapter; one that only has it open uses nothing and is left out. */
export function describeUses(
  rows: Rows,
  devices: ReadonlyMap<string, WindowsDevice>,
  askedAtMs: number,
  gaps: GapList,
): readonly GraphicsUseObservation[] {
  const keyOf = ({ pid, device }: CounterPlace): string => `${pid ?? ''} ${device}`
  const engines = counted(rows, 'engine', gaps)
  const busy = busyOf(engines, keyOf)
  const memory = new Map(counted(rows, 'use', gaps).map(({ place, row }) => [keyOf(place), row]))
  const places = new Map([...engines, ...counted(rows, 'use', gaps)].map(({ place }) => [keyOf(place), place]))
  const starts = startsOf(rows, askedAtMs)
  const uses: GraphicsUseObservation[] = []
  for (const [key, { pid, device }] of places) {
    const row = memory.get(key)
    const used = { row, busyPercent: busy.get(key) ?? null, device: devices.get(device) }
    if (pid === null || used.device === undefined || isNothing(used)) continue
    const startedMs = starts.get(pid)
    if (startedMs === undefined) {
      gaps.add('GNO_SENSE_VANISHED', PLACE, 'processes that used an adapter ended, or their start was not told')
    } else if (uses.length >= MAX_USES) gaps.add('GNO_SENSE_LIMIT', PLACE, `uses beyond the limit of ${MAX_USES}`)
    else uses.push(describeUse(pid, startedMs, used.device, used, gaps))
  }
  return uses
}

/** Start times by process number; one that started after the question is not who was counted. */
function startsOf(rows: Rows, askedAtMs: number): ReadonlyMap<number, number> {
  const starts = new Map<number, number>()
  for (const row of rows.of('start')) {
    const pid = numberIn(row, 'ProcessId')
    const startedMs = dateIn(row, 'CreationDate')
    if (pid !== null && startedMs !== null && startedMs <= askedAtMs) starts.set(pid, startedMs)
  }
  return starts
}

interface Used {
  readonly row: Row | undefined
  readonly busyPercent: number | null
}

/** Told, and told to be nothing; a value that was not told is something. */
function isNothing({ row, busyPercent }: Used): boolean {
  if (row === undefined) return (busyPercent ?? 0) === 0
  return numberIn(row, 'DedicatedUsage') === 0 && numberIn(row, 'SharedUsage') === 0 && (busyPercent ?? 0) === 0
}

function describeUse(
  pid: number,
  startedMs: number,
  { device, driver, dedicatedTotal }: WindowsDevice,
  { row, busyPercent }: Used,
  gaps: GapList,
): GraphicsUseObservation {
  const told = row === undefined ? null : numberIn(row, 'DedicatedUsage')
  // Some drivers count memory of a process twice; more than the card has is no size at all.
  const isBelieved = told === null || dedicatedTotal === null || told <= dedicatedTotal
  if (!isBelieved) gaps.add('GNO_SENSE_FAILED', PLACE, 'more memory of a process was told than its card has')
  if (row !== undefined && told === null)
    gaps.add('GNO_SENSE_FAILED', PLACE, 'the memory of these processes was not told')
  return {
    kind: 'gpu-use',
    pid,
    startTicks: String(startedMs),
    device,
    driver,
    source: 'gpu-counters',
    dedicatedBytes: isBelieved ? told : null,
    sharedBytes: row === undefined ? null : numberIn(row, 'SharedUsage'),
    unifiedBytes: null,
    busyNs: null,
    busyPercent,
  }
}

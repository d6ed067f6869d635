// From the texts that drivers write to what each process uses of each device. Pure. Three rules keep the numbers honest:
// descriptors of one client count once; a client that several processes share (a compositor and the login service that opened
// its device) belongs to the youngest of them, the others keep what is theirs alone; what is not told stays null.
import type {
  GraphicsObservation,
  GraphicsUseObservation,
  HeldAccelerator,
  Interpretation,
} from '../../../contract/observation.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { acceleratorKind } from './accelerator-nodes.ts'
import { type DrmClient, type EngineCount, parseDrmClient } from './drm-text.ts'
import { parseJetsonClients, type RawCard, type RawComputeNode, type RawJetson } from './graphics-files.ts'

/** A process that holds devices, and what was read of them. */
export interface RawHolder {
  readonly pid: number
  readonly startTicks: string
  readonly nodes: readonly string[]
  /** fdinfo texts. */
  readonly clients: readonly string[]
  readonly isDenied: boolean
  readonly isCut: boolean
  /** Names and texts of /sys/class/kfd/kfd/proc/PID. */
  readonly computeMemory: readonly (readonly [string, string])[]
}

/** One look, and what the look before saw of the processes. */
export interface GraphicsCapture {
  readonly atMs: number
  readonly holders: readonly RawHolder[]
  readonly cards: readonly RawCard[]
  readonly computeNodes: readonly RawComputeNode[]
  readonly jetson: RawJetson
  readonly earlier: { readonly atMs: number; readonly holders: readonly RawHolder[] } | null
}

/** Interprets a look at graphics. */
export function interpretGraphics(capture: GraphicsCapture): Interpretation {
  const gaps = createGapList()
  const before = new Map(
    ownClients(capture.earlier?.holders ?? []).map(({ holder, devices }) => [keyOf(holder), devices] as const),
  )
  const elapsedNs = capture.earlier === null ? 0 : (capture.atMs - capture.earlier.atMs) * 1e6
  const uses = ownClients(capture.holders).flatMap(({ holder, devices }) => {
    const earlier = before.get(keyOf(holder))
    const drm = [...devices].map(([device, use]) => describeUse(holder, device, use, earlier?.get(device), elapsedNs))
    return withComputeMemory(drm, holder, capture.computeNodes)
  })
  noteGaps(gaps, capture)
  const observations = [...capture.cards.flatMap(describeCard), ...uses, ...byDescriptor(capture, uses)]
  return { observations, gaps: gaps.list() }
}

/** What the clients of one process say of one device, added up. */
interface DeviceUse {
  readonly driver: string
  readonly dedicatedBytes: number | null
  readonly systemBytes: number | null
  readonly engines: ReadonlyMap<string, EngineCount>
}

interface OwnClients {
  readonly holder: RawHolder
  readonly devices: ReadonlyMap<string, DeviceUse>
}

function keyOf({ pid, startTicks }: RawHolder): string {
  return `${pid} ${startTicks}`
}

function ownClients(holders: readonly RawHolder[]): readonly OwnClients[] {
  const taken = new Set<string>()
  const youngestFirst = [...holders].sort((left, right) => Number(right.startTicks) - Number(left.startTicks))
  return youngestFirst.map((holder) => {
    const devices = new Map<string, DeviceUse>()
    for (const text of holder.clients) addClient(devices, taken, parseDrmClient(text))
    return { holder, devices }
  })
}

function addClient(devices: Map<string, DeviceUse>, taken: Set<string>, client: DrmClient | null): void {
  if (client === null) return
  const device = client.pciAddress ?? client.driver
  const key = `${device} ${client.clientId}`
  if (client.clientId !== null && taken.has(key)) return
  taken.add(key)
  const known = devices.get(device)
  devices.set(device, {
    driver: client.driver,
    dedicatedBytes: addKnown(known?.dedicatedBytes ?? null, client.dedicatedBytes),
    systemBytes: addKnown(known?.systemBytes ?? null, client.systemBytes),
    engines: addEngines(known?.engines ?? new Map(), client.engines),
  })
}

function addKnown(left: number | null, right: number | null): number | null {
  return left === null || right === null ? (left ?? right) : left + right
}

function addEngines(
  left: ReadonlyMap<string, EngineCount>,
  right: ReadonlyMap<string, EngineCount>,
): ReadonlyMap<string, EngineCount> {
  const sums = new Map(left)
  for (const [name, count] of right) {
    const known = sums.get(name)
    // The total is the clock of the engine: the same for all, not a share of each.
    const total = count.total === null ? null : Math.max(count.total, known?.total ?? 0)
    sums.set(name, { ...count, total, busy: count.busy + (known?.busy ?? 0) })
  }
  return sums
}

function describeUse(
  { pid, startTicks }: RawHolder,
  device: string,
  use: DeviceUse,
  earlier: DeviceUse | undefined,
  elapsedNs: number,
): GraphicsUseObservation {
  const times = [...use.engines.values()].filter(({ total }) => total === null)
  // A driver that names no region of its own has no memory of its own.
  const isUnified = use.dedicatedBytes === null
  return {
    kind: 'gpu-use',
    pid,
    startTicks,
    device,
    driver: use.driver,
    source: 'drm-fdinfo',
    dedicatedBytes: use.dedicatedBytes,
    sharedBytes: isUnified ? null : use.systemBytes,
    unifiedBytes: isUnified ? use.systemBytes : null,
    busyNs: times.length === 0 ? null : times.reduce((sum, { busy }) => sum + busy, 0),
    busyPercent: earlier === undefined ? null : busiest(earlier.engines, use.engines, elapsedNs),
  }
}

/** The busiest engine's share of the time since the last look; null when no engine could be compared. */
function busiest(
  earlier: ReadonlyMap<string, EngineCount>,
  now: ReadonlyMap<string, EngineCount>,
  elapsedNs: number,
): number | null {
  const shares: number[] = []
  for (const [name, count] of now) {
    const before = earlier.get(name)
    const elapsed = count.total === null ? elapsedNs : count.total - (before?.total ?? count.total)
    if (before !== undefined && elapsed > 0) shares.push((count.busy - before.busy) / (elapsed * count.capacity))
  }
  // A count may fall behind for a while (the documentation allows it); that is no negative work.
  return shares.length === 0 ? null : Math.round(Math.min(1, Math.max(0, ...shares)) * 1000) / 10
}

/** Memory that ROCm took without a graphics descriptor of its own; where both tell, they tell of the same memory. */
function withComputeMemory(
  uses: readonly GraphicsUseObservation[],
  holder: RawHolder,
  nodes: readonly RawComputeNode[],
): readonly GraphicsUseObservation[] {
  const addresses = new Map(nodes.map((node) => [node.id, addressOf(node.properties)]))
  const merged = new Map(uses.map((use) => [use.device, use]))
  for (const [name, text] of holder.computeMemory) {
    const bytes = /^[0-9]{1,15}$/.test(text) ? Number(text) : null
    const device = addresses.get(name.slice('vram_'.length)) ?? null
    if (bytes === null || device === null) continue
    const known = merged.get(device)
    const empty = { sharedBytes: null, unifiedBytes: null, busyNs: null, busyPercent: null }
    const { pid, startTicks } = holder
    merged.set(device, {
      ...(known ?? { kind: 'gpu-use', pid, startTicks, device, driver: 'amdgpu', source: 'amdkfd', ...empty }),
      dedicatedBytes: Math.max(bytes, known?.dedicatedBytes ?? 0),
    })
  }
  return [...merged.values()]
}

/** `location_id` is bus, device and function as PCI counts them; `domain` stands beside it. */
function addressOf(properties: string): string | null {
  const value = (key: string): number => Number(new RegExp(`^${key} ([0-9]{1,10})$`, 'm').exec(properties)?.[1] ?? 0)
  const location = value('location_id')
  const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0')
  if (location === 0) return null
  const [bus, slot, part] = [(location >> 8) & 0xff, (location >> 3) & 0x1f, location & 7]
  return `${hex(value('domain'), 4)}:${hex(bus, 2)}:${hex(slot, 2)}.${part}`
}

/** Processes that hold a device of which no file tells how much they use. */
function byDescriptor(
  { holders, jetson: { table } }: GraphicsCapture,
  told: readonly GraphicsUseObservation[],
): readonly GraphicsUseObservation[] {
  const jetson = parseJetsonClients(table ?? '')
  const silent: ReadonlySet<HeldAccelerator['kind'] | null> = new Set(['nvidia', 'neural', 'amd-compute'])
  return holders.flatMap(({ pid, startTicks, nodes }) => {
    const drivers = new Set(nodes.filter((node) => silent.has(acceleratorKind(node))).map(driverOf))
    if (told.some((use) => use.pid === pid && use.driver === 'amdgpu')) drivers.delete('amdkfd')
    return [...drivers].map((driver): GraphicsUseObservation => {
      const unifiedBytes = driver === 'nvidia' ? (jetson.get(pid) ?? null) : null
      const source = unifiedBytes === null ? 'descriptor' : 'nvmap'
      const empty = { dedicatedBytes: null, sharedBytes: null, busyNs: null, busyPercent: null }
      return { kind: 'gpu-use', pid, startTicks, device: null, driver, source, ...empty, unifiedBytes }
    })
  })
}

function driverOf(node: string): string {
  const kind = acceleratorKind(node)
  if (kind === 'nvidia') return 'nvidia'
  return kind === 'amd-compute' ? 'amdkfd' : node.slice('/dev/'.length).replace(/_?[0-9]+$/, '')
}

/** Cards whose driver is NVIDIA's are told by its own sensor. */
function describeCard(card: RawCard): readonly GraphicsObservation[] {
  const driver = /^DRIVER=([A-Za-z0-9_-]{1,64})$/m.exec(card.uevent)?.[1]
  if (driver === undefined || driver === 'nvidia') return []
  const address = /^PCI_SLOT_NAME=([0-9a-fA-F:.]{7,16})$/m.exec(card.uevent)?.[1]?.toLowerCase() ?? null
  const tiles = card.tileBytes.map(wholeNumber).filter((bytes) => bytes !== null)
  const tileTotal = tiles.length === 0 ? null : tiles.reduce((sum, bytes) => sum + bytes, 0)
  const totalBytes = wholeNumber(card.vramTotal) ?? tileTotal
  const busyPercent = wholeNumber(card.busyPercent)
  return [
    {
      kind: 'gpu',
      device: address ?? driver,
      driver,
      model: null,
      isUnified: isUnified(driver, address, totalBytes),
      dedicated: { totalBytes, usedBytes: wholeNumber(card.vramUsed) },
      shared: { totalBytes: wholeNumber(card.gttTotal), usedBytes: wholeNumber(card.gttUsed) },
      busyPercent: busyPercent !== null && busyPercent <= 100 ? busyPercent : null,
    },
  ]
}

/** amdgpu sets a part of the system's memory aside and calls it VRAM on processors with graphics: that cannot be told apart. */
function isUnified(driver: string, address: string | null, totalBytes: number | null): boolean | null {
  if (address === null) return true
  // Intel's graphics inside a processor sit at this place since 2004.
  if (driver === 'i915' || driver === 'xe') return address === '0000:00:02.0'
  return totalBytes === null || driver === 'amdgpu' ? null : false
}

function wholeNumber(text: string | null): number | null {
  const number = text !== null && /^[0-9]{1,16}$/.test(text) ? Number(text) : null
  return number !== null && Number.isSafeInteger(number) ? number : null
}

function noteGaps(gaps: GapList, { holders, jetson }: GraphicsCapture): void {
  for (const { isDenied, isCut } of holders) {
    if (isDenied)
      gaps.add('GNO_SENSE_DENIED', '/proc/*/fdinfo', 'how much of a graphics card these processes use was refused')
    if (isCut)
      gaps.add('GNO_SENSE_LIMIT', '/proc/*/fdinfo', 'more descriptors of graphics cards than the limit of one process')
  }
  if (jetson.isDenied) {
    gaps.add(
      'GNO_SENSE_DENIED',
      '/sys/kernel/debug/nvmap',
      'only root sees which processes use the memory of the graphics',
    )
  }
}

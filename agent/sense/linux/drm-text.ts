// What a driver says of one open graphics device: /proc/PID/fdinfo/N as Documentation/gpu/drm-usage-stats.rst of the kernel
// (6.15) and the pages of the drivers describe it. One `key: value` a line,
//   drm-driver: amdgpu            drm-pdev: 0000:03:00.0            drm-client-id: 30
//   drm-resident-REGION, drm-memory-REGION (older amdgpu), drm-total-REGION: 544428 KiB (no unit: bytes)
//   drm-engine-NAME: 39456116802 ns                                 drm-engine-capacity-NAME: 2
//   drm-cycles-NAME and drm-total-cycles-NAME (xe, which tells no time)
// Regions by driver: amdgpu vram, gtt, cpu; i915 local0, system0; xe vram0, gtt, system; systems on a chip memory.

/** One engine: time or cycles of work since the device was opened. */
export interface EngineCount {
  readonly busy: number
  /** Of how much; null where busy is in nanoseconds and the clock on the wall tells. */
  readonly total: number | null
  /** Identical engines behind one count. */
  readonly capacity: number
}

/** One open graphics device of one process. */
export interface DrmClient {
  readonly driver: string
  /** PCI address in lower case; null for a part of the chip. */
  readonly pciAddress: string | null
  /** Two descriptors with the same one share everything: they count once. Null in older kernels. */
  readonly clientId: string | null
  /** Memory of the card; null when this driver names no such region. */
  readonly dedicatedBytes: number | null
  /** Memory of the system. */
  readonly systemBytes: number | null
  readonly engines: ReadonlyMap<string, EngineCount>
}

/** Lines of one text; the longest that a driver writes today has 50. */
const MAX_LINES = 256

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

/** Reads one fdinfo; null when it is none of a graphics device. */
export function parseDrmClient(text: string): DrmClient | null {
  const lines = new Map<string, string>()
  for (const line of text.split('\n', MAX_LINES)) {
    const colon = line.indexOf(':')
    if (line.startsWith('drm-') && colon > 0) lines.set(line.slice(4, colon), line.slice(colon + 1).trim())
  }
  const driver = lines.get('driver')
  if (driver === undefined || !/^[A-Za-z0-9_-]{1,64}$/.test(driver)) return null
  const regions = regionsOf(lines)
  return {
    driver,
    pciAddress:
      /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/.exec((lines.get('pdev') ?? '').toLowerCase())?.[0] ?? null,
    clientId: /^[0-9]{1,20}$/.exec(lines.get('client-id') ?? '')?.[0] ?? null,
    dedicatedBytes: sumRegions(regions, (name) => isDedicated(name, driver)),
    systemBytes: sumRegions(regions, (name) => isSystem(name, driver)),
    engines: enginesOf(lines),
  }
}

/** What is resident counts; where a driver does not tell it, what is used, and at last what was asked for. */
function regionsOf(lines: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const regions = new Map<string, number>()
  for (const kind of ['total-', 'memory-', 'resident-']) {
    const told = [...lines].filter(([key]) => key.startsWith(kind) && !key.startsWith('total-cycles-'))
    for (const [key, value] of told) keepBytes(regions, key.slice(kind.length), bytesOf(value))
  }
  return regions
}

function keepBytes(regions: Map<string, number>, name: string, bytes: number | null): void {
  if (bytes !== null) regions.set(name, bytes)
}

function bytesOf(value: string): number | null {
  const match = /^([0-9]{1,15})(?: (KiB|MiB|GiB))?$/.exec(value)
  if (match === null) return null
  const bytes = Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1)
  return Number.isSafeInteger(bytes) ? bytes : null
}

function sumRegions(regions: ReadonlyMap<string, number>, isWanted: (name: string) => boolean): number | null {
  const wanted = [...regions].filter(([name]) => isWanted(name))
  return wanted.length === 0 ? null : wanted.reduce((sum, [, bytes]) => sum + bytes, 0)
}

/** nouveau tells one region for all its objects; it drives cards, whose objects lie in their own memory as a rule. */
function isDedicated(region: string, driver: string): boolean {
  return /^(?:vram|local)[0-9]{0,2}$/.test(region) || (region === 'memory' && driver === 'nouveau')
}

/** Memory that the firmware set aside (`stolen`) holds no models. */
function isSystem(region: string, driver: string): boolean {
  return /^(?:gtt|cpu|system[0-9]{0,2})$/.test(region) || (region === 'memory' && driver !== 'nouveau')
}

function enginesOf(lines: ReadonlyMap<string, string>): ReadonlyMap<string, EngineCount> {
  const engines = new Map<string, EngineCount>()
  for (const [key, value] of lines) {
    const [, kind, name = ''] = /^(engine|cycles)-(?!capacity-)(.{1,64})$/.exec(key) ?? []
    const busy = wholeNumber(kind === 'engine' ? / ns$/.exec(value) && value.slice(0, -3) : value)
    if (kind === undefined || busy === null) continue
    const total = kind === 'engine' ? null : wholeNumber(lines.get(`total-cycles-${name}`) ?? null)
    // Cycles beside a time tell nothing more; without a total they cannot be compared with anything.
    if (kind === 'cycles' && (total === null || engines.has(name))) continue
    const capacity = Math.max(1, wholeNumber(lines.get(`engine-capacity-${name}`) ?? null) ?? 1)
    engines.set(name, { busy, total, capacity })
  }
  return engines
}

function wholeNumber(text: string | null): number | null {
  const number = text !== null && /^[0-9]{1,20}$/.test(text) ? Number(text) : null
  return number !== null && Number.isSafeInteger(number) ? number : null
}

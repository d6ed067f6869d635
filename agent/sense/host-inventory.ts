// Sensor: what machine this is (system, processor, memory, graphics), asked with whole sweeps only, never in the scan
// loop: systeminformation starts programs (notes/feasibility.md section 3). So it is asked only what Node and a file cannot
// tell: not its osInfo(), which starts `hostname -f` (a DNS query on some machines), dmesg and readers of the machine's ids.
import { arch, cpus, hostname, release, totalmem, type as systemType, version } from 'node:os'
import { cpu, graphics, mem } from 'systeminformation'
import type { HostObservation, Interpretation, Platform, SenseContext, Sensor } from '../../contract/observation.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { createGapList } from './gap-list.ts'
import { parseOsRelease } from './linux/os-release.ts'
import { readText } from './linux/proc-read.ts'
import { errorCode } from './linux/system-failure.ts'

/** One look may take so long: nvidia-smi needs seconds on a sleeping GPU, system_profiler about one. */
const LOOK_TIMEOUT_MS = 10_000
/** Graphics adapters kept; the wire schema takes 32. */
const MAX_ADAPTERS = 32
/** os-release(5): the administrator's file first, then the vendor's. */
const RELEASE_PLACES = ['/etc/os-release', '/usr/lib/os-release']
/** Real ones have 200 to 800 bytes. */
const MAX_RELEASE_BYTES = 64 * 1024
/** What libuv says where the kernel names no processor (arm64). */
const UNNAMED = 'unknown'

/** What one look gave, or why it gave nothing. */
type HostLook<T> = { readonly value: T } | { readonly trouble: string }

/** Raw answers; everything in them is text of drivers and firmware, so nothing is believed to be well-formed. */
export interface HostCapture {
  readonly platform: string
  /** From Node itself: what needs no program. */
  readonly basics: {
    readonly hostName: string
    readonly systemName: string
    readonly kernel: string
    readonly architecture: string
    readonly processor: string
    readonly cores: number
    readonly memoryBytes: number
  }
  /** The text of os-release on Linux; elsewhere null, since Node tells all that is needed. */
  readonly release: HostLook<string> | null
  /** Asked only where Node could not name the processor. */
  readonly processor: HostLook<{ readonly manufacturer?: unknown; readonly brand?: unknown }> | null
  readonly memory: HostLook<{ readonly total?: unknown; readonly swaptotal?: unknown }>
  readonly graphics: HostLook<
    readonly { readonly vendor?: unknown; readonly model?: unknown; readonly vram?: unknown }[]
  >
}

export const hostInventory: Sensor<HostCapture> = {
  id: 'host-inventory',
  platform: 'any',
  touches: [
    'any system, by Node itself: host name, kernel release, processors, size of memory (Linux: uname(2), /proc/cpuinfo, /proc/stat, /proc/meminfo, /sys/devices/system/cpu/*/cpufreq)',
    'Linux, files: /etc/os-release or /usr/lib/os-release; by systeminformation: /proc/meminfo, /proc/cpuinfo',
    'Linux, programs for graphics: lspci -vvv, dmidecode -t 9, nvidia-smi, clinfo --raw, xdpyinfo, xrandr --verbose, with grep and awk; they read the PCI devices, the firmware tables, the graphics drivers, and the X server that DISPLAY names',
    'Linux, programs on a Raspberry Pi only: fbset, vcgencmd, tvservice, grep',
    'Linux, programs only where the kernel does not name the processor (arm64): lscpu, cat, dmidecode -t 4, grep, cut',
    'macOS, programs: sysctl, vm_stat, egrep, system_profiler SPDisplaysDataType, defaults (com.apple.windowserver)',
    'Windows, programs: powershell.exe (classes Win32_PageFileUsage, Win32_VideoController, Win32_DesktopMonitor, WmiMonitorBasicDisplayParams, WmiMonitorConnectionParams, WmiMonitorID; registry class {4d36e968-e325-11ce-bfc1-08002be10318}; Windows.Forms.Screen), nvidia-smi.exe',
    'how: systeminformation starts these programs through a shell (/bin/sh), found by PATH; nvidia-smi by PATH without a shell; powershell.exe by its absolute path where it stands there; one that is not installed is tried in vain; whole sweeps only, waited for 10 s at most',
  ],
  collects: [
    'host name, name and version of the operating system, kernel version, processor model and core count',
    'size of memory and swap, vendor, model and memory of graphics adapters',
    'nothing else: what the programs tell beyond it (serial numbers, displays) is dropped at once',
  ],
  collect: collectHost,
  interpret: interpretHost,
}

async function collectHost(context: SenseContext): Promise<HostCapture> {
  const basics = readBasics()
  const isNamed = basics.processor !== '' && basics.processor !== UNNAMED
  const [processor, memory, adapters] = await Promise.all([
    isNamed ? null : look(askProcessor, context.signal),
    look(askMemory, context.signal),
    look(askGraphics, context.signal),
  ])
  const systemRelease = process.platform === 'linux' ? readRelease() : null
  return { platform: process.platform, basics, release: systemRelease, processor, memory, graphics: adapters }
}

function readBasics(): HostCapture['basics'] {
  const processors = cpus()
  return {
    hostName: hostname(),
    // Windows calls itself Windows_NT and tells its product name as the version.
    systemName: process.platform === 'win32' ? version() : systemType(),
    kernel: release(),
    architecture: arch(),
    processor: processors[0]?.model ?? '',
    cores: processors.length,
    memoryBytes: totalmem(),
  }
}

function readRelease(): HostLook<string> {
  for (const place of RELEASE_PLACES) {
    const text = readText(place, MAX_RELEASE_BYTES)
    if (text.kind === 'seen') return { value: Buffer.from(text.value, 'latin1').toString('utf8') }
  }
  return { trouble: `neither ${RELEASE_PLACES.join(' nor ')} can be read` }
}

// The library answers with far more, serial numbers among it; what is not needed is dropped before it is kept anywhere.

async function askProcessor() {
  const { manufacturer, brand } = await cpu()
  return { manufacturer, brand }
}

async function askMemory() {
  const { total, swaptotal } = await mem()
  return { total, swaptotal }
}

async function askGraphics() {
  const { controllers } = await graphics()
  return controllers.map(({ vendor, model, vram }) => ({ vendor, model, vram }))
}

/** Asks with a time limit; the library may hang with a hanging driver, and then the machine is described without it. */
async function look<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<HostLook<T>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)])
  if (limit.aborted) return { trouble: 'stopped before it was asked' }
  const stopped = new Promise<HostLook<T>>((resolve) => {
    const detail = `no answer within ${LOOK_TIMEOUT_MS} ms, or asked to stop`
    limit.addEventListener('abort', () => resolve({ trouble: detail }), { once: true })
  })
  const answered = ask().then(
    (value): HostLook<T> => ({ value }),
    (error: unknown): HostLook<T> => ({ trouble: errorCode(error) }),
  )
  return await Promise.race([answered, stopped])
}

function interpretHost(capture: HostCapture): Interpretation {
  const gaps = createGapList()
  for (const part of ['release', 'processor', 'memory', 'graphics'] as const) {
    const answer = capture[part]
    if (answer !== null && 'trouble' in answer) {
      gaps.add('GNO_SENSE_FAILED', `host inventory: ${part}`, answer.trouble)
    }
  }
  const { basics } = capture
  const processor = valueOf(capture.processor) ?? {}
  const memory = valueOf(capture.memory) ?? {}
  const model = `${text(processor.manufacturer)} ${text(processor.brand)}`.trim()
  const observation: HostObservation = {
    kind: 'host',
    hostName: text(basics.hostName) || 'unnamed',
    operatingSystem: describeSystem(capture),
    processor: { model: model || text(basics.processor), cores: whole(basics.cores) },
    memory: { totalBytes: whole(memory.total) || whole(basics.memoryBytes), swapBytes: whole(memory.swaptotal) },
    graphics: describeAdapters(valueOf(capture.graphics) ?? []),
  }
  return { observations: [observation], gaps: gaps.list() }
}

/** macOS and Windows number their releases as the kernel is numbered; a distribution of Linux has a version of its own. */
function describeSystem({ platform, basics, release: systemRelease }: HostCapture): HostObservation['operatingSystem'] {
  const told = systemRelease === null ? null : parseOsRelease(valueOf(systemRelease) ?? '')
  return {
    platform: platformOf(platform),
    name: text(told?.name) || text(basics.systemName),
    version: told === null ? text(basics.kernel) : text(told.version),
    kernel: text(basics.kernel),
    architecture: text(basics.architecture),
  }
}

function valueOf<T>(answer: HostLook<T> | null): T | null {
  return answer !== null && 'value' in answer ? answer.value : null
}

function describeAdapters(
  adapters: readonly { readonly vendor?: unknown; readonly model?: unknown; readonly vram?: unknown }[],
) {
  return adapters.slice(0, MAX_ADAPTERS).map((adapter) => ({
    vendor: text(adapter.vendor),
    model: text(adapter.model),
    // The library speaks in MiB, and gives null or 0 where the driver does not tell.
    memoryBytes: whole(adapter.vram) === 0 ? null : whole(adapter.vram) * 1024 * 1024,
  }))
}

function platformOf(name: string): Platform {
  return name === 'darwin' || name === 'win32' ? name : 'linux'
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, MAX_NAME_CHARS) : ''
}

function whole(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.min(Math.round(value), 2 ** 50) : 0
}

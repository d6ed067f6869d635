// Sensor: what machine this is (system, processor, memory, graphics), asked once at start by systeminformation. Never in
// the scan loop: it starts programs (lscpu, lspci, nvidia-smi; notes/feasibility.md section 3).
import { arch, cpus, hostname, release, totalmem, type as systemType } from 'node:os'
import { cpu, graphics, mem, osInfo } from 'systeminformation'
import type { HostObservation, Interpretation, Platform, SenseContext, Sensor } from '../../contract/observation.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { createGapList } from './gap-list.ts'
import { errorCode } from './linux/system-failure.ts'

/** One look may take so long: nvidia-smi needs seconds on a sleeping GPU, system_profiler about one. */
const LOOK_TIMEOUT_MS = 10_000
/** Graphics adapters kept; the wire schema takes 32. */
const MAX_ADAPTERS = 32

/** What one look gave, or why it gave nothing. */
type HostLook<T> = { readonly value: T } | { readonly trouble: string }

/** Raw answers; everything in them is text of drivers and firmware, so nothing is believed to be well-formed. */
export interface HostCapture {
  readonly platform: string
  /** From Node itself: the fallback, and what needs no program. */
  readonly basics: {
    readonly hostName: string
    readonly systemType: string
    readonly kernel: string
    readonly architecture: string
    readonly processor: string
    readonly cores: number
    readonly memoryBytes: number
  }
  readonly system: HostLook<{ readonly distro?: unknown; readonly release?: unknown }>
  readonly processor: HostLook<{ readonly manufacturer?: unknown; readonly brand?: unknown; readonly cores?: unknown }>
  readonly memory: HostLook<{ readonly total?: unknown; readonly swaptotal?: unknown }>
  readonly graphics: HostLook<
    readonly { readonly vendor?: unknown; readonly model?: unknown; readonly vram?: unknown }[]
  >
}

export const hostInventory: Sensor<HostCapture> = {
  id: 'host-inventory',
  platform: 'any',
  touches: [
    'Linux: /etc/os-release, /proc/cpuinfo, /proc/meminfo, /sys/class/dmi; programs lscpu, dmidecode, lspci, nvidia-smi, clinfo, xrandr, xdpyinfo',
    'macOS: programs sw_vers, sysctl, vm_stat, system_profiler, ioreg',
    'Windows: WMI classes Win32_OperatingSystem, Win32_Processor, Win32_VideoController and others through PowerShell; nvidia-smi',
  ],
  collects: [
    'host name, operating system and kernel version, processor model and core count',
    'size of memory and swap, vendor, model and memory of graphics adapters',
  ],
  collect: collectHost,
  interpret: interpretHost,
}

async function collectHost(context: SenseContext): Promise<HostCapture> {
  const [system, processor, memory, adapters] = await Promise.all([
    look(askSystem, context.signal),
    look(askProcessor, context.signal),
    look(askMemory, context.signal),
    look(askGraphics, context.signal),
  ])
  const processors = cpus()
  return {
    platform: process.platform,
    basics: {
      hostName: hostname(),
      systemType: systemType(),
      kernel: release(),
      architecture: arch(),
      processor: processors[0]?.model ?? '',
      cores: processors.length,
      memoryBytes: totalmem(),
    },
    system,
    processor,
    memory,
    graphics: adapters,
  }
}

// The library answers with far more, serial numbers among it; what is not needed is dropped before it is kept anywhere.

async function askSystem() {
  const { distro, release: version } = await osInfo()
  return { distro, release: version }
}

async function askProcessor() {
  const { manufacturer, brand, cores } = await cpu()
  return { manufacturer, brand, cores }
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
  for (const part of ['system', 'processor', 'memory', 'graphics'] as const) {
    const answer = capture[part]
    if ('trouble' in answer) gaps.add('GNO_SENSE_FAILED', `host inventory: ${part}`, answer.trouble)
  }
  const { basics } = capture
  const system = 'value' in capture.system ? capture.system.value : {}
  const processor = 'value' in capture.processor ? capture.processor.value : {}
  const memory = 'value' in capture.memory ? capture.memory.value : {}
  const model = `${text(processor.manufacturer)} ${text(processor.brand)}`.trim()
  const observation: HostObservation = {
    kind: 'host',
    hostName: text(basics.hostName) || 'unnamed',
    operatingSystem: {
      platform: platformOf(capture.platform),
      name: text(system.distro) || text(basics.systemType),
      version: text(system.release),
      kernel: text(basics.kernel),
      architecture: text(basics.architecture),
    },
    processor: { model: model || text(basics.processor), cores: whole(processor.cores) || whole(basics.cores) },
    memory: { totalBytes: whole(memory.total) || whole(basics.memoryBytes), swapBytes: whole(memory.swaptotal) },
    graphics: 'value' in capture.graphics ? describeAdapters(capture.graphics.value) : [],
  }
  return { observations: [observation], gaps: gaps.list() }
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

// Sensor: graphics cards and neural processors, and which processes use how much of them, from files alone: no program is
// started, so it is part of every scan. Only processes that hold a device of such a card are asked (the scan of processes saw
// their descriptors). What only a vendor's program tells is nvidia.ts's business; a process that holds such a device is told
// here all the same, with nothing known of how much it uses. How busy an engine was is worked out between two looks.
import { closeSync, constants, openSync } from 'node:fs'
import type { SenseContext, Sensor } from '../../../contract/observation.ts'
import { groupAccelerators } from './accelerator-nodes.ts'
import { readCards, readComputeMemory, readComputeNodes, readJetson } from './graphics-files.ts'
import { type GraphicsCapture, interpretGraphics, type RawHolder } from './graphics-use.ts'
import { O_PATH } from './held-folder.ts'
import { readText } from './proc-read.ts'
import type { RawProcess } from './proc-record.ts'
import { type ProcTable, procTable } from './proc-table.ts'
import { parseStat } from './proc-text.ts'

/** Descriptors of one process that are asked; the graphics process of a browser has about 20. */
const MAX_CLIENTS = 64
/** What a driver writes of one descriptor: 2 KiB today. */
const MAX_FDINFO_BYTES = 64 * 1024

/** Makes the sensor; `root` is where `proc` and `sys` lie: a test brings its own. It remembers its last look. */
export function createLinuxGraphics(table: ProcTable, root = ''): Sensor<GraphicsCapture> {
  let earlier: GraphicsCapture['earlier'] = null

  async function collect(context: SenseContext): Promise<GraphicsCapture> {
    const { processes } = await table.look(context)
    const holders = processes.filter(({ devices }) => devices.length > 0).flatMap((raw) => readHolder(raw, root))
    const atMs = context.now().getTime()
    const before = earlier
    earlier = { atMs, holders }
    const holds = (start: string): boolean => holders.some(({ nodes }) => nodes.some((node) => node.startsWith(start)))
    return {
      atMs,
      holders,
      cards: readCards(root),
      computeNodes: holds('/dev/kfd') ? readComputeNodes(root) : [],
      jetson: holds('/dev/nvmap') ? readJetson(root) : { table: null, isDenied: false },
      earlier: before,
    }
  }

  return {
    id: 'linux-graphics',
    platform: 'linux',
    touches: TOUCHES,
    collects: COLLECTS,
    collect,
    interpret: interpretGraphics,
  }
}

const TOUCHES = [
  '/proc/*/stat and /proc/*/fdinfo/* (of descriptors of graphics cards and accelerators alone)',
  '/sys/class/drm/card*/device: uevent, power/runtime_status, mem_info_vram_total, mem_info_vram_used, mem_info_gtt_total, mem_info_gtt_used, gpu_busy_percent, tile*/physical_vram_size_bytes',
  '/sys/class/kfd/kfd: proc/*/vram_*, topology/nodes/*/gpu_id, properties (where a process uses ROCm)',
  '/sys/kernel/debug/nvmap/iovmm/clients (where a process uses the graphics of a Jetson)',
]
const COLLECTS = [
  'graphics cards and accelerators: driver, address, size and use of their memory, how busy they are',
  'of processes that hold one open: how much memory they use on it and how long it worked for them; nothing of what they draw or compute',
]

/** The sensor of this program. */
export const linuxGraphics: Sensor<GraphicsCapture> = createLinuxGraphics(procTable)

/** Asks what one process has open; nothing when it ended, or its number belongs to another one by now. */
function readHolder(raw: RawProcess, root: string): readonly RawHolder[] {
  const fields = parseStat(raw.stat)
  if (fields === null) return []
  const { pid, startTicks } = fields
  const held = holdProcess(`${root}/proc/${pid}`)
  if (held === null) return []
  try {
    const folder = `/proc/self/fd/${held}`
    const stat = readText(`${folder}/stat`)
    if (stat.kind !== 'seen' || parseStat(stat.value)?.startTicks !== startTicks) return []
    const groups = groupAccelerators(raw.devices)
    const numbers = groups.filter(({ kind }) => kind === 'drm').flatMap(({ fdNumbers }) => fdNumbers)
    const texts = numbers.slice(0, MAX_CLIENTS).map((fd) => readText(`${folder}/fdinfo/${fd}`, MAX_FDINFO_BYTES))
    return [
      {
        pid,
        startTicks,
        nodes: groups.map(({ node }) => node),
        clients: texts.flatMap((text) => (text.kind === 'seen' ? [text.value] : [])),
        isDenied: texts.some(({ kind }) => kind === 'denied'),
        isCut: numbers.length > MAX_CLIENTS,
        computeMemory: groups.some(({ kind }) => kind === 'amd-compute') ? readComputeMemory(root, pid) : [],
      },
    ]
  } finally {
    closeSync(held)
  }
}

function holdProcess(place: string): number | null {
  try {
    return openSync(place, O_PATH | constants.O_DIRECTORY)
  } catch {
    // It ended between the two looks.
    return null
  }
}

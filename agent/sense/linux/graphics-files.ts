// What Linux says of graphics cards in files, beside the fdinfo of processes:
//   /sys/class/drm/cardN/device/{uevent,mem_info_*,gpu_busy_percent,power/runtime_status}   amdgpu, Documentation/gpu/amdgpu/driver-misc.rst
//   /sys/class/drm/cardN/device/tileN/physical_vram_size_bytes         xe
//   /sys/class/kfd/kfd/proc/PID/vram_GPUID, …/topology/nodes/N/        amdkfd, memory of ROCm processes
//   /sys/kernel/debug/nvmap/iovmm/clients                              Jetson, who uses the memory of the system
import { readdirSync } from 'node:fs'
import { readText } from './proc-read.ts'

/** More cards than any board carries; 8 are usual in servers. */
const MAX_CARDS = 64
/** Numbers, names and a table of processes. */
const MAX_FILE_BYTES = 256 * 1024
const MAX_TILES = 8

/** The files of one card; null for one that its driver does not have. */
export interface RawCard {
  readonly uevent: string
  readonly vramTotal: string | null
  readonly vramUsed: string | null
  readonly gttTotal: string | null
  readonly gttUsed: string | null
  readonly busyPercent: string | null
  /** Of each tile. */
  readonly tileBytes: readonly string[]
}

/** A graphics node of the compute driver of AMD: its id and the text that holds its PCI address. */
export interface RawComputeNode {
  readonly id: string
  readonly properties: string
}

/** Reads the files of all cards. */
export function readCards(root: string): readonly RawCard[] {
  const folder = `${root}/sys/class/drm`
  const cards = namesIn(folder).filter((name) => /^card[0-9]{1,4}$/.test(name))
  return cards.slice(0, MAX_CARDS).map((name) => readCard(`${folder}/${name}/device`))
}

function readCard(device: string): RawCard {
  // Asking a sleeping card how busy it is wakes it, every ten seconds, on battery.
  const isAsleep = contentOf(`${device}/power/runtime_status`) === 'suspended'
  const tiles = Array.from({ length: MAX_TILES }, (_, tile) =>
    contentOf(`${device}/tile${tile}/physical_vram_size_bytes`),
  )
  return {
    uevent: contentOf(`${device}/uevent`) ?? '',
    vramTotal: contentOf(`${device}/mem_info_vram_total`),
    vramUsed: contentOf(`${device}/mem_info_vram_used`),
    gttTotal: contentOf(`${device}/mem_info_gtt_total`),
    gttUsed: contentOf(`${device}/mem_info_gtt_used`),
    busyPercent: isAsleep ? null : contentOf(`${device}/gpu_busy_percent`),
    tileBytes: tiles.filter((text) => text !== null),
  }
}

/** Reads which compute nodes there are; none without ROCm. */
export function readComputeNodes(root: string): readonly RawComputeNode[] {
  const folder = `${root}/sys/class/kfd/kfd/topology/nodes`
  const nodes = namesIn(folder).filter((name) => /^[0-9]{1,4}$/.test(name))
  return nodes.slice(0, MAX_CARDS).map((name) => ({
    id: contentOf(`${folder}/${name}/gpu_id`) ?? '',
    properties: contentOf(`${folder}/${name}/properties`) ?? '',
  }))
}

/** What a process uses of each compute node: `vram_GPUID` and its text. */
export function readComputeMemory(root: string, pid: number): readonly (readonly [string, string])[] {
  const folder = `${root}/sys/class/kfd/kfd/proc/${Math.trunc(pid)}`
  const names = namesIn(folder).filter((name) => /^vram_[0-9]{1,10}$/.test(name))
  return names.slice(0, MAX_CARDS).map((name) => [name, contentOf(`${folder}/${name}`) ?? ''] as const)
}

/** The table of Jetson: null where there is none, or where only root may read it. */
export interface RawJetson {
  readonly table: string | null
  readonly isDenied: boolean
}

/** Reads the table of Jetson. */
export function readJetson(root: string): RawJetson {
  const table = readText(`${root}/sys/kernel/debug/nvmap/iovmm/clients`, MAX_FILE_BYTES)
  return { table: table.kind === 'seen' ? table.value : null, isDenied: table.kind === 'denied' }
}

/** `  user    llama-server    4711    3911680K`, one line a process; the last line is the sum. */
export function parseJetsonClients(table: string): ReadonlyMap<number, number> {
  const bytes = new Map<number, number>()
  for (const [, pid = '', kibibytes = ''] of table.matchAll(/^\S+ .*? ([0-9]{1,10}) +([0-9]{1,12})K *$/gm)) {
    bytes.set(Number(pid), (bytes.get(Number(pid)) ?? 0) + Number(kibibytes) * 1024)
  }
  return bytes
}

function contentOf(path: string): string | null {
  const text = readText(path, MAX_FILE_BYTES)
  return text.kind === 'seen' && !text.isCut ? text.value.trim() : null
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    // No such driver on this machine.
    return []
  }
}

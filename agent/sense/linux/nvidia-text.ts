// What nvidia-smi prints (nvidia-smi(1), driver 580): comma-separated values of --query-gpu and --query-compute-apps with
// `noheader,nounits`, and the table of `pmon -c 1 -s um`, whose columns its first line names and whose order changes between
// drivers. A value that it does not have is `[N/A]`, `[Not Supported]`, `[Insufficient Permissions]` or, in tables, `-`.

const MEBIBYTE = 1024 * 1024
/** Lines of one answer; a server has 16 cards, and each holds some hundred processes at most. */
const MAX_LINES = 4_096

/** A value: a number, or why there is none. */
export type SmiValue = { readonly value: number } | { readonly missing: 'unsupported' | 'refused' | 'unknown' }

/** One card. */
export interface SmiCard {
  readonly index: number
  /** PCI address in lower case; `nvidia-INDEX` for a part of the chip. */
  readonly device: string
  readonly uuid: string
  readonly model: string
  readonly totalBytes: SmiValue
  readonly usedBytes: SmiValue
  readonly busyPercent: SmiValue
}

/** Fields of --query-gpu, in this order. */
export const CARD_FIELDS = 'index,pci.bus_id,uuid,memory.total,memory.used,utilization.gpu,name'

/** Reads the cards. */
export function parseCards(text: string): readonly SmiCard[] {
  return linesOf(text).flatMap((line) => {
    const [index = '', address = '', uuid = '', total = '', used = '', busy = '', ...name] = splitValues(line)
    if (!/^[0-9]{1,4}$/.test(index) || name.length === 0) return []
    return [
      {
        index: Number(index),
        device: pciAddressOf(address) ?? `nvidia-${index}`,
        uuid: uuid.slice(0, 64),
        // The name stands last, so that one with a comma harms nothing.
        model: name.join(', ').slice(0, 255),
        totalBytes: valueOf(total, MEBIBYTE),
        usedBytes: valueOf(used, MEBIBYTE),
        busyPercent: valueOf(busy, 1),
      },
    ]
  })
}

/** `00000000:01:00.0`, with a domain of eight digits, is what everybody else calls `0000:01:00.0`. */
export function pciAddressOf(text: string): string | null {
  const match = /^([0-9a-f]{4,8}):([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/.exec(text.toLowerCase())
  if (match === null) return null
  const [, domain = '', rest = ''] = match
  return `${Number.parseInt(domain, 16).toString(16).padStart(4, '0')}:${rest}`
}

/** What one process uses of one card. */
export interface SmiUse {
  readonly pid: number
  readonly uuid: string
  readonly usedBytes: SmiValue
}

/** Fields of --query-compute-apps, in this order; never the name, which holds what a program calls itself. */
export const USE_FIELDS = 'pid,gpu_uuid,used_memory'

/** Reads the processes that compute. */
export function parseUses(text: string): readonly SmiUse[] {
  return linesOf(text).flatMap((line) => {
    const [pid = '', uuid = '', used = ''] = splitValues(line)
    return /^[0-9]{1,10}$/.test(pid) ? [{ pid: Number(pid), uuid, usedBytes: valueOf(used, MEBIBYTE) }] : []
  })
}

/** One line of the table of processes, graphics ones among them. */
export interface SmiActivity {
  readonly cardIndex: number
  readonly pid: number
  /** Share of time in which it had work on the card. */
  readonly busyPercent: number | null
  readonly usedBytes: number | null
}

/** Reads the table of `pmon`. */
export function parseActivity(text: string): readonly SmiActivity[] {
  let columns: readonly string[] = []
  const activities: SmiActivity[] = []
  for (const line of linesOf(text)) {
    const words = line.trim().split(/\s+/)
    if (line.startsWith('# gpu')) columns = words.slice(1)
    if (line.startsWith('#') || columns.length === 0) continue
    const numberAt = (name: string): number | null => {
      const word = words[columns.indexOf(name)] ?? ''
      return /^[0-9]{1,12}$/.test(word) ? Number(word) : null
    }
    const [cardIndex, pid, memory] = [numberAt('gpu'), numberAt('pid'), numberAt('fb')]
    if (cardIndex === null || pid === null) continue
    activities.push({
      cardIndex,
      pid,
      busyPercent: numberAt('sm'),
      usedBytes: memory === null ? null : memory * MEBIBYTE,
    })
  }
  return activities
}

function linesOf(text: string): readonly string[] {
  return text.split('\n', MAX_LINES).filter((line) => line.trim() !== '')
}

function splitValues(line: string): readonly string[] {
  return line.split(',').map((value) => value.trim())
}

function valueOf(text: string, unit: number): SmiValue {
  if (/^[0-9]{1,9}$/.test(text)) return { value: Number(text) * unit }
  if (/insufficient permissions/i.test(text)) return { missing: 'refused' }
  return { missing: /^\[?(?:N\/A|Not Supported)\]?$/i.test(text) ? 'unsupported' : 'unknown' }
}

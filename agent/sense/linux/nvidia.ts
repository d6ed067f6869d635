// Sensor: what NVIDIA's driver tells of its cards and of the processes on them, by nvidia-smi, since no file tells it. The program
// is started only while some process holds a device of NVIDIA, by absolute path, and rarely (sensors.ts). Its process numbers
// are those of the whole machine: only processes that were seen to hold such a device are believed to be meant.
// Chips without memory of their own (Jetson, GB10) have no total: their processes' share is unified memory. Grace Hopper
// has its own memory and a total, and counts as a card.
import { accessSync, constants } from 'node:fs'
import type {
  GraphicsObservation,
  GraphicsUseObservation,
  Interpretation,
  SenseContext,
  Sensor,
} from '../../../contract/observation.ts'
import { createGapList, type GapList } from '../gap-list.ts'
import { type Printed, runProgram } from '../run-program.ts'
import { acceleratorKind } from './accelerator-nodes.ts'
import {
  CARD_FIELDS,
  parseActivity,
  parseCards,
  parseUses,
  type SmiActivity,
  type SmiCard,
  type SmiUse,
  type SmiValue,
  USE_FIELDS,
} from './nvidia-text.ts'
import { type ProcTable, procTable } from './proc-table.ts'
import { parseStat } from './proc-text.ts'

/** Where the driver's packages put it, and where Windows lends it to WSL. */
const PLACES = ['/usr/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi', '/run/current-system/sw/bin/nvidia-smi']
/** It takes 0.1 s, and some seconds while it loads a driver that sleeps. */
const TIMEOUT_MS = 10_000
/** A line has 100 bytes. */
const MAX_OUTPUT_BYTES = 1024 * 1024

const QUESTIONS = {
  cards: [`--query-gpu=${CARD_FIELDS}`, '--format=csv,noheader,nounits'],
  uses: [`--query-compute-apps=${USE_FIELDS}`, '--format=csv,noheader,nounits'],
  activity: ['pmon', '-c', '1', '-s', 'um'],
} as const

/** What nvidia-smi answered, and who holds its devices. */
export interface NvidiaCapture {
  /** Start ticks by process number. */
  readonly holders: readonly (readonly [number, string])[]
  readonly isInstalled: boolean
  /** Null where nobody asked: no process holds a device, or there is no program. */
  readonly answers: Readonly<Record<keyof typeof QUESTIONS, Printed>> | null
}

/** Makes the sensor; `root` is where `usr` lies: a test brings its own. */
export function createLinuxNvidia(table: ProcTable, root = ''): Sensor<NvidiaCapture> {
  async function collect({ signal, now }: SenseContext): Promise<NvidiaCapture> {
    const { processes } = await table.look({ signal, now })
    const holders = processes
      .filter(({ devices }) => devices.some(({ node }) => acceleratorKind(node) === 'nvidia' || node === '/dev/dxg'))
      .map(({ stat }) => parseStat(stat))
      .filter((fields) => fields !== null)
      .map(({ pid, startTicks }) => [pid, startTicks] as const)
    if (holders.length === 0) return { holders, isInstalled: true, answers: null }
    const program = PLACES.map((place) => `${root}${place}`).find(isProgram)
    if (program === undefined) return { holders, isInstalled: false, answers: null }
    const ask = (args: readonly string[]): Promise<Printed> =>
      runProgram(program, args, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_OUTPUT_BYTES, signal })
    // One after the other: each opens the driver.
    const cards = await ask(QUESTIONS.cards)
    const uses = await ask(QUESTIONS.uses)
    return { holders, isInstalled: true, answers: { cards, uses, activity: await ask(QUESTIONS.activity) } }
  }

  return {
    id: 'linux-nvidia',
    platform: 'linux',
    touches: [
      `program: nvidia-smi at ${PLACES.join(', ')}; only while a process holds a device of NVIDIA, every 30 seconds at most: ${QUESTIONS.cards[0]}; ${QUESTIONS.uses[0]}; ${QUESTIONS.activity.join(' ')}`,
    ],
    collects: [
      'graphics cards of NVIDIA: model, address, size and use of their memory, how busy they are',
      'of processes that hold one open: how much memory they use on it and how busy they keep it; not the names that nvidia-smi prints',
    ],
    collect,
    interpret: interpretNvidia,
  }
}

/** The sensor of this program. */
export const linuxNvidia: Sensor<NvidiaCapture> = createLinuxNvidia(procTable)

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not for us: the next place.
    return false
  }
}

function interpretNvidia({ holders, isInstalled, answers }: NvidiaCapture): Interpretation {
  const gaps = createGapList()
  if (!isInstalled) {
    const detail = 'nvidia-smi is not where drivers put it: who uses how much of a card of NVIDIA is not known'
    gaps.add('GNO_SENSE_FAILED', 'nvidia-smi', detail, holders.length)
  }
  if (answers === null) return { observations: [], gaps: gaps.list() }
  const told = (part: keyof typeof QUESTIONS, means: string): string => {
    const answer = answers[part]
    if ('text' in answer) return answer.text
    gaps.add('GNO_SENSE_FAILED', `nvidia-smi: ${means}`, answer.trouble)
    return ''
  }
  const cards = parseCards(told('cards', 'cards'))
  const uses = parseUses(told('uses', 'memory of processes'))
  const activities = parseActivity(told('activity', 'activity of processes'))
  for (const card of cards) noteMissing(gaps, card)
  const starts = new Map(holders)
  const observations = [...cards.map(describeCard), ...describeUses(cards, uses, activities, starts, gaps)]
  return { observations, gaps: gaps.list() }
}

function describeCard(card: SmiCard): GraphicsObservation {
  const isUnified = hasNoMemoryOfItsOwn(card)
  return {
    kind: 'gpu',
    device: card.device,
    driver: 'nvidia',
    model: card.model,
    isUnified,
    dedicated: { totalBytes: numberOf(card.totalBytes), usedBytes: numberOf(card.usedBytes) },
    shared: { totalBytes: null, usedBytes: null },
    busyPercent: numberOf(card.busyPercent),
  }
}

/** True where the driver says that there is no such thing as a total; null where it refused to say. */
function hasNoMemoryOfItsOwn({ totalBytes }: SmiCard): boolean | null {
  if ('value' in totalBytes) return totalBytes.value === 0
  return totalBytes.missing === 'unsupported' ? true : null
}

function numberOf(value: SmiValue): number | null {
  return 'value' in value ? value.value : null
}

function noteMissing(gaps: GapList, card: SmiCard): void {
  const refused = [card.totalBytes, card.usedBytes, card.busyPercent].some(
    (value) => 'missing' in value && value.missing === 'refused',
  )
  if (refused)
    gaps.add(
      'GNO_SENSE_DENIED',
      card.device,
      'nvidia-smi: insufficient permissions for memory or activity of this card',
    )
}

interface Use {
  readonly pid: number
  readonly card: SmiCard | null
  readonly usedBytes: number | null
  readonly busyPercent: number | null
}

function describeUses(
  cards: readonly SmiCard[],
  uses: readonly SmiUse[],
  activities: readonly SmiActivity[],
  starts: ReadonlyMap<number, string>,
  gaps: GapList,
): readonly GraphicsUseObservation[] {
  const merged = new Map<string, Use>()
  const merge = (card: SmiCard | null, pid: number, usedBytes: number | null, busyPercent: number | null): void => {
    const key = `${pid} ${card?.uuid ?? ''}`
    const known = merged.get(key)
    const use = { usedBytes: known?.usedBytes ?? usedBytes, busyPercent: known?.busyPercent ?? busyPercent }
    merged.set(key, { pid, card, ...use })
  }
  for (const { pid, uuid, usedBytes } of uses) {
    merge(cards.find((card) => card.uuid === uuid) ?? null, pid, numberOf(usedBytes), null)
    if (numberOf(usedBytes) === null)
      gaps.add('GNO_SENSE_DENIED', 'nvidia-smi', 'the memory of these processes was not told')
  }
  for (const { cardIndex, pid, busyPercent, usedBytes } of activities) {
    merge(cards.find(({ index }) => index === cardIndex) ?? null, pid, usedBytes, busyPercent)
  }
  return [...merged.values()].flatMap((use) => describeUse(use, starts.get(use.pid), gaps))
}

function describeUse(use: Use, startTicks: string | undefined, gaps: GapList): readonly GraphicsUseObservation[] {
  if (startTicks === undefined) {
    // It ended, or its number is that of another world: this agent runs in a container.
    gaps.add('GNO_SENSE_VANISHED', 'nvidia-smi', 'processes that nvidia-smi names were not seen to hold a card')
    return []
  }
  const isUnified = use.card === null ? null : hasNoMemoryOfItsOwn(use.card)
  return [
    {
      kind: 'gpu-use',
      pid: use.pid,
      startTicks,
      device: use.card?.device ?? null,
      driver: 'nvidia',
      source: 'nvidia-smi',
      dedicatedBytes: isUnified === true ? null : use.usedBytes,
      sharedBytes: null,
      unifiedBytes: isUnified === true ? use.usedBytes : null,
      busyNs: null,
      busyPercent: use.busyPercent,
    },
  ]
}

// A whole look of the daemon at the processes when nothing is new: sensors, weights in use, identification, correlation and judgement
// together, among some 1,500 processes. The sensors alone are measured beside it, so that the rest is known.
import { createHash } from 'node:crypto'
import { openPack } from '../agent/rule-pack.ts'
import { senseHost } from '../agent/sense-host.ts'
import { createRareRounds } from '../agent/sense/rare-rounds.ts'
import { createSweepMemory } from '../agent/sweep-options.ts'
import type { SweepOptions } from '../agent/sweep-request.ts'
import { sweep } from '../agent/sweep.ts'
import type { Pack } from '../rules/pack.ts'
import { amongMany } from './many-processes.ts'
import type { Measurement } from './measurement.ts'
import { cpuMs, times } from './processor-time.ts'

const LOOKS = 20
const SCALED_TO = 1_500

/** Measures the look; nothing where /proc is missing. */
export async function measure(): Promise<readonly Measurement[]> {
  if (process.platform !== 'linux') return []
  const pack = openPack()
  if (!pack.ok) throw new Error(pack.failure.detail)
  return await amongMany(() => measureAmong(optionsOf(pack.value)))
}

/** Sensors that start programs have rounds of their own, beside the look; here they have none. */
function optionsOf(pack: Pack): SweepOptions {
  const memory = createSweepMemory()
  const rare = { rounds: createRareRounds([]), last: null, isAsking: false }
  return {
    hostId: 'bench',
    hostName: 'bench',
    platform: 'linux',
    agentVersion: '0',
    roots: [],
    isWholeHost: false,
    changed: [],
    excludes: [],
    ownPlaces: [],
    deep: false,
    digests: { find: () => undefined, keep: () => undefined, postpone: () => null },
    approvals: [],
    pack,
    decoySizes: new Set(),
    isSimulated: () => false,
    known: new Map(),
    walked: null,
    memory: { ...memory, sensed: { ...memory.sensed, rare } },
    ownPid: process.pid,
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    now: () => new Date(),
    signal: new AbortController().signal,
    onProgress: () => undefined,
  }
}

async function measureAmong(options: SweepOptions): Promise<readonly Measurement[]> {
  // A context of its own for each look: sensors that get the same one share a look.
  const look = async () => sweep({ ...options, signal: new AbortController().signal })
  const { platform, now, memory } = options
  const sense = async () =>
    senseHost({ platform, memory: memory.sensed, isWhole: false, signal: new AbortController().signal, now })
  const first = await cpuMs(look)
  await times(LOOKS, look)
  const whole = (await cpuMs(() => times(LOOKS, look))) / LOOKS
  const sensors = (await cpuMs(() => times(LOOKS, sense))) / LOOKS
  const count = (await sense()).processes.length
  return [
    { name: 'processes seen', value: count, unit: 'processes' },
    { name: 'first look, everything new', value: first, unit: 'ms CPU' },
    { name: 'a look with nothing new', value: whole, unit: 'ms CPU' },
    { name: 'of it the sensors', value: sensors, unit: 'ms CPU' },
    { name: `a look, scaled to ${SCALED_TO}`, value: (whole * SCALED_TO) / count, unit: 'ms CPU' },
  ]
}

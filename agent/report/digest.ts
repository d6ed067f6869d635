// Digests that decide whether something is new. The stable digest leaves out what changes by itself (a pid, a moment, memory
// in use), because a restart or a breathing process is no news; the full digest covers everything.
import { createHash } from 'node:crypto'
import type { Artifact } from '../../contract/artifact.ts'
import type { Finding } from '../../contract/finding.ts'
import type { Installation } from '../../contract/installation.ts'
import type { Runtime } from '../../contract/runtime.ts'

export type Thing =
  | { readonly kind: 'artifact'; readonly item: Artifact }
  | { readonly kind: 'runtime'; readonly item: Runtime }
  | { readonly kind: 'installation'; readonly item: Installation }
  | { readonly kind: 'finding'; readonly item: Finding }

export interface ThingDigests {
  readonly stable: string
  readonly full: string
}

/** Sweeps hand the same frozen objects over again and again; hashing each once keeps the ten-second look cheap. */
const seen = new WeakMap<object, ThingDigests>()

/** Both digests of an artifact, runtime or finding. */
export function digestThing(thing: Thing): ThingDigests {
  const known = seen.get(thing.item)
  if (known !== undefined) return known
  const digests = { stable: digestValue(stableView(thing)), full: digestValue(thing.item) }
  seen.set(thing.item, digests)
  return digests
}

/** SHA-256 of the canonical JSON (keys in code-unit order), shortened to 128 bits: these digests meet no attacker's choice of a twin that matters. */
export function digestValue(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex').slice(0, 32)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([left], [right]) => (left < right ? -1 : 1)))
  })
}

function stableView(thing: Thing): unknown {
  switch (thing.kind) {
    case 'artifact':
    case 'installation':
      return thing.item
    case 'runtime':
      return stableRuntime(thing.item)
    case 'finding':
      return stableFinding(thing.item)
  }
}

function stableRuntime(runtime: Runtime): unknown {
  const { identification, memoryFit, graphics, told, labelledFolders, use, ...rest } = runtime
  return {
    ...rest,
    pid: 0,
    startedAt: '',
    memory: null,
    physical: null,
    processorPercent: null,
    // A listener that is busy does not answer now and then.
    notSeen: null,
    memoryFit: memoryFit?.fits,
    graphics: graphics?.map(({ device, driver }) => [device, driver]),
    // Files are opened and closed all the time; another folder is news.
    labelledFolders: labelledFolders?.map(({ label }) => label),
    told: told && { ...told, loadedBytes: 0, gpuBytes: 0 },
    use: use && stableUse(use),
    agent: runtime.agent && stableAgent(runtime.agent),
    parent: runtime.parent && { name: runtime.parent.name },
    // Devices are numbered anew when the machine starts, and mappings lie elsewhere in every process.
    executable: runtime.executable && { ...runtime.executable, dev: '', inode: '' },
    weights: runtime.weights.map((held) => ({ ...held, dev: '', inode: '', procLink: '' })),
    identification: identification && {
      ...identification,
      because: identification.because.map(withoutMeasures),
      evidence: identification.evidence.map(({ kind, detail, weight }) => [kind, withoutMeasures(detail), weight]),
    },
    gaps: runtime.gaps.map(({ code, place }) => [code, withoutMeasures(place)]),
  }
}

const BUSY_STEP_SECONDS = 300
const SEEN_STEP_SECONDS = 3_600

/**
 * What of its use is news: that a stretch of work began or ended, every five minutes of work, every hour of presence, a new day.
 * Work flickers with every answer, so `isBusy` itself and the clients are told with these only. No finding carries any of it: how
 * much somebody works with a model changes nothing about whether it may run.
 */
function stableUse({ busySince, days: [today] }: NonNullable<Runtime['use']>): unknown {
  const { day = '', busySeconds = 0, seenSeconds = 0 } = today ?? {}
  return [
    busySince !== null,
    day,
    Math.floor(busySeconds / BUSY_STEP_SECONDS),
    Math.floor(seenSeconds / SEEN_STEP_SECONDS),
  ]
}

/** MCP servers end and start anew with every session; another program or name is news. */
function stableAgent({ pointsAtLocalModel, mcpServers }: NonNullable<Runtime['agent']>): unknown {
  return [
    pointsAtLocalModel,
    [...new Set(mcpServers.map(({ program, names }) => JSON.stringify([program, names])))].sort(),
  ]
}

function stableFinding(finding: Finding): unknown {
  return {
    ...finding,
    observedAt: '',
    because: finding.because.map(withoutMeasures),
    evidence: finding.evidence
      .filter(({ kind }) => kind !== 'not-seen')
      .map(({ kind, place, detail }) => [kind, withoutMeasures(place), withoutMeasures(detail)]),
  }
}

/** Takes pids and amounts out of a sentence; of numbers alone only those that can be nothing but an amount of memory, as rules cite it. */
export function withoutMeasures(sentence: string): string {
  return sentence
    .replace(/^\d+$/, '#')
    .replace(/\bpid \d+/gi, 'pid #')
    .replace(/\/proc\/\d+/g, '/proc/#')
    .replace(/\b\d[\d.,]{0,20} ?(bytes|[kKMGT]i?B|%|open files)/g, '# $1')
    .replace(/\b\d{9,20}\b/g, '#')
}

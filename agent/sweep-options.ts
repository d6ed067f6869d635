// The part of a sweep's options that is the same for scan, run, ps and simulate.
import { createHash } from 'node:crypto'
import type { Artifact } from '../contract/artifact.ts'
import { digestAtOnce } from './background-digests.ts'
import type { CommandContext } from './commands/command.ts'
import { createTemplateIsolate } from './isolate/template-isolate.ts'
import { createCloserMemory } from './look-closer.ts'
import { createHiddenMemory } from './read/hidden-weights.ts'
import { openDigests } from './report/kept-digests.ts'
import { keepUses, loadUses } from './report/kept-uses.ts'
import { openConditions } from './report/own-conditions.ts'
import { isSimulated, registeredSizes } from './report/simulations.ts'
import { createRareMemory } from './sense-host.ts'
import { likelyPlaces, orderRoots } from './sweep-order.ts'
import type { Session } from './session.ts'
import type { SweepMemory, SweepOptions } from './sweep-request.ts'
import { AGENT_VERSION } from './version.ts'
import { createUseMemory, type UseKeeper, type UseMemory } from './use-over-time.ts'
import { createWeightsMemory } from './weights-in-use.ts'

type Chosen = Pick<SweepOptions, 'roots' | 'onProgress'> &
  Partial<
    Pick<
      SweepOptions,
      | 'deep'
      | 'digests'
      | 'known'
      | 'memory'
      | 'excludes'
      | 'changed'
      | 'walked'
      | 'isWholeHost'
      | 'guard'
      | 'kept'
      | 'entersRemote'
      | 'ownUse'
      | 'reader'
    >
  >

/** Nothing was kept, and the looks come as they do by default. */
const UNKNOWN_USE = { intervalMs: 10_000, known: [], keeper: null } as const

/** A fresh memory: for one sweep, or for the life of the daemon. */
export function createSweepMemory(use = createUseMemory(UNKNOWN_USE)): SweepMemory {
  return {
    sensed: { host: null, rare: createRareMemory() },
    weights: createWeightsMemory(),
    hidden: createHiddenMemory(),
    identified: new WeakMap(),
    closer: createCloserMemory(),
    use,
    opened: new Map(),
    labelled: new Map(),
  }
}

/** What the daemon kept of use so far; whoever looks beside it counts on for itself and keeps nothing. */
export function recallUse({ settings, state }: Session): UseMemory {
  return createUseMemory({ intervalMs: settings.processIntervalSeconds * 1000, known: loadUses(state), keeper: null })
}

/** The daemon's own: it alone keeps. */
export function followedUse({ settings, state }: Session): UseMemory {
  const keep: UseKeeper['keep'] = (uses, days) => keepUses(state, uses, days)
  return createUseMemory({
    get intervalMs() {
      return settings.processIntervalSeconds * 1000
    },
    known: loadUses(state),
    keeper: { keep },
  })
}

/** Fills a sweep's options from the session: approvals by SHA-256 need rung 6, so they turn hashing on. */
export function sweepOptionsOf(session: Session, context: CommandContext, chosen: Chosen): SweepOptions {
  const { settings, state, pack, hostId } = session
  const first = chosen.roots.length === 0 ? [] : likelyPlaces(pack, context.platform)
  const isNamed = (chosen.entersRemote ?? false) || settings.roots.length > 0
  const approvesByDigest = settings.approvals.some((approval) => approval.kind === 'sha256')
  return {
    hostId,
    hostName: context.hostName,
    platform: context.platform,
    agentVersion: AGENT_VERSION,
    roots: orderRoots(chosen.roots, first),
    first,
    entersRemote: isNamed,
    everywhere: chosen.roots.length > 0 && (chosen.isWholeHost ?? true) && !isNamed,
    isWholeHost: chosen.isWholeHost ?? chosen.roots.length > 0,
    changed: chosen.changed ?? [],
    excludes: [...settings.excludes, ...(chosen.excludes ?? [])],
    ownPlaces: [settings.stateFolder],
    deep: (chosen.deep ?? settings.deep) || approvesByDigest,
    digests: chosen.digests ?? digestAtOnce(openDigests(state)),
    approvals: settings.approvals,
    labelledFolders: settings.labelledFolders,
    scanTemplate: createTemplateIsolate().scan,
    pack,
    decoySizes: registeredSizes(state, context.now()),
    isSimulated: (sha256) => isSimulated(state, sha256, context.now()),
    known: chosen.known ?? new Map<string, Artifact>(),
    walked: chosen.walked ?? null,
    memory: chosen.memory ?? createSweepMemory(recallUse(session)),
    own: openConditions(state).tell,
    ...(chosen.ownUse === undefined ? {} : { ownUse: chosen.ownUse }),
    ...(chosen.guard === undefined ? {} : { guard: chosen.guard }),
    ...(chosen.kept === undefined ? {} : { kept: chosen.kept }),
    ...(chosen.reader === undefined ? {} : { reader: chosen.reader }),
    ownPid: process.pid,
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    now: context.now,
    signal: context.signal,
    onProgress: chosen.onProgress,
  }
}

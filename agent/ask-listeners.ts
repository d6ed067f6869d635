// The loopback questions of a sweep: which of the pack's metadata requests a candidate's own listener is asked, how often, and what it
// answered. Whoever does not look like a runtime is never asked; whoever is silent is left alone for a while.
import type { Probe } from '../contract/product-facts.ts'
import type { ListenerObservation, ProcessObservation } from '../contract/observation.ts'
import type { ApiUse } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import { joinApis, judgeApi } from '../rules/api-answers.ts'
import { type AnswerText, type JudgedAnswers, judgeAnswers } from '../rules/loopback-answers.ts'
import { type LoopbackPlace, type Patience, askLoopback } from './sense/loopback-request.ts'
import { ownsListener } from './sense/linux/socket-owner.ts'

/** Paths asked of one listener (CWE-400). */
const MAX_PATHS = 12
/** Listeners asked in one look; the others wait for the next. */
const MAX_LISTENERS_A_LOOK = 16
/** Of one process: a server has one or two, and whoever opens a hundred must not take the turn of all others (CWE-400). */
const MAX_LISTENERS_OF_ONE = 4
/**
 * Time for all paths of one listener, and for all listeners of a look, in answers' worth of patience: 1.5 and 3 seconds. Real answers
 * take milliseconds; twelve paths that each answer at the last moment, at sixteen ports, would hold up the look at everything else for
 * a minute and a half (CWE-400).
 */
const PATIENCE_OF_LISTENER = 3
const PATIENCE_OF_LOOK = 6
const ASK_AGAIN_MS = 300_000
/** Who did not answer may be busy loading or generating, and is likely no HTTP server when it stays silent. */
const ASK_SILENT_AGAIN_MS: readonly number[] = [5_000, 30_000, 120_000, 480_000, 1_800_000]
const MAX_REMEMBERED = 1_024

/** What one listener said, judged. */
interface Said extends JudgedAnswers {
  readonly api: ApiUse | undefined
}

/** What is kept of the answers is what they were found to say: texts of a thousand hostile listeners would be 800 MB (CWE-770). */
interface Asked {
  readonly atMs: number
  /** How often in a row nothing was answered. */
  readonly silences: number
  /** Null where nobody ever answered. */
  readonly said: Said | null
}

/** By process, socket and list of probes; for the life of the daemon. */
export type AnswerMemory = Map<string, Asked>

export interface Asking extends Patience {
  readonly memory: AnswerMemory
  /** Milliseconds of a clock that nobody sets: one that was set back would leave every listener unasked until it has caught up. */
  readonly elapsedMs: () => number
  /** Listeners that may still be asked in this look. */
  listenersLeft: number
  /** Time that this look may still spend on them. */
  msLeft: number
}

export function askingOf(parts: Omit<Asking, 'listenersLeft' | 'msLeft'>): Asking {
  return { ...parts, listenersLeft: MAX_LISTENERS_A_LOOK, msLeft: parts.withinMs * PATIENCE_OF_LOOK }
}

export interface ListenerAnswers extends JudgedAnswers {
  /** What its program interface lets anybody do; undefined when no answer was that of one. */
  readonly api: ApiUse | undefined
  readonly gaps: readonly Gap[]
}

/** Asks the loopback listeners of one candidate. `probes` come with the most telling first. */
export async function askListeners(
  process: ProcessObservation,
  listeners: readonly ListenerObservation[],
  probes: readonly Probe[],
  asking: Asking,
): Promise<ListenerAnswers> {
  const said: Said[] = []
  const gaps: Gap[] = []
  const share = { left: MAX_LISTENERS_OF_ONE }
  for (const listener of probes.length === 0 ? [] : listeners) {
    const place = placeOf(listener)
    if (place === null) {
      gaps.push(...bound(listener))
      continue
    }
    const answer = await whatItSays(process, listener, place, { probes, asking, share })
    if (answer === 'silent') gaps.push(notAnswered(place))
    else if (answer === 'waiting') gaps.push(notAsked(place))
    else said.push(answer)
  }
  return {
    api: joinApis(said.map(({ api }) => api)),
    answered: [...new Set(said.flatMap(({ answered }) => answered))],
    told: said.reduceRight((all, { told }) => ({ ...all, ...told }), {}),
    gaps,
  }
}

function notAnswered({ host, port }: LoopbackPlace): Gap {
  return { code: 'GNO_PROBE_FAILED', place: `${host}:${port}`, count: 1, detail: 'no metadata request was answered' }
}

function notAsked({ host, port }: LoopbackPlace): Gap {
  const detail = 'this look has asked as many listeners as it may, so this one waits for a later look'
  return { code: 'GNO_SENSE_LIMIT', place: `${host}:${port}`, count: 1, detail }
}

/** A listener of one address is reached there only, and no other address than loopback is ever asked. */
function bound({ protocol, address, port }: ListenerObservation): readonly Gap[] {
  if (protocol === 'unix') return []
  const detail = 'only loopback is asked for metadata, so whether it wants a key is not known'
  return [{ code: 'GNO_PROBE_SKIPPED', place: `${address}:${port}`, count: 1, detail }]
}

function placeOf({ protocol, scope, address, port }: ListenerObservation): LoopbackPlace | null {
  if (protocol === 'unix' || scope === 'specific') return null
  // Of 127.0.0.0/8 only the first address is asked: another one may be routed elsewhere.
  if (protocol === 'tcp') return scope === 'any' || address === '127.0.0.1' ? { host: '127.0.0.1', port } : null
  return { host: address.startsWith('::ffff:') ? '127.0.0.1' : '::1', port }
}

interface Turn {
  readonly probes: readonly Probe[]
  readonly asking: Asking
  /** Listeners of this process that may still be asked in this look. */
  readonly share: { left: number }
}

async function whatItSays(
  { pid, startTicks }: ProcessObservation,
  { inode, port }: ListenerObservation,
  place: LoopbackPlace,
  { probes, asking, share }: Turn,
): Promise<Said | 'silent' | 'waiting'> {
  const key = JSON.stringify([pid, startTicks, inode, place.host, probes.map(({ id, path: asked }) => [id, asked])])
  const nowMs = asking.elapsedMs()
  const before = asking.memory.get(key)
  const hasTurn = asking.listenersLeft > 0 && asking.msLeft > 0 && share.left > 0
  if (before !== undefined && (!hasTurn || nowMs - before.atMs < againMsOf(before))) return before.said ?? 'silent'
  if (!hasTurn) return 'waiting'
  asking.listenersLeft -= 1
  share.left -= 1
  const owner = { pid, startTicks, inode, port }
  const paths = [...new Set(probes.map(({ path }) => path))].slice(0, MAX_PATHS)
  const answers = ownsListener(owner) ? await askAll(place, paths, asking) : new Map<string, AnswerText>()
  // Answers of a listener that changed hands meanwhile may be anybody's.
  const isBelieved = ownsListener(owner)
  const fresh = isBelieved && answers.size > 0 ? judge(place, probes, answers) : null
  // Who generates answers late: what the same process said through the same socket before still stands.
  const said = isBelieved && answers.size === 0 ? (before?.said ?? null) : fresh
  if (asking.memory.size >= MAX_REMEMBERED) asking.memory.clear()
  const silences = answers.size > 0 ? 0 : (before?.silences ?? 0) + 1
  asking.memory.set(key, { atMs: nowMs, silences, said })
  return said ?? 'silent'
}

function judge({ port }: LoopbackPlace, probes: readonly Probe[], answers: ReadonlyMap<string, AnswerText>): Said {
  const found = judgeAnswers(probes, answers)
  return { ...found, api: judgeApi({ port, probes, answers, standing: found.answered }) }
}

function againMsOf({ silences }: Asked): number {
  const last = ASK_SILENT_AGAIN_MS.length - 1
  return silences === 0 ? ASK_AGAIN_MS : (ASK_SILENT_AGAIN_MS[Math.min(silences - 1, last)] ?? ASK_AGAIN_MS)
}

/** The first silence ends it: a listener that is no HTTP server, or one that is busy, is not asked twelve times. */
async function askAll(
  place: LoopbackPlace,
  paths: readonly string[],
  asking: Asking,
): Promise<Map<string, AnswerText>> {
  const { signal, withinMs, elapsedMs } = asking
  const answers = new Map<string, AnswerText>()
  const fromMs = elapsedMs()
  const endMs = fromMs + Math.min(asking.msLeft, withinMs * PATIENCE_OF_LISTENER)
  for (const path of paths) {
    const leftMs = Math.floor(endMs - elapsedMs())
    if (leftMs <= 0) break
    const answer = await askLoopback(place, path, { signal, withinMs: Math.min(withinMs, leftMs) })
    if (!answer.ok) break
    answers.set(path, answer.value)
  }
  asking.msLeft -= elapsedMs() - fromMs
  return answers
}

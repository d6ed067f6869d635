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
const ASK_AGAIN_MS = 300_000
/** Who did not answer may be busy loading or generating, and is likely no HTTP server when it stays silent. */
const ASK_SILENT_AGAIN_MS: readonly number[] = [30_000, 120_000, 480_000, 1_800_000]
const MAX_REMEMBERED = 1_024

interface Asked {
  readonly atMs: number
  /** How often in a row nothing was answered. */
  readonly silences: number
  readonly answers: ReadonlyMap<string, AnswerText>
}

/** Answers by process, socket and list of probes; for the life of the daemon. */
export type AnswerMemory = Map<string, Asked>

export interface Asking extends Patience {
  readonly memory: AnswerMemory
  readonly now: () => Date
  /** Listeners that may still be asked in this look. */
  listenersLeft: number
}

export function askingOf(parts: Omit<Asking, 'listenersLeft'>): Asking {
  return { ...parts, listenersLeft: MAX_LISTENERS_A_LOOK }
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
  const judged: JudgedAnswers[] = []
  const apis: (ApiUse | undefined)[] = []
  const gaps: Gap[] = []
  for (const listener of probes.length === 0 ? [] : listeners) {
    const place = placeOf(listener)
    if (place === null) {
      gaps.push(...bound(listener))
      continue
    }
    const answers = await answersOf(process, listener, place, probes, asking)
    if (answers === null) {
      gaps.push(notAsked(place))
      continue
    }
    const found = judgeAnswers(probes, answers)
    judged.push(found)
    apis.push(judgeApi({ port: place.port, probes, answers, standing: found.answered }))
  }
  return {
    api: joinApis(apis),
    answered: [...new Set(judged.flatMap(({ answered }) => answered))],
    told: judged.reduceRight((all, { told }) => ({ ...all, ...told }), {}),
    gaps,
  }
}

function notAsked({ host, port }: LoopbackPlace): Gap {
  return { code: 'GNO_PROBE_FAILED', place: `${host}:${port}`, count: 1, detail: 'no metadata request was answered' }
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

/** Null where nobody answered. */
async function answersOf(
  { pid, startTicks }: ProcessObservation,
  { inode, port }: ListenerObservation,
  place: LoopbackPlace,
  probes: readonly Probe[],
  asking: Asking,
): Promise<ReadonlyMap<string, AnswerText> | null> {
  const paths = [...new Set(probes.map(({ path }) => path))].slice(0, MAX_PATHS)
  const key = JSON.stringify([pid, startTicks, inode, place.host, paths])
  const nowMs = asking.now().getTime()
  const before = asking.memory.get(key)
  if (before !== undefined && (nowMs - before.atMs < againMsOf(before) || asking.listenersLeft <= 0))
    return orNull(before.answers)
  if (asking.listenersLeft <= 0) return null
  asking.listenersLeft -= 1
  const owner = { pid, startTicks, inode, port }
  const answers = ownsListener(owner) ? await askAll(place, paths, asking) : new Map<string, AnswerText>()
  // Answers of a listener that changed hands meanwhile may be anybody's.
  const believed = ownsListener(owner) ? lastOf(answers, before) : new Map<string, AnswerText>()
  if (asking.memory.size >= MAX_REMEMBERED) asking.memory.clear()
  const silences = answers.size > 0 ? 0 : (before?.silences ?? 0) + 1
  asking.memory.set(key, { atMs: nowMs, silences, answers: believed })
  return orNull(believed)
}

function againMsOf({ silences }: Asked): number {
  const last = ASK_SILENT_AGAIN_MS.length - 1
  return silences === 0 ? ASK_AGAIN_MS : (ASK_SILENT_AGAIN_MS[Math.min(silences - 1, last)] ?? ASK_AGAIN_MS)
}

/** Who generates answers late: what the same process said through the same socket before still stands. */
function lastOf(answers: ReadonlyMap<string, AnswerText>, before: Asked | undefined): ReadonlyMap<string, AnswerText> {
  return answers.size === 0 && before !== undefined ? before.answers : answers
}

function orNull(answers: ReadonlyMap<string, AnswerText>): ReadonlyMap<string, AnswerText> | null {
  return answers.size === 0 ? null : answers
}

/** The first silence ends it: a listener that is no HTTP server, or one that is busy, is not asked twelve times. */
async function askAll(
  place: LoopbackPlace,
  paths: readonly string[],
  patience: Patience,
): Promise<Map<string, AnswerText>> {
  const answers = new Map<string, AnswerText>()
  for (const path of paths) {
    const answer = await askLoopback(place, path, patience)
    if (!answer.ok) break
    answers.set(path, answer.value)
  }
  return answers
}

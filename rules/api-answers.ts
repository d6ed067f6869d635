// What the program interface of a runtime lets anybody do who reaches it: whether it wants a key, and which models it offers. Told by
// metadata requests that were asked without a key. Pure; every text here was chosen by whoever listens.
import type { Probe } from '../contract/product-facts.ts'
import type { ApiUse } from '../contract/runtime.ts'
import { type AnswerText, parseAnswer, valuesAt } from './loopback-answers.ts'

/** The wire takes no more (contract/runtime.ts). */
const MAX_MODELS = 16
const MAX_ASKED = 16
const MAX_NAME_CHARS = 512
const OK = 200
/** Unauthorized and Forbidden (RFC 9110): such servers answer so to whoever sends no key. */
const REFUSALS: readonly number[] = [401, 403]

/** The answers of one listener. `standing` are the ids of probes that were answered as expected (rules/loopback-answers.ts). */
export interface ListenerApi {
  readonly port: number
  readonly probes: readonly Probe[]
  readonly answers: ReadonlyMap<string, AnswerText>
  readonly standing: readonly string[]
}

/** What one listener tells; undefined when nothing of it was that of a program interface. */
export function judgeApi({ port, probes, answers, standing }: ListenerApi): ApiUse | undefined {
  const stood = new Set(standing)
  const opened = probes.filter(({ id, keyed }) => keyed === true && stood.has(id)).map(({ path }) => path)
  const refused = probes
    .filter(({ keyed, path }) => keyed === true && REFUSALS.includes(answers.get(path)?.status ?? 0))
    .map(({ path }) => path)
  const asked = [...new Set([...refused, ...opened])].slice(0, MAX_ASKED)
  const models = modelsIn(probes, answers, stood)
  if (asked.length === 0 && models.length === 0) return undefined
  return {
    opensWithoutKey: opensBy(refused.length > 0, opened.length > 0),
    models,
    asked: asked.map((path) => ({ port, path, status: answers.get(path)?.status ?? OK })),
  }
}

/** One refusal counts more than any answer: servers that want a key often leave a list of models open beside it. */
function opensBy(isRefused: boolean, isOpened: boolean): boolean | null {
  if (isRefused) return false
  return isOpened ? true : null
}

/** All listeners of one process: it is open where one of them is. */
export function joinApis(apis: readonly (ApiUse | undefined)[]): ApiUse | undefined {
  const told = apis.filter((api) => api !== undefined)
  if (told.length === 0) return undefined
  const states = told.map(({ opensWithoutKey }) => opensWithoutKey)
  return {
    opensWithoutKey: states.includes(true) ? true : states.includes(false) ? false : null,
    models: [...new Set(told.flatMap(({ models }) => models))].slice(0, MAX_MODELS),
    asked: told.flatMap(({ asked }) => asked ?? []).slice(0, MAX_ASKED),
  }
}

function modelsIn(
  probes: readonly Probe[],
  answers: ReadonlyMap<string, AnswerText>,
  stood: ReadonlySet<string>,
): readonly string[] {
  const names = new Set<string>()
  for (const { id, path, tells } of probes) {
    const answer = answers.get(path)
    if (!stood.has(id) || tells?.model === undefined || answer === undefined) continue
    const told = valuesAt(parseAnswer(answer.body), tells.model)
    const texts = told.filter((name) => typeof name === 'string' && name !== '')
    for (const text of texts) names.add(String(text).slice(0, MAX_NAME_CHARS))
  }
  return [...names].slice(0, MAX_MODELS)
}

// How the reference runtime is asked and what it says about itself: one JSON line per stage on its standard output. It works on
// models that strangers made, and native code may write anything, so its output is read like other hostile input: by schema, bounded.
import { z } from 'zod'
import { type Result, failed } from './failure.ts'
import { printable } from './printable.ts'
import { pathText, sentence, wholeNumber } from './wire.ts'

const referenceStageSchema = z.discriminatedUnion('stage', [
  /** The weights are in memory: mapped from the file, or copied out of it. */
  z.object({ stage: z.literal('loaded'), weights: z.enum(['mapped', 'copied']), milliseconds: wholeNumber }).readonly(),
  z.object({ stage: z.literal('generated'), tokens: wholeNumber, milliseconds: wholeNumber }).readonly(),
  z
    .object({
      stage: z.literal('listening'),
      address: z.literal('127.0.0.1'),
      port: z.number().int().min(1).max(65535),
    })
    .readonly(),
  /** The endpoint is a Unix socket: there is no address and no port. */
  z.object({ stage: z.literal('socket'), path: pathText }).readonly(),
  /** Everything asked for is done; it idles until its standard input closes. */
  z.object({ stage: z.literal('ready') }).readonly(),
  z
    .object({
      stage: z.literal('failed'),
      reason: z.enum(['usage', 'not-installed', 'model-refused', 'cannot-listen']),
      detail: sentence,
    })
    .readonly(),
])
export type ReferenceStage = z.infer<typeof referenceStageSchema>

export interface ReferenceOrder {
  /** Absolute path of the weights; any name, any extension. */
  readonly modelPath: string
  /** `copied` is `--no-mmap`: nothing of the file shows in the maps of the process. */
  readonly weights: 'mapped' | 'copied'
  readonly tokens: number
  /** Also answer as an OpenAI-compatible endpoint on a free loopback port. */
  readonly serves: boolean
  /** The program ends itself after this time, whatever it does. */
  readonly seconds: number
}

/** The arguments behind the program's own path. */
export function referenceArguments(order: ReferenceOrder): string[] {
  const args = ['--model', order.modelPath, '--tokens', String(order.tokens), '--seconds', String(order.seconds)]
  if (order.serves) args.push('--serve')
  if (order.weights === 'copied') args.push('--no-mmap')
  return args
}

/** Why it ended before it was ready, from its stages, how its process ended and the last thing it wrote on standard error. */
export function explainReferenceEnd(stages: readonly ReferenceStage[], end: string, lastWords: string): Result<never> {
  const failure = stages.find((stage) => stage.stage === 'failed')
  if (failure?.reason === 'not-installed') return failed('GNO_REFERENCE_MISSING', printable(failure.detail))
  if (failure !== undefined) return failed('GNO_REFERENCE_FAILED', `${failure.reason}: ${printable(failure.detail)}`)
  const line = lastWords.trim().split('\n').at(-1) ?? ''
  const words = line === '' ? '' : `; last words: ${printable(line.slice(0, 300))}`
  return failed('GNO_REFERENCE_FAILED', `ended after stage ${stages.at(-1)?.stage ?? 'none'}: ${end}${words}`)
}

/** A stage is one short line; what a native library prints on the same pipe may be endless (CWE-770). */
const MAX_STAGE_CHARS = 8192
/** More output than this is not read: five stages fit hundreds of times. */
const MAX_OUTPUT_CHARS = 65_536

/** Gives a function that takes the output in pieces and returns the stages that became whole; other lines are passed over. */
export function createStageReader(): (piece: string) => readonly ReferenceStage[] {
  let pending = ''
  let taken = 0
  return (piece) => {
    const room = MAX_OUTPUT_CHARS - taken
    if (room <= 0) return []
    taken += Math.min(room, piece.length)
    const lines = (pending + piece.slice(0, room)).split('\n')
    pending = (lines.pop() ?? '').slice(0, MAX_STAGE_CHARS)
    return lines.flatMap((line) => readStageLine(line) ?? [])
  }
}

function readStageLine(line: string): ReferenceStage | undefined {
  if (line.length > MAX_STAGE_CHARS || !line.startsWith('{')) return undefined
  try {
    return referenceStageSchema.safeParse(JSON.parse(line)).data
  } catch {
    // A half line of native output that happens to begin with a brace: no stage, and nothing else is concluded from it.
    return undefined
  }
}

// What the reference runtime says about itself: one JSON line per stage on its standard output. The program works on models that
// strangers made, and native code may write anything, so its output is read like any other hostile input: by schema, within bounds.
import { z } from 'zod'
import { sentence, wholeNumber } from './wire.ts'

export const referenceStageSchema = z.discriminatedUnion('stage', [
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

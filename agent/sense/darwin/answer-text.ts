// The text of an answer, with a gap where there is none or only a part: what was not told is never zero.
import type { GapList } from '../gap-list.ts'
import type { Printed } from '../run-program.ts'

/** Refusals of macOS, as its programs and its kernel say them. */
const REFUSED =
  /operation not permitted|permission denied|requires? root|EACCES|EPERM|not allowed|unable to (?:get|acquire) task/i

/** The text of an answer; null when there is none. */
export function textOf(answer: Printed, place: string, gaps: GapList): string | null {
  if (!('text' in answer)) {
    gaps.add(codeOf(answer.trouble), place, answer.trouble)
    return null
  }
  if (answer.cut !== undefined && !isBareExit(answer.cut)) gaps.add(codeOf(answer.cut), place, answer.cut)
  return answer.text
}

/** lsof ends with 1 and no word when something that it was asked for does not exist; no listener is no trouble. */
function isBareExit(complaint: string): boolean {
  return /^1: *$/.test(complaint)
}

function codeOf(trouble: string): 'GNO_SENSE_DENIED' | 'GNO_SENSE_LIMIT' | 'GNO_SENSE_FAILED' {
  if (REFUSED.test(trouble)) return 'GNO_SENSE_DENIED'
  return /MAXBUFFER|no answer in time/.test(trouble) ? 'GNO_SENSE_LIMIT' : 'GNO_SENSE_FAILED'
}

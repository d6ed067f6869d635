// The errors with which readers stop, and the failure behind each.
import type { Failure, FailureCode } from '../../contract/failure.ts'
import { quietError } from './quiet-error.ts'

/** The failures behind the errors that this folder throws; an error that is not in here is a bug and passes through. */
const troubles = new WeakMap<Error, Failure>()

/** Makes the error with which a reader stops. Readers never catch it: `GapList.attempt` turns it into a gap. */
export function readTrouble(code: FailureCode, detail: string, cause?: unknown): Error {
  const error = quietError(`${code}: ${detail}`, cause)
  troubles.set(error, cause === undefined ? { code, detail } : { code, detail, cause })
  return error
}

/** The failure behind a caught value, or undefined when it is not a reader's. */
export function troubleOf(error: unknown): Failure | undefined {
  return error instanceof Error ? troubles.get(error) : undefined
}

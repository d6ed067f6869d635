// What the operating system's error codes mean to a sensor.
import { type Failure, type FailureCode, failed } from '../../../contract/failure.ts'

const CODES: Readonly<Record<string, FailureCode>> = {
  ENOENT: 'GNO_SENSE_VANISHED',
  ESRCH: 'GNO_SENSE_VANISHED',
  ESTALE: 'GNO_SENSE_VANISHED',
  EACCES: 'GNO_SENSE_DENIED',
  EPERM: 'GNO_SENSE_DENIED',
  ELOOP: 'GNO_SENSE_NOT_A_FILE',
  ENOTDIR: 'GNO_SENSE_NOT_A_FILE',
  ENXIO: 'GNO_SENSE_NOT_A_FILE',
  ENODEV: 'GNO_SENSE_NOT_A_FILE',
}

/** Turns an error of the operating system into a failure of the catalogue. */
export function systemFailure(error: unknown, path: string): { readonly ok: false; readonly failure: Failure } {
  const code = errorCode(error)
  return failed(CODES[code] ?? 'GNO_SENSE_FAILED', `${code} at ${path}`, error)
}

/** The system's name of an error, e.g. `EACCES`. */
export function errorCode(error: unknown): string {
  // By shape and not by instanceof: an error of Node's own may come from another realm (worker, test).
  if (typeof error !== 'object' || error === null) return 'unknown error'
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'name' in error && typeof error.name === 'string' ? error.name : 'unknown error'
}

// What a thrown thing says, without asking for its class: errors of the system may come from another realm than our own.
import { isRecord } from './sweep-record.ts'

/** The code of a system or SQLite error (`ENOSPC`, `SQLITE_FULL`); null for anything that is our own mistake. */
export function errorCode(error: unknown): string | null {
  return isRecord(error) && typeof error['code'] === 'string' ? error['code'] : null
}

/** Its message, or itself as a text. */
export function errorText(error: unknown): string {
  return isRecord(error) && typeof error['message'] === 'string' ? error['message'] : String(error)
}

// The `code` of whatever was thrown (`ENOENT`, `SQLITE_FULL`), without asking which realm made the error.

/** The code of a thrown value; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

// Errors that end a reading: they say what a file holds. Where in our code that was met tells nothing, and to take down a stack costs
// more than to refuse most files.

/** An error without a stack. */
export function quietError(message: string, cause: unknown): Error {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return new Error(message, { cause })
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

// How much work reading one file may make, whatever it claims.

export interface ReadBudget {
  /** Bytes that may be asked of the operating system for one file. */
  readonly bytes: number
  /** Metadata entries, strings and tensors that may be walked in one file. */
  readonly steps: number
}

/** A 256k-token header is 10 MB and is walked twice; 256 MiB leaves room for tokenizers carried as JSON (CWE-400). */
const MAX_HEADER_READ_BYTES = 268_435_456
/** A 256k-token header takes about 1.3 million steps; 16 million take about half a second (CWE-834). */
const MAX_STEPS = 16_777_216
export const READ_BUDGET: ReadBudget = { bytes: MAX_HEADER_READ_BYTES, steps: MAX_STEPS }

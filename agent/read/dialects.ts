// The conventions inside containers that have an id of their own, one line each. The first that recognises what was read names it.
import { ggufSplit } from './gguf-split.ts'
import type { Dialect } from './weights.ts'

export const dialects: readonly Dialect[] = [
  ggufSplit, //
]

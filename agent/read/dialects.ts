// The conventions inside containers that have an id of their own, one line each. The first that recognises what was read names it.
import { bitsandbytes } from './bitsandbytes.ts'
import { exl2Exl3 } from './exl2-exl3.ts'
import { ggufSplit } from './gguf-split.ts'
import { gptqAwq } from './gptq-awq.ts'
import { mlx } from './mlx.ts'
import type { Dialect } from './weights.ts'

export const dialects: readonly Dialect[] = [
  ggufSplit, //
  exl2Exl3,
  bitsandbytes,
  mlx,
  gptqAwq,
]

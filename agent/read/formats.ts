// The formats that are read, one line each. The first that recognises the first bytes reads the file.
import { gguf } from './gguf.ts'
import { safetensors } from './safetensors.ts'
import type { FormatReader } from './weights.ts'

export const formats: readonly FormatReader[] = [
  gguf, //
  safetensors,
]

// GGUF split by llama.cpp's gguf-split: `split.no`, `split.count` and `split.tensors.count` in the metadata of every shard.
import type { Dialect } from './weights.ts'

export const ggufSplit: Dialect = {
  id: 'gguf-split',
  formats: ['gguf'],
  recognise: ({ split }) => split !== undefined,
}

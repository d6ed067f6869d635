// safetensors of ExLlama 2 and 3: `q_weight` with `q_invperm`, or `trellis`.
import { familyOf } from './packed-tensors.ts'
import type { Dialect } from './weights.ts'

export const exl2Exl3: Dialect = {
  id: 'exl2-exl3',
  formats: ['safetensors'],
  recognise: ({ tensors }, { quantization }) =>
    familyOf(tensors) === 'exl2-exl3' || quantization === 'exl2' || quantization === 'exl3',
}

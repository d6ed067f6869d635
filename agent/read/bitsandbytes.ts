// safetensors that bitsandbytes packed: `SCB`, or `quant_state.bitsandbytes__nf4` beside the weight.
import { familyOf } from './packed-tensors.ts'
import type { Dialect } from './weights.ts'

export const bitsandbytes: Dialect = {
  id: 'bitsandbytes',
  formats: ['safetensors'],
  recognise: ({ tensors }, { quantization }) => familyOf(tensors) === 'bitsandbytes' || quantization === 'bitsandbytes',
}

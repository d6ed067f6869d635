// Weights for Apple's MLX (ml-explore/mlx-lm): safetensors that say so in their metadata, or triplets of packed weight, scales and biases.
import { familyOf } from './packed-tensors.ts'
import type { Dialect } from './weights.ts'

export const mlx: Dialect = {
  id: 'mlx',
  formats: ['safetensors', 'numpy'],
  recognise: ({ facts, tensors }) => facts?.get('writtenFor') === 'mlx' || familyOf(tensors) === 'mlx',
}

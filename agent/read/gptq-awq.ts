// safetensors of GPTQ, AWQ, compressed-tensors, FP8, MXFP4 and modelopt: packed tensors, or the method that config.json names.
import { familyOf } from './packed-tensors.ts'
import type { Dialect } from './weights.ts'

/** `quant_method` of config.json. */
const METHODS: ReadonlySet<string> = new Set([
  'gptq',
  'awq',
  'compressed-tensors',
  'fp8',
  'fbgemm_fp8',
  'mxfp4',
  'modelopt',
])

export const gptqAwq: Dialect = {
  id: 'gptq-awq',
  formats: ['safetensors'],
  recognise: ({ tensors }, { quantization }) => familyOf(tensors) === 'gptq-awq' || METHODS.has(quantization ?? ''),
}

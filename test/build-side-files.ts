// The small files beside models, archives around them, and what stands in their place.
import { crc32 } from 'node:zlib'
import { buildSafetensors } from './build-safetensors.ts'
import { buildZip } from './build-zip.ts'

export const CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"

export function tokenizerConfig(): Buffer {
  return Buffer.from(
    JSON.stringify({
      added_tokens_decoder: { '0': { content: '<s>' } },
      chat_template: CHAT_TEMPLATE,
      model_max_length: 4096,
      tokenizer_class: 'LlamaTokenizer',
    }),
  )
}

export function modelConfig(): Buffer {
  return Buffer.from(
    JSON.stringify({
      architectures: ['LlamaForCausalLM'],
      hidden_size: 64,
      model_type: 'llama',
      num_hidden_layers: 2,
      quantization_config: { quant_method: 'awq', bits: 4 },
    }),
  )
}

export function shardIndex(): Buffer {
  const weight_map = {
    'model.norm.weight': 'model-00001-of-00002.safetensors',
    'lm_head.weight': 'model-00002-of-00002.safetensors',
  }
  return Buffer.from(JSON.stringify({ metadata: { total_size: 1234 }, weight_map }))
}

/** An archive with weights, stored, beside a text: just as many parameters as make a model of an archive. */
export function zippedWeights(): Buffer {
  const weights = buildSafetensors({ tensors: [{ name: 'w', dtype: 'I8', shape: [1_000] }] })
  return buildZip([
    { name: 'README.txt', data: Buffer.from('weights') },
    { name: 'model.safetensors', data: weights },
  ])
}

/** A 7-Zip archive's first header; `size` bytes of a list that is packed. */
export function sevenZipHeader(
  options: { readonly size?: number; readonly list?: Uint8Array; readonly checksum?: number } = {},
): Buffer {
  const list = options.list ?? Buffer.alloc(0)
  const next = Buffer.alloc(20)
  next.writeBigUInt64LE(BigInt(options.size ?? list.length), 8)
  next.writeUInt32LE(crc32(list), 16)
  const checksum = Buffer.alloc(4)
  checksum.writeUInt32LE(options.checksum ?? crc32(next))
  return Buffer.concat([Buffer.from('377abcaf271c0004', 'hex'), checksum, next, list])
}

/** The cache of an MLC model with one shard: a packed layer of 4 x 32 at four bits, and its scales. */
export function tensorCache(shard: { readonly dataPath?: string; readonly nbytes?: number } = {}): Buffer {
  const records = [
    { name: 'l.q_weight', shape: [4, 4], dtype: 'uint32', format: 'f32-to-bf16', nbytes: 64, byteOffset: 0 },
    { name: 'l.q_scale', shape: [4, 1], dtype: 'float16', format: 'f32-to-bf16', nbytes: 8, byteOffset: 64 },
  ]
  const told = {
    dataPath: 'params_shard_0.bin',
    format: 'raw-shard',
    nbytes: 72,
    md5sum: '0'.repeat(32),
    ...shard,
    records,
  }
  return Buffer.from(JSON.stringify({ metadata: { ParamSize: 2, ParamBytes: 72, BitsPerParam: 4.5 }, records: [told] }))
}

/** The manifest of Chrome's component that brings the built-in model. */
export function builtInManifest(): Buffer {
  const spec = { name: 'v3Nano', version: '2025.06.30.1229' }
  const manifest = {
    manifest_version: 2,
    name: 'Optimization Guide On Device Model',
    version: '2025.8.8.1141',
    BaseModelSpec: spec,
  }
  return Buffer.from(JSON.stringify(manifest))
}

// The worst model files that the readers' limits let through: as many and as long names, keys and tokens as fit, all distinct.
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Just under the limits of agent/read; one character beyond Latin-1 makes V8 keep a name in two bytes a character. */
const WIDE = 'ж'
const SAFETENSORS_HEADER_BYTES = 33_554_432
const TOKENIZER_BYTES = 35_600_000
const INDEX_BYTES = 33_500_000

/** A name of exactly `bytes` bytes that no other number gives. */
function nameOf(index: number, bytes: number): string {
  return `${WIDE}${String(index).padStart(8, '0')}`.padEnd(bytes - 1, 'n')
}

function times(count: number, make: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => make(index)).join(',')
}

/** Writes a safetensors file whose header is filled to the limit with a metadata value. */
function putSafetensors(path: string, tensors: string): void {
  const keys = times(4_000, (index) => `"${nameOf(index, 255)}":""`)
  const begin = Buffer.from(`{"__metadata__":{${keys},"filler":"`)
  const end = Buffer.from(`"},${tensors}}`)
  const filler = Buffer.alloc(Math.max(0, SAFETENSORS_HEADER_BYTES - begin.length - end.length), 'v')
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(begin.length + filler.length + end.length))
  writeFileSync(path, Buffer.concat([length, begin, filler, end]))
}

function tensorsOf(count: number, nameBytes: number, shape: readonly number[], first = 0): string {
  const entry = JSON.stringify({ dtype: 'F32', shape, data_offsets: [0, 0] })
  return times(count, (index) => `"${nameOf(first + index, nameBytes)}":${entry}`)
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}

const ARRAY = 9
const STRING = 8
const FLOAT32 = 6
const INT32 = 5
const UINT32 = 4

function arrayOf(key: string, type: number, count: number, elements: Buffer): Buffer {
  return Buffer.concat([text(key), uint32(ARRAY), uint32(type), uint64(count), elements])
}

/** Writes a GGUF file with as many tensors as are read, each of a block of its own. */
function putGguf(path: string, keys: readonly Buffer[], first = 0): void {
  const TENSORS = 32_768
  const TENSOR_BYTES = 32
  const fd = openSync(path, 'w')
  writeSync(fd, Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(TENSORS), uint64(keys.length)]))
  for (const key of keys) writeSync(fd, key)
  const rows = Array.from({ length: TENSORS }, (_, index) =>
    Buffer.concat([
      text(nameOf(first + index, 127)),
      uint32(4),
      ...[8, 1, 1, 1].map(uint64),
      uint32(0),
      uint64(index * TENSOR_BYTES),
    ]),
  )
  const header = rows.reduce((sum, row) => sum + row.length, 0) + keys.reduce((sum, key) => sum + key.length, 24)
  writeSync(fd, Buffer.concat(rows))
  ftruncateSync(fd, Math.ceil(header / 32) * 32 + TENSORS * TENSOR_BYTES)
  closeSync(fd)
}

const ARCHITECTURE = Buffer.concat([text('general.architecture'), uint32(STRING), text('llama')])

/** A name for each kind of file or folder, and how it is written to a path. */
export const WORST_MODELS: readonly (readonly [name: string, write: (path: string) => void])[] = [
  ['long-tensor-names.safetensors', (path) => putSafetensors(path, tensorsOf(5_600, 1_000, [0]))],
  ['many-tensors.safetensors', (path) => putSafetensors(path, tensorsOf(36_000, 90, [0]))],
  [
    'many-dimensions.safetensors',
    (path) => putSafetensors(path, tensorsOf(27_000, 20, [0, ...Array<number>(31).fill(7)])),
  ],
  [
    'many-arrays.gguf',
    (path) => {
      const numbers = Buffer.alloc(512 * 4, 1)
      const arrays = Array.from({ length: 16_000 }, (_, index) => arrayOf(nameOf(index, 256), FLOAT32, 512, numbers))
      putGguf(path, [ARCHITECTURE, ...arrays])
    },
  ],
  [
    'many-strings.gguf',
    (path) => {
      const strings = Buffer.concat(Array.from({ length: 64 }, () => text(nameOf(0, 100))))
      const arrays = Array.from({ length: 16_000 }, (_, index) => arrayOf(nameOf(index, 256), STRING, 64, strings))
      putGguf(path, [ARCHITECTURE, ...arrays])
    },
  ],
  [
    'many-tokens.gguf',
    (path) => {
      const COUNT = 1_048_576
      const strings = Buffer.alloc(COUNT * 16)
      for (let at = 0; at < strings.length; at += 16) strings.writeUInt32LE(8, at)
      const model = Buffer.concat([text('tokenizer.ggml.model'), uint32(STRING), text('gpt2')])
      const types = arrayOf('tokenizer.ggml.token_type', INT32, COUNT, Buffer.alloc(COUNT * 4, uint32(1)))
      const merges = arrayOf('tokenizer.ggml.merges', STRING, COUNT, strings)
      putGguf(path, [ARCHITECTURE, model, arrayOf('tokenizer.ggml.tokens', STRING, COUNT, strings), types, merges])
    },
  ],
  [
    'shards-of-safetensors',
    (path) => {
      mkdirSync(path)
      for (let shard = 0; shard < 5; shard += 1) {
        const name = `model-0000${shard + 1}-of-00005.safetensors`
        putSafetensors(join(path, name), tensorsOf(36_000, 90, [0], shard * 36_000))
      }
      writeFileSync(join(path, 'config.json'), `{"model_type":"llama","filler":[${times(39_000 / 2, () => '{}')}]}`)
      const added = times(2_000, (index) => `{"id":${index},"content":"${nameOf(index, 1_000)}"}`)
      const words = times(1_000_000, (index) => `"${nameOf(index, 20)}":${index}`)
      const tokenizer = `{"added_tokens":[${added}],"model":{"type":"BPE","vocab":{${words}},"merges":["`
      const fill = 'm'.repeat(TOKENIZER_BYTES - Buffer.byteLength(tokenizer) - 4)
      writeFileSync(join(path, 'tokenizer.json'), `${tokenizer}${fill}"]}}`)
      const entries = times(4_000, (index) => `"${index}":"${nameOf(index, 255)}"`)
      const index = `{"weight_map":{${entries}},"filler":"`
      writeFileSync(
        join(path, 'model.safetensors.index.json'),
        `${index}${'f'.repeat(INDEX_BYTES - index.length * 2)}"}`,
      )
    },
  ],
  [
    'shards-of-gguf',
    (path) => {
      mkdirSync(path)
      const number = (key: string, value: number) => Buffer.concat([text(key), uint32(UINT32), uint32(value)])
      for (let shard = 0; shard < 5; shard += 1) {
        const keys = [ARCHITECTURE, number('split.no', shard), number('split.count', 5)]
        putGguf(join(path, `m-0000${shard + 1}-of-00005.gguf`), keys, shard * 32_768)
      }
    },
  ],
]

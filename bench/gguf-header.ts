// Budget: header rungs (0 to 3) of a GGUF with a 256k vocabulary take at most 60 ms warm and 40 MB over the idle process.
import { execFileSync } from 'node:child_process'
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cursor } from '../agent/read/cursor.ts'
import { GapList } from '../agent/read/gap-list.ts'
import { lookAt } from '../agent/read/look.ts'
import { nestedReader } from '../agent/read/sniff-format.ts'
import { gguf } from '../agent/read/gguf.ts'
import { describeStructure } from '../agent/read/structure.ts'
import type { OpenedFile } from '../contract/observation.ts'
import type { Measurement } from './measurement.ts'

const TOKENS = 256_000
const MERGES = 255_700
const LAYERS = 32
const ROUNDS = 9

/** Measures our reader and @huggingface/gguf on the same generated file. */
export async function measure(): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gnomon-bench-'))
  try {
    const path = join(folder, 'vocabulary-256k.gguf')
    const headerBytes = writeModelElsewhere(path)
    const before = process.memoryUsage().rss
    const { first, median } = timeOwn(path)
    const grownBytes = process.memoryUsage().rss - before
    const peer = await timePeer(path)
    return [
      { name: 'header of the generated model', value: headerBytes / 1e6, unit: 'MB' },
      { name: 'header rungs 0-3, first', value: first, unit: 'ms' },
      {
        name: 'header rungs 0-3, warm',
        value: median,
        unit: 'ms',
        budget: 'at most 60',
        peer: { name: '@huggingface/gguf', value: peer },
      },
      { name: 'resident memory grown', value: Math.max(0, grownBytes) / 1e6, unit: 'MB', budget: 'at most 40' },
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function timeOwn(path: string): { readonly first: number; readonly median: number } {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now()
    const file = open(path)
    const gaps = new GapList(path)
    const part = gguf.read(new Cursor(file), gaps, { look: lookAt(file), readNested: nestedReader() })
    const structure = describeStructure(part.hyperparameters, part.tensors, part.kind)
    file.close()
    times.push(performance.now() - started)
    if (part.tokenizer?.size !== TOKENS || structure.structureKey === undefined || gaps.verdict() !== 'unchecked') {
      throw new Error(`the generated model was not understood: ${JSON.stringify(gaps.list())}`)
    }
  }
  return { first: times[0] ?? 0, median: middle(times.slice(1)) }
}

async function timePeer(path: string): Promise<number> {
  const { gguf: parse } = await import('@huggingface/gguf')
  const times: number[] = []
  for (let round = 0; round < 3; round += 1) {
    const started = performance.now()
    await parse(path, { allowLocalFile: true })
    times.push(performance.now() - started)
  }
  return middle(times)
}

function middle(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0
}

function open(path: string): OpenedFile {
  const fd = openSync(path, 'r')
  const stat = fstatSync(fd, { bigint: true })
  const identity = {
    dev: String(stat.dev),
    inode: String(stat.ino),
    sizeBytes: Number(stat.size),
    mtimeNs: String(stat.mtimeNs),
    ctimeNs: String(stat.ctimeNs),
  }
  return {
    path,
    fd,
    identity,
    openSibling: () => null,
    listSiblings: () => [],
    sampleIdentity: () => identity,
    close: () => closeSync(fd),
  }
}

/** Generating takes hundreds of megabytes: in a process of its own, so that ours shows what reading takes. */
function writeModelElsewhere(path: string): number {
  const program = `const { writeModel } = await import(process.argv[1]); process.stdout.write(String(writeModel(process.argv[2])))`
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program, import.meta.url, path]))
}

/** Writes a model with a real header and a data section of holes; says how long the header is. */
export function writeModel(path: string): number {
  const header = Buffer.concat([...buildHeader()])
  const fd = openSync(path, 'w')
  writeSync(fd, header)
  const dataStart = Math.ceil(header.length / 32) * 32
  ftruncateSync(fd, dataStart + tensorTable().bytes)
  closeSync(fd)
  return header.length
}

function* buildHeader(): Generator<Buffer> {
  const table = tensorTable()
  const pairs = [...metadata()]
  yield Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(table.count), uint64(pairs.length)])
  yield* pairs
  yield table.written
}

function* metadata(): Generator<Buffer> {
  const number = (key: string, value: number) => Buffer.concat([string(key), uint32(4), uint32(value)])
  const text = (key: string, value: string) => Buffer.concat([string(key), uint32(8), string(value)])
  yield text('general.architecture', 'llama')
  yield text('general.name', 'generated')
  yield number('llama.block_count', LAYERS)
  yield number('llama.embedding_length', 4096)
  yield number('llama.feed_forward_length', 14_336)
  yield number('llama.attention.head_count', 32)
  yield number('llama.attention.head_count_kv', 8)
  yield text('tokenizer.ggml.model', 'gpt2')
  const tokens = Array.from({ length: TOKENS }, (_, id) => string(word(id)))
  yield Buffer.concat([string('tokenizer.ggml.tokens'), uint32(9), uint32(8), uint64(TOKENS), ...tokens])
  const types = Buffer.concat(Array.from({ length: TOKENS }, (_, id) => uint32(id < TOKENS - 256 ? 1 : 3)))
  yield Buffer.concat([string('tokenizer.ggml.token_type'), uint32(9), uint32(5), uint64(TOKENS), types])
  const merges = Array.from({ length: MERGES }, (_, id) => string(`${word(id).slice(0, 3)} ${word(id + 7).slice(1)}`))
  yield Buffer.concat([string('tokenizer.ggml.merges'), uint32(9), uint32(8), uint64(MERGES), ...merges])
}

/** A token of 2 to 10 characters, every third with a leading space. */
function word(id: number): string {
  const letters = (Math.imul(id + 1, 2_654_435_761) >>> 0).toString(36)
  return `${id % 3 === 0 ? 'Ġ' : ''}${letters}${id.toString(36)}`.slice(0, 2 + (id % 9))
}

function tensorTable(): { readonly count: number; readonly bytes: number; readonly written: Buffer } {
  const tensors: [string, readonly number[]][] = [['token_embd.weight', [4096, TOKENS]]]
  for (let block = 0; block < LAYERS; block += 1) {
    for (const role of ['attn_norm', 'ffn_norm']) tensors.push([`blk.${block}.${role}.weight`, [4096]])
    for (const role of ['attn_q', 'attn_output']) tensors.push([`blk.${block}.${role}.weight`, [4096, 4096]])
    for (const role of ['attn_k', 'attn_v']) tensors.push([`blk.${block}.${role}.weight`, [4096, 1024]])
    for (const role of ['ffn_gate', 'ffn_up']) tensors.push([`blk.${block}.${role}.weight`, [4096, 14_336]])
    tensors.push([`blk.${block}.ffn_down.weight`, [14_336, 4096]])
  }
  let offset = 0
  const rows: Buffer[] = []
  for (const [name, dims] of tensors) {
    const elements = dims.reduce((product, dim) => product * dim, 1)
    rows.push(Buffer.concat([string(name), uint32(dims.length), ...dims.map(uint64), uint32(1), uint64(offset)]))
    offset += Math.ceil((elements * 2) / 32) * 32
  }
  return { count: tensors.length, bytes: offset, written: Buffer.concat(rows) }
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

function string(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}

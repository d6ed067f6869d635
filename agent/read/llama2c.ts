// Checkpoints of llama2.c (karpathy/llama2.c:export.py, versions 0, 1 and 2): a header, and matrices in an order known by heart.
// Little-endian.
//
//   0: int32 dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size (below 0: own output matrix), seq_len | float32 data
//   1: uint32 0x616b3432 | int32 version | the same seven | uint8 shared output | padding to 256 | float32 data
//   2: as 1, with int32 group size behind the byte; norms as float32, then int8 matrices, each followed by its float32 scales
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import { HEADER_BYTES, type Llama2cHeader, listMatrices, parseHeader, sizeOfMatrices } from './llama2c-layout.ts'
import type { Look } from './look.ts'
import type { ContainerFacts, FormatReader, WeightsPart } from './weights.ts'

const FLOAT_BYTES = 4

/** The reader of llama2.c's checkpoints. */
export const llama2c: FormatReader = {
  id: 'llama2c',
  endings: ['.bin'],
  certainty: 'structure',
  recognise,
  read,
}

/** Without a magic number only the exact size proves the header. */
function recognise({ head, sizeBytes }: Look): boolean {
  const header = parseHeader(head)
  if (header === null) return false
  return header.version > 0 || sizeOfMatrices(header) === BigInt(sizeBytes)
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const header = gaps.attempt(() => readHeader(cursor))
  if (header !== undefined) {
    gaps.attempt(() => layOut(cursor, header, table))
    const size = sizeOfMatrices(header)
    if (BigInt(cursor.size) > size) {
      gaps.blame('GNO_READ_INVALID', `${BigInt(cursor.size) - size} bytes follow the last matrix`)
    }
  }
  return {
    isModel: true,
    formatVersion: header === undefined ? null : String(header.version),
    facts: describe(header),
    claims: {},
    hyperparameters:
      header === undefined
        ? {}
        : {
            architecture: 'llama',
            layers: header.layers,
            embeddingWidth: header.width,
            feedForwardWidth: header.hidden,
            attentionHeads: header.heads,
            kvHeads: header.kvHeads,
            vocabularyRows: header.vocabulary,
            contextLength: header.context,
          },
    tensors: table.tensors,
    headerBytes: Math.min(cursor.size, header === undefined ? cursor.size : HEADER_BYTES[header.version]),
  }
}

function describe(header: Llama2cHeader | undefined): ContainerFacts {
  const facts = new Map<string, number | boolean>()
  if (header === undefined) return facts
  facts.set('version', header.version)
  facts.set('sharedClassifier', header.isShared)
  if (header.groupSize > 0) facts.set('groupSize', header.groupSize)
  return facts
}

function readHeader(cursor: Cursor): Llama2cHeader {
  cursor.step()
  const header = parseHeader(Buffer.from(cursor.copy(Math.min(cursor.size, HEADER_BYTES[2]))))
  if (header === null) throw readTrouble('GNO_READ_INVALID', 'the header is none of llama2.c')
  return header
}

function layOut(cursor: Cursor, header: Llama2cHeader, table: TensorTable): void {
  let at = HEADER_BYTES[header.version]
  for (const { name, shape, isQuantized } of listMatrices(header)) {
    cursor.step()
    let elements = 1n
    for (const dim of shape) elements *= BigInt(dim)
    const scales = isQuantized ? (elements / BigInt(header.groupSize)) * BigInt(FLOAT_BYTES) : 0n
    const bytes = isQuantized ? elements + scales : elements * BigInt(FLOAT_BYTES)
    if (BigInt(at) + bytes > BigInt(cursor.size)) {
      throw readTrouble('GNO_READ_TRUNCATED', `${name} ends at byte ${BigInt(at) + bytes}, file has ${cursor.size}`)
    }
    table.add({
      name,
      type: isQuantized ? 'I8' : 'F32',
      shape,
      offset: at,
      bytes: Number(bytes),
      isPacked: isQuantized,
    })
    at += Number(bytes)
  }
}

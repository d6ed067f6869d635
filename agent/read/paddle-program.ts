// PaddlePaddle's programs, which hold no weights: .pdmodel (Paddle:paddle/phi/core/framework/framework.proto, ProgramDesc), its
// successor inference.json (PIR), and Paddle Lite's .nb, which holds both (Paddle-Lite:lite/model_parser/model_parser.cc).
//
//   ProgramDesc: blocks 1 (idx 1, parent_idx 2, vars 3 (name 1, type 2, persistable 3), ops 4 (type 3)) | version 4 (1) | op versions 5
//   .nb: uint16 1 or 2 | text 16 'v2.10' | uint64 size of the program | flatbuffer | weights
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { OpCounts } from './op-counts.ts'
import { type FieldRange, fieldNumber, fieldText, readAlong, readFields } from './protobuf-fields.ts'
import { fitsShape } from './protobuf-shape.ts'
import type { WeightsPart } from './weights.ts'

export type PaddleProgram = 'pdmodel' | 'pir' | 'lite'

const MAX_OP_CHARS = 128
const PIR = /^\s{0,64}\{\s{0,64}"base_code"\s{0,64}:\s{0,64}\{\s{0,64}"magic"\s{0,64}:\s{0,64}"pir"/
const PIR_VERSION = /"version"\s{0,64}:\s{0,64}"?([0-9.]{1,16})/
const LITE_VERSION = /^[\x01\x02]\0(v?[0-9]{1,3}\.[0-9]{1,3}[\w.-]{0,12})\0/
const LITE_HEAD_BYTES = 26
const LITE_SIZE_AT = 18
const CLOSING = 0x7d
const TAIL_BYTES = 64

export function programKind(look: Look): PaddleProgram | null {
  if (PIR.test(look.text(0, 256))) return 'pir'
  if (LITE_VERSION.test(look.text(0, LITE_SIZE_AT)) && look.sizeBytes > LITE_HEAD_BYTES) return 'lite'
  return isProgramDesc(look) ? 'pdmodel' : null
}

/** A first block with index 0 and the parent -1 or 0. */
function isProgramDesc(look: Look): boolean {
  if (look.head[0] !== 0x0a) return false
  const whole = { start: 0, size: look.sizeBytes }
  const program = fitsShape(
    look,
    whole,
    new Map([
      [1, 'bytes'],
      [4, 'bytes'],
      [5, 'bytes'],
    ] as const),
    8,
  )
  const first = program?.get(1)
  if (first === undefined) return false
  const block = fitsShape(
    look,
    first,
    new Map([
      [1, 'varint'],
      [2, 'varint'],
      [3, 'bytes'],
      [4, 'bytes'],
      [5, 'varint'],
    ] as const),
    3,
  )
  const [index, parent, held] = [block?.get(1), block?.get(2), block?.get(3) ?? block?.get(4)]
  if (index?.value !== 0n || parent === undefined || held === undefined) return false
  return parent.value === 0n || BigInt.asIntN(32, parent.value) === -1n
}

export function readPaddleProgram(cursor: Cursor, gaps: GapList, kind: PaddleProgram): WeightsPart {
  const facts = new Map<string, string | number>([['layout', kind]])
  const read = { pdmodel: readProgramDesc, pir: readPir, lite: readLite }[kind]
  const formatVersion = gaps.attempt(() => read(cursor, facts, gaps)) ?? null
  return {
    isModel: true,
    // Paddle Lite alone keeps the weights in the same file.
    holds: kind === 'lite' ? 'weights' : 'sidecar',
    formatVersion,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readProgramDesc(cursor: Cursor, facts: Map<string, string | number>, gaps: GapList): string | null {
  const draft: ProgramDraft = { ops: new OpCounts(), blocks: 0, variables: 0, persistables: 0, version: null }
  gaps.attempt(() => {
    for (const field of readFields(cursor)) {
      if (field.number === 4 && field.wireType === 2) draft.version = readVersion(cursor, field)
      if (field.number === 1 && field.wireType === 2) readBlock(cursor, field, draft)
    }
  })
  facts.set('blockCount', draft.blocks)
  facts.set('variableCount', draft.variables)
  facts.set('persistableCount', draft.persistables)
  facts.set('nodeCount', draft.ops.total)
  facts.set('opTypes', draft.ops.text())
  return draft.version?.toString() ?? null
}

interface ProgramDraft {
  readonly ops: OpCounts
  blocks: number
  variables: number
  persistables: number
  version: number | null
}

function readBlock(cursor: Cursor, block: FieldRange, draft: ProgramDraft): void {
  draft.blocks += 1
  for (const variable of readAlong(cursor, block, [3])) {
    draft.variables += 1
    if (isPersistable(cursor, variable)) draft.persistables += 1
  }
  for (const type of readAlong(cursor, block, [4, 3])) draft.ops.add(fieldText(cursor, type, MAX_OP_CHARS))
}

function readVersion(cursor: Cursor, range: FieldRange): number | null {
  for (const field of readFields(cursor, range)) if (field.number === 1) return fieldNumber(field)
  return null
}

function isPersistable(cursor: Cursor, range: FieldRange): boolean {
  for (const field of readFields(cursor, range)) if (field.number === 3) return field.value !== 0n
  return false
}

function readPir(cursor: Cursor, facts: Map<string, string | number>): string | null {
  const head = Buffer.from(cursor.view(Math.min(cursor.size, 4_096))).toString('latin1')
  cursor.leap(Math.max(0, cursor.size - TAIL_BYTES))
  const tail = Buffer.from(cursor.view(cursor.remaining)).toString('latin1').trimEnd()
  if (tail.charCodeAt(tail.length - 1) !== CLOSING) throw readTrouble('GNO_READ_TRUNCATED', 'the program breaks off')
  const version = PIR_VERSION.exec(head)?.[1] ?? null
  facts.set('programBytes', cursor.size)
  return version
}

function readLite(cursor: Cursor, facts: Map<string, string | number>): string | null {
  const head = Buffer.from(cursor.view(LITE_SIZE_AT)).toString('latin1')
  const version = LITE_VERSION.exec(head)?.[1] ?? ''
  facts.set('optVersion', version)
  const size = cursor.uint64()
  if (size > BigInt(cursor.remaining)) {
    throw readTrouble(
      'GNO_READ_TRUNCATED',
      `a program of ${size} bytes at byte ${cursor.position}, file has ${cursor.size}`,
    )
  }
  facts.set('programBytes', Number(size))
  return String(head.charCodeAt(0))
}

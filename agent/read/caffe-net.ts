// Caffe (BVLC/caffe:src/caffe/proto/caffe.proto): a network with its values (.caffemodel), or without them as text (.prototxt).
//
//   NetParameter: 1 name | 2 layers (version 1) | 3 input | 8 input_shape | 100 layer
//   layer: 1 name | 2 type | 7 blobs; layers: 4 name | 5 type | 6 blobs
//   blob: 1 num | 2 channels | 3 height | 4 width | 5 data float[] | 7 shape { 1 dim[] } | 8 double_data
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { MAX_RANK, TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { OpCounts, listWords } from './op-counts.ts'
import {
  type FieldRange,
  type ProtobufField,
  fieldNumber,
  fieldText,
  gatherNumbers,
  readFields,
} from './protobuf-fields.ts'
import { type MessageShape, fitsShape, isWord } from './protobuf-shape.ts'
import { readTextFields } from './text-proto.ts'
import type { WeightsPart } from './weights.ts'

const MAX_WORD_BYTES = 4_096
const LAYER = 100
const OLD_LAYER = 2

const NET: MessageShape = new Map([
  [1, 'text'],
  [2, 'bytes'],
  [3, 'text'],
  [4, 'numbers'],
  [5, 'varint'],
  [6, 'bytes'],
  [7, 'varint'],
  [8, 'bytes'],
  [100, 'bytes'],
])

/** A text that describes layers: a first layer with a name and a type, after words of the network. */
const TEXT_NET =
  /(?:^|\n)\s{0,64}layers?\s{0,8}\{\s{1,256}(?:name:\s{0,8}["'][^"'\n]{1,128}["']\s{1,64}type:|type:\s{0,8}["'A-Z][^\n]{1,64}\s{1,64}name:|bottom:|top:)/
const TEXT_START =
  /^(?:\s|#[^\n]{0,1024}\n){0,512}(?:name\s{0,8}:|input|layers?\s{0,8}\{|force_backward|state\s{0,8}\{)/

/** Which of the two the file is; null when it is neither. */
export function caffeKind(look: Look): 'binary' | 'text' | null {
  const net = fitsShape(look, { start: 0, size: look.sizeBytes }, NET, 24)
  const layer = net?.get(LAYER)
  const old = net?.get(OLD_LAYER)
  if (net !== null && (layer !== undefined || old !== undefined)) {
    return isLayer(look, layer) || isOldLayer(look, old) ? 'binary' : null
  }
  const text = look.text(0, 4_096)
  return TEXT_START.test(text) && TEXT_NET.test(text) ? 'text' : null
}

function isLayer(look: Look, range: FieldRange | undefined): boolean {
  if (range === undefined) return false
  const shape: MessageShape = new Map([
    [1, 'text'],
    [2, 'text'],
    [3, 'text'],
    [4, 'text'],
    [5, 'floats'],
    [6, 'bytes'],
    [7, 'bytes'],
    [8, 'bytes'],
    [9, 'bytes'],
    [10, 'varint'],
    [11, 'numbers'],
  ])
  const found = fitsShape(look, range, shape, 3)
  return found !== null && [1, 2].every((number) => isWord(look, found.get(number)))
}

function isOldLayer(look: Look, range: FieldRange | undefined): boolean {
  if (range === undefined) return false
  const shape: MessageShape = new Map([
    [1, 'bytes'],
    [2, 'text'],
    [3, 'text'],
    [4, 'text'],
    [5, 'varint'],
    [6, 'bytes'],
  ])
  const found = fitsShape(look, range, shape, 4)
  return found !== null && isWord(look, found.get(4)) && found.has(5)
}

/** Reads a network. */
export function readCaffe(cursor: Cursor, gaps: GapList, kind: 'binary' | 'text'): WeightsPart {
  const net = new CaffeNet(cursor, gaps)
  gaps.attempt(() => {
    if (kind === 'binary') for (const field of readFields(cursor)) net.take(field)
    else net.readText()
  })
  const { facts, ops, table } = net
  if (net.topFields.size > 0) facts.set('protobufTopFields', listWords(net.topFields))
  facts.set('kind', 'caffe')
  facts.set('layerCount', ops.total)
  facts.set('opTypes', ops.text())
  const name = facts.get('graphName')
  return {
    isModel: true,
    ...(kind === 'text' ? { holds: 'data' as const } : {}),
    formatVersion: null,
    facts,
    claims: typeof name === 'string' && name !== '' ? { name: name.slice(0, 256) } : {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

class CaffeNet {
  readonly topFields = new Set<string>()
  readonly facts = new Map<string, string | number>()
  readonly ops = new OpCounts()
  readonly table: TensorTable
  readonly #cursor: Cursor
  readonly #gaps: GapList

  constructor(cursor: Cursor, gaps: GapList) {
    this.#cursor = cursor
    this.#gaps = gaps
    this.table = new TensorTable(cursor.size)
  }

  take(field: ProtobufField): void {
    this.topFields.add(String(field.number))
    if (field.number === 1) this.facts.set('graphName', listWords([fieldText(this.#cursor, field, MAX_WORD_BYTES)]))
    if (field.number === LAYER) this.#readLayer(field, { name: 1, type: 2, blobs: 7 })
    if (field.number === OLD_LAYER) this.#readLayer(field, { name: 4, type: 5, blobs: 6 })
  }

  readText(): void {
    for (const { path, key, value } of readTextFields(this.#cursor)) {
      if (value === null) continue
      if (path === '' && key === 'name') this.facts.set('graphName', value)
      if ((path === 'layer' || path === 'layers') && key === 'type') this.ops.add(value)
    }
  }

  #readLayer(
    range: FieldRange,
    numbers: { readonly name: number; readonly type: number; readonly blobs: number },
  ): void {
    let name = ''
    let type = ''
    let blobs = 0
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === numbers.name) name = fieldText(this.#cursor, field, MAX_WORD_BYTES)
      // Version 1 numbers its types.
      if (field.number === numbers.type) {
        type = field.wireType === 0 ? `type${fieldNumber(field)}` : fieldText(this.#cursor, field, MAX_WORD_BYTES)
      }
      if (field.number !== numbers.blobs) continue
      const blob = `${name}.${blobs}`
      blobs += 1
      this.#gaps.attempt(() => {
        this.#readBlob(field, blob)
      })
    }
    this.ops.add(type)
  }

  #readBlob(range: FieldRange, name: string): void {
    const old = [0, 0, 0, 0]
    let shape: number[] | undefined
    let values: { readonly type: string; readonly range: ProtobufField } | undefined
    for (const field of readFields(this.#cursor, range)) {
      if (field.number >= 1 && field.number <= 4) old[field.number - 1] = fieldNumber(field)
      if (field.number === 7) shape = this.#readShape(field)
      if (field.number === 5 && field.wireType === 2) values = { type: 'F32', range: field }
      if (field.number === 8 && field.wireType === 2) values = { type: 'F64', range: field }
    }
    if (values === undefined || values.range.isCut) return
    const { start, size } = values.range
    this.table.add({ name, type: values.type, shape: shape ?? old, offset: start, bytes: size })
  }

  #readShape(range: FieldRange): number[] {
    const shape: number[] = []
    for (const field of readFields(this.#cursor, range)) {
      if (field.number === 1) gatherNumbers(this.#cursor, field, shape, MAX_RANK)
    }
    return shape
  }
}

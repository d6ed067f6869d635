// A family of deployed models, one reader: Huawei's offline models (IMOD, and PICO for cameras; lutzroeder/netron:source/om.js),
// Samsung's Circle (TensorFlow Lite's schema under another identifier), Imagination's IMGDNN, TVM's parameters, DL4J archives.
//
//   IMOD: 'IMOD' | u32 header bytes | u32 version | 64 checksum | u32 length | u8 encrypted, checked, type, mode | 32 name | u32 operators
//         | 32 free | u32 IR version | u32 models | 20 platform .. ; at the header's end u32 partitions | (u32 type, place, bytes)*
//   PICO: 'PICO' | u32 | u32 size | u32 parameter bytes, place | u32 | u32 transform place, bytes
import { type Cursor, readTrouble } from './cursor.ts'
import { hasIdentifier } from './flatbuffer.ts'
import { type GapList, quoted } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { readTfliteModel } from './tflite-model.ts'
import { isTorchZip } from './torch-zip.ts'
import { TVM_MAGIC, readTvmParams } from './tvm-params.ts'
import type { FormatReader, WeightsPart } from './weights.ts'
import { openMember, readZip } from './zip.ts'

const MIN_OM_HEADER = 256
const MAX_OM_HEADER = 4_096
/** Five kinds of partitions for each of a few models (CWE-770). */
const MAX_PARTITIONS = 1_024
const OM_ENTRY_BYTES = 12
const CONFIGURATION = 'configuration.json'
const COEFFICIENTS = 'coefficients.bin'
/** DL4J's configurations of a hundred layers are 200 KB (CWE-409). */
const MAX_CONFIGURATION_BYTES = 8_388_608
const PARTITIONS: readonly string[] = ['model', 'weights', 'tasks', 'kernels', 'host kernels', 'device']

/** The reader of the family. */
export const onednnOm: FormatReader = {
  id: 'onednn-om',
  endings: ['.om', '.circle', '.params', '.zip'],
  certainty: 'magic',
  recognise: (look) => kindOf(look) !== null,
  read: (cursor, gaps, { look }) => {
    const kind = kindOf(look)
    return kind === 'circle' ? readTfliteModel(cursor, gaps, 'CIR0') : read(cursor, gaps, kind)
  },
}

type Kind = 'om' | 'om-pico' | 'circle' | 'imgdnn' | 'tvm' | 'dl4j'

function kindOf(look: Look): Kind | null {
  const start = look.text(0, 8)
  const numbers = look.head.subarray(0, 32)
  if (start.startsWith('IMOD')) {
    const size = numbers.length < 8 ? MIN_OM_HEADER : numbers.readUInt32LE(4)
    return size >= MIN_OM_HEADER && size <= MAX_OM_HEADER ? 'om' : null
  }
  if (start.startsWith('PICO')) return numbers.length === 32 && isPico(numbers, look.sizeBytes) ? 'om-pico' : null
  if (start.startsWith('IMGDNN')) return (look.head[6] ?? 0x20) < 0x09 ? 'imgdnn' : null
  if (numbers.toString('hex', 0, 8) === TVM_MAGIC) return 'tvm'
  if (hasIdentifier(look, 'CIR0')) return 'circle'
  const zip = start.startsWith('PK') ? look.zip() : null
  const names = zip === null || isTorchZip(zip) ? undefined : zip.byName
  return names?.has(CONFIGURATION) === true && names.has(COEFFICIENTS) ? 'dl4j' : null
}

/** The parameters begin behind the header and before the end; a text would name a place far beyond. */
function isPico(numbers: Buffer, sizeBytes: number): boolean {
  const place = numbers.readUInt32LE(16)
  return place >= 32 && place <= sizeBytes
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly table: TensorTable
  name: string
}

function read(cursor: Cursor, gaps: GapList, kind: Exclude<Kind, 'circle'> | null): WeightsPart {
  const draft: Draft = { facts: new Map(), table: new TensorTable(cursor.size), name: '' }
  if (kind !== null) draft.facts.set('container', kind)
  gaps.attempt(() => {
    cursor.step(2)
    cursor.seek(0)
    if (kind === 'om') readOm(cursor, draft, gaps)
    else if (kind === 'om-pico') readPico(cursor, draft)
    else if (kind === 'dl4j') readArchive(cursor, draft, gaps)
    else if (kind === 'tvm') draft.facts.set('arrays', readTvmParams(cursor, draft.table))
    else if (kind === 'imgdnn') {
      cursor.view(8)
      gaps.note('GNO_READ_SKIPPED', 'the layout of IMGDNN files is not public')
    } else throw readTrouble('GNO_READ_TRUNCATED', 'the model ends in its first words')
  })
  const version = draft.facts.get('version')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts: draft.facts,
    claims: draft.name === '' ? {} : { name: draft.name },
    hyperparameters: {},
    tensors: draft.table.tensors,
    headerBytes: draft.table.headerBytes,
  }
}

function textOf(cursor: Cursor, bytes: number): string {
  return Buffer.from(cursor.view(bytes)).toString('utf8').split('\0')[0] ?? ''
}

function readOm(cursor: Cursor, draft: Draft, gaps: GapList): void {
  const { facts } = draft
  cursor.seek(4)
  const headerBytes = cursor.uint32()
  facts.set('version', cursor.uint32())
  cursor.skip(68)
  const isEncrypted = cursor.uint8() === 1
  facts.set('isEncrypted', isEncrypted)
  cursor.skip(3)
  draft.name = textOf(cursor, 32)
  facts.set('operators', cursor.uint32())
  cursor.skip(32)
  facts.set('irVersion', cursor.uint32()).set('models', cursor.uint32())
  const platform = textOf(cursor, 20)
  if (platform !== '') facts.set('platform', platform)
  if (isEncrypted) {
    gaps.blame('GNO_READ_LOCKED', 'the model is encrypted')
    return
  }
  cursor.seek(headerBytes)
  readPartitions(cursor, headerBytes, draft)
}

function readPartitions(cursor: Cursor, headerBytes: number, { facts }: Draft): void {
  const count = cursor.uint32()
  if (count > MAX_PARTITIONS) throw readTrouble('GNO_READ_LIMIT', `${count} partitions, limit ${MAX_PARTITIONS}`)
  const base = headerBytes + 4 + count * OM_ENTRY_BYTES
  const kinds: string[] = []
  facts.set('partitions', count)
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const type = cursor.uint32()
    const end = base + cursor.uint32() + cursor.uint32()
    kinds.push(PARTITIONS[type] ?? `partition ${type}`)
    if (end > cursor.size)
      throw readTrouble('GNO_READ_TRUNCATED', `partition ${index} ends at byte ${end} of ${cursor.size}`)
  }
  facts.set('partitionTypes', kinds.slice(0, 16).join(', '))
}

function readPico(cursor: Cursor, { facts }: Draft): void {
  cursor.seek(8)
  const size = cursor.uint32()
  const parameterBytes = cursor.uint32()
  const place = cursor.uint32()
  cursor.skip(4)
  const transform = cursor.uint32()
  facts.set('sizeBytes', size).set('parameterBytes', parameterBytes)
  const end = Math.max(place + parameterBytes, transform)
  if (end > cursor.size) throw readTrouble('GNO_READ_TRUNCATED', `the model ends at byte ${end} of ${cursor.size}`)
}

function readArchive(cursor: Cursor, { facts }: Draft, gaps: GapList): void {
  const directory = readZip(cursor)
  if (directory === null) throw readTrouble('GNO_READ_TRUNCATED', 'the model has no zip directory')
  for (const name of directory.doubles) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  const configuration = directory.byName.get(CONFIGURATION)
  facts.set('members', directory.members.length)
  facts.set('coefficientBytes', directory.byName.get(COEFFICIENTS)?.sizeBytes ?? 0)
  facts.set('hasUpdater', directory.byName.has('updaterState.bin'))
  if (configuration === undefined) return
  const inner = gaps.attempt(() => openMember(cursor, configuration, MAX_CONFIGURATION_BYTES))
  if (inner === undefined) return
  if (inner.size > MAX_CONFIGURATION_BYTES)
    throw readTrouble('GNO_READ_LIMIT', `a configuration of ${inner.size} bytes`)
  const tree = parseJsonTree(inner.copy(inner.size))
  const layers = layersOf(tree)
  if (layers !== null) facts.set('layers', layers)
}

/** A list of layers, or a graph of vertices. */
function layersOf(tree: JsonValue): number | null {
  if (typeof tree !== 'object' || tree === null || !('get' in tree)) return null
  const list = tree.get('confs')
  if (typeof list === 'object' && list !== null && 'length' in list) return list.length
  const vertices = tree.get('vertices')
  return typeof vertices === 'object' && vertices !== null && 'size' in vertices ? vertices.size : null
}

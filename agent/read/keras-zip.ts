// Archives of Keras 3 (`.keras`; keras-team/keras:keras/src/saving/saving_lib.py): metadata.json, config.json and the weights as HDF5,
// which are read where they are. Nothing that config.json names is imported.
import type { Cursor } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import { type GapList, quoted } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import { readKerasClasses, writeClasses } from './keras-config.ts'
import type { Look } from './look.ts'
import { readMember, roomForTensors } from './nested-weights.ts'
import { isTorchZip } from './torch-zip.ts'
import type { ContainerFacts, FormatReader, ReadContext, TensorInfo, WeightsPart } from './weights.ts'
import { type ZipDirectory, openMember, readZip } from './zip.ts'

/** The configuration of the largest networks is 2 MB (CWE-409). */
const MAX_CONFIG_BYTES = 8_388_608
const MAX_METADATA_BYTES = 65_536
/** Shards of the weights (CWE-770). */
const MAX_WEIGHTS_MEMBERS = 64
const MAX_FACT_CHARS = 512
const WEIGHTS_ENDING = '.weights.h5'

/** The reader of Keras 3 archives. */
export const kerasZip: FormatReader = {
  id: 'keras-zip',
  endings: ['.keras'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const zip = look.zip()
  if (zip === null || !zip.byName.has('config.json') || !zip.byName.has('metadata.json')) return false
  if (isTorchZip(zip)) return false
  return zip.members.some(({ name }) => name.endsWith(WEIGHTS_ENDING) || name.startsWith('model.weights.'))
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly tensors: TensorInfo[]
  version: string | null
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const draft: Draft = { facts: new Map(), tensors: [], version: null }
  const zip = gaps.attempt(() => readZip(cursor)) ?? null
  if (zip !== null) {
    const { facts } = draft
    facts.set('memberCount', zip.members.length)
    // Readers differ in which of two members with one name they believe (CWE-694).
    for (const name of zip.doubles) gaps.blame('GNO_READ_INVALID', `the member ${quoted(name)} is there twice`)
    gaps.attempt(() => readMetadata(cursor, zip, draft))
    gaps.attempt(() => readConfig(cursor, zip, facts))
    readWeights(cursor, zip, { draft, gaps, context })
  }
  const { facts, tensors, version } = draft
  const headerBytes = tensors.reduce(
    (least, { offset, bytes }) => (bytes === null ? least : Math.min(least, offset)),
    cursor.size,
  )
  return { isModel: true, formatVersion: version, facts, claims: {}, hyperparameters: {}, tensors, headerBytes }
}

function readMetadata(cursor: Cursor, zip: ZipDirectory, draft: Draft): void {
  const member = zip.byName.get('metadata.json')
  if (member === undefined) return
  const inner = openMember(cursor, member, MAX_METADATA_BYTES)
  const tree: JsonValue = parseJsonTree(inner.copy(Math.min(inner.size, MAX_METADATA_BYTES)))
  const text = (key: string): string | undefined => {
    const value: unknown = tree instanceof Map ? tree.get(key) : undefined
    return typeof value === 'string' ? value.slice(0, MAX_FACT_CHARS) : undefined
  }
  draft.version = text('keras_version') ?? null
  setText(draft.facts, 'kerasVersion', text('keras_version'))
  setText(draft.facts, 'dateSaved', text('date_saved'))
}

function setText(facts: Map<string, string | number | boolean>, key: string, value: string | undefined): void {
  if (value !== undefined) facts.set(key, value)
}

function readConfig(cursor: Cursor, zip: ZipDirectory, facts: Map<string, string | number | boolean>): void {
  const member = zip.byName.get('config.json')
  if (member === undefined) return
  const inner = openMember(cursor, member, MAX_CONFIG_BYTES)
  const { classes, layers } = readKerasClasses(inner.copy(Math.min(inner.size, MAX_CONFIG_BYTES)))
  facts.set('classNames', writeClasses(classes))
  facts.set('layers', layers)
}

interface WeightsReading {
  readonly draft: Draft
  readonly gaps: GapList
  readonly context: ReadContext
}

function readWeights(cursor: Cursor, zip: ZipDirectory, { draft, gaps, context }: WeightsReading): void {
  const room = roomForTensors()
  const members = zip.members.filter(({ name }) => name.endsWith(WEIGHTS_ENDING))
  for (const member of members.slice(0, MAX_WEIGHTS_MEMBERS)) {
    const nested = gaps.attempt(() => readMember(cursor, { member, prefix: '', room }, gaps, context))
    if (nested === null) gaps.note('GNO_READ_SKIPPED', `${quoted(member.name)} is no HDF5 file`)
    if (nested !== null && nested !== undefined) draft.tensors.push(...nested.weights.tensors)
    takeCounts(draft.facts, nested?.weights.facts)
  }
  const untold = members.length - MAX_WEIGHTS_MEMBERS
  if (untold > 0) gaps.note('GNO_READ_SKIPPED', `${untold} further files of weights`)
}

function takeCounts(facts: Map<string, string | number | boolean>, inner: ContainerFacts | undefined): void {
  for (const key of ['datasets', 'elements']) {
    const value = inner?.get(key)
    if (typeof value === 'number') facts.set(key, value + Number(facts.get(key) ?? 0))
  }
}

// LiteRT-LM bundles (google-ai-edge/LiteRT-LM:schema/core/litertlm_header_schema.fbs, litertlm_read.cc, major version 1):
//
//   'LITERTLM' | u32 major, minor, patch | u32 padding | u64 end of the header | flatbuffer with the sections | sections, each at 16 KiB
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { type Cursor, readTrouble } from './cursor.ts'
import { type FlatTable, Flatbuffer } from './flatbuffer.ts'
import type { GapList } from './gap-list.ts'
import { mostFrequent, shifted } from './laid-out.ts'
import { type TensorRoom, roomForTensors, takeRoom } from './nested-weights.ts'
import type { FormatReader, ReadContext, ReadNested, TensorInfo, WeightsPart } from './weights.ts'

const MAGIC = 'LITERTLM'
const HEADER_AT = 32
/** Sections begin at 16 KiB, so that is what headers have; a megabyte leaves room for descriptions (CWE-400). */
const MAX_HEADER_BYTES = 1_048_576
/** A bundle has a tokenizer, metadata and a few models (CWE-770). */
const MAX_SECTIONS = 256
const MAX_ENTRIES = 256

const META = { system: 0, sections: 1 } as const
const SYSTEM = { entries: 0 } as const
const SECTIONS = { objects: 0 } as const
const SECTION = { items: 0, begin: 1, end: 2, type: 3 } as const
const PAIR = { key: 0, kind: 1, value: 2 } as const
const VALUE = { value: 0 } as const
/** `VData.StringValue`. */
const IS_TEXT = 9
/** `AnySectionDataType`. */
const TYPES: readonly string[] = [
  'none',
  'generic',
  'deprecated',
  'tflite-model',
  'sentencepiece',
  'llm-metadata',
  'hf-tokenizer-zlib',
  'tflite-weights',
  'executor-metadata',
]
const IS_MODEL = 3

/** Keys of the system metadata and of the sections' items that say something about the model. */
const CLAIMS: ReadonlyMap<string, 'name' | 'author' | 'license' | 'version'> = new Map([
  ['model_name', 'name'],
  ['name', 'name'],
  ['authors', 'author'],
  ['author', 'author'],
  ['license', 'license'],
  ['model_version', 'version'],
])

/** The reader of LiteRT-LM bundles. */
export const litertlm: FormatReader = {
  id: 'litertlm',
  endings: ['.litertlm'],
  certainty: 'magic',
  firstBytes: 'L',
  recognise: (look) => look.text(0, 8) === MAGIC,
  read,
}

interface Section {
  readonly at: number
  readonly bytes: number
  readonly type: number
  readonly model: string
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly claims: Map<string, string>
  readonly tensors: TensorInfo[]
  readonly room: TensorRoom
  formatVersion: string | null
}

function read(cursor: Cursor, gaps: GapList, { readNested }: ReadContext): WeightsPart {
  const draft: Draft = {
    facts: new Map([['identifier', MAGIC]]),
    claims: new Map(),
    tensors: [],
    room: roomForTensors(),
    formatVersion: null,
  }
  gaps.attempt(() => {
    const sections = readHeader(cursor, draft)
    checkOrder(sections, gaps)
    for (const section of sections) {
      if (section.type === IS_MODEL) gaps.attempt(() => readModel(cursor, section, readNested, draft, gaps))
    }
  })
  const claims: Claims = Object.fromEntries(draft.claims)
  const first = Math.min(cursor.size, ...draft.tensors.slice(0, 1).map(({ offset }) => offset))
  return {
    isModel: true,
    formatVersion: draft.formatVersion,
    facts: draft.facts,
    claims,
    hyperparameters: {},
    tensors: draft.tensors,
    headerBytes: first,
  }
}

function readHeader(cursor: Cursor, draft: Draft): readonly Section[] {
  cursor.seek(MAGIC.length)
  draft.formatVersion = `${cursor.uint32()}.${cursor.uint32()}.${cursor.uint32()}`
  cursor.skip(4)
  const end = cursor.length(MAX_HEADER_BYTES, 'end of the header')
  draft.facts.set('headerEnd', end)
  if (end < HEADER_AT) throw readTrouble('GNO_READ_INVALID', `the header ends at byte ${end}`)
  const meta = new Flatbuffer(cursor, HEADER_AT, end - HEADER_AT).root()
  for (const entry of meta.table(META.system)?.tables(SYSTEM.entries, MAX_ENTRIES) ?? []) keepEntry(entry, draft)
  const kinds = new Map<string, number>()
  const sections: Section[] = []
  for (const object of meta.table(META.sections)?.tables(SECTIONS.objects, MAX_SECTIONS) ?? []) {
    const section = readSection(object, cursor.size, end, draft)
    const kind = TYPES[section.type] ?? `type ${section.type}`
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
    sections.push(section)
  }
  if (sections.length === 0) throw readTrouble('GNO_READ_INVALID', 'the bundle has no sections')
  draft.facts.set('sections', sections.length).set('sectionTypes', mostFrequent(kinds))
  return sections
}

function readSection(object: FlatTable, fileSize: number, headerEnd: number, draft: Draft): Section {
  const at = object.uint64(SECTION.begin)
  const end = object.uint64(SECTION.end)
  const type = object.uint8(SECTION.type)
  if (at < headerEnd || end < at) throw readTrouble('GNO_READ_INVALID', `a section from byte ${at} to byte ${end}`)
  if (end > fileSize) throw readTrouble('GNO_READ_TRUNCATED', `a section ends at byte ${end} of ${fileSize}`)
  let model = ''
  for (const item of object.tables(SECTION.items, MAX_ENTRIES)) {
    const value = textOf(item)
    if (item.text(PAIR.key) === 'model_type' && value !== null) model = value
    else keepEntry(item, draft)
  }
  return { at, bytes: end - at, type, model }
}

function textOf(pair: FlatTable): string | null {
  return pair.uint8(PAIR.kind) === IS_TEXT ? (pair.table(PAIR.value)?.text(VALUE.value) ?? null) : null
}

function keepEntry(pair: FlatTable, { claims }: Draft): void {
  const claim = CLAIMS.get((pair.text(PAIR.key) ?? '').toLowerCase())
  const value = textOf(pair)
  if (claim !== undefined && value !== null && value !== '' && !claims.has(claim)) {
    claims.set(claim, value.slice(0, MAX_NAME_CHARS))
  }
}

/** Two readers would see two different bundles in sections that share bytes. */
function checkOrder(sections: readonly Section[], gaps: GapList): void {
  let end = 0
  for (const { at, bytes } of [...sections].sort((left, right) => left.at - right.at)) {
    if (at < end) gaps.blame('GNO_READ_OVERLAP', `a section at byte ${at} begins before byte ${end}`)
    end = Math.max(end, at + bytes)
  }
}

function readModel(cursor: Cursor, section: Section, readNested: ReadNested, draft: Draft, gaps: GapList): void {
  const name = section.model === '' ? 'model.tflite' : `${section.model}.tflite`
  const nested = readNested(cursor.within(section.at, section.bytes), name, gaps)
  if (nested === null) {
    gaps.blame('GNO_READ_INVALID', `the section at byte ${section.at} is no model`)
    return
  }
  const prefix = section.model === '' ? '' : `${section.model}/`
  for (const tensor of shifted(nested.weights.tensors, section.at)) {
    const named = { ...tensor, name: `${prefix}${tensor.name}` }
    if (!takeRoom(draft.room, named, gaps)) break
    draft.tensors.push(named)
  }
  const operators = nested.weights.facts?.get('customOperators')
  if (operators !== undefined) draft.facts.set('customOperators', operators)
}

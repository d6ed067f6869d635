// TorchServe's model archives (pytorch/serve:model-archiver): a zip with MAR-INF/MANIFEST.json, which names the weights among the
// other members and the handler, a program in Python.
import type { Cursor } from './cursor.ts'
import { readTrouble } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import { type GapList, quoted } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import type { Look } from './look.ts'
import { readMember, roomForTensors } from './nested-weights.ts'
import { isTorchZip, readDirectory } from './torch-zip.ts'
import type { FormatReader, NestedPart, ReadContext, WeightsPart } from './weights.ts'
import { type ZipDirectory, openMember } from './zip.ts'

const MANIFEST = 'MAR-INF/MANIFEST.json'
/** A manifest lists its extra files by name: under 4 KB (CWE-409). */
const MAX_MANIFEST_BYTES = 1_048_576
const MAX_FACT_CHARS = 512
const MODEL_FACTS: readonly string[] = [
  'modelName',
  'modelVersion',
  'serializedFile',
  'modelFile',
  'handler',
  'description',
]
const ARCHIVE_FACTS: readonly string[] = ['archiverVersion', 'runtime', 'createdOn']

/** The reader of TorchServe's archives. */
export const pytorchMar: FormatReader = {
  id: 'pytorch-mar',
  endings: ['.mar'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const zip = look.zip()
  return zip?.byName.has(MANIFEST) === true && !isTorchZip(zip)
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const zip = readDirectory(cursor, gaps)
  const facts = new Map<string, string | number>([['memberCount', zip?.members.length ?? 0]])
  const manifest = zip === null ? undefined : gaps.attempt(() => readManifest(cursor, zip))
  for (const key of ARCHIVE_FACTS) keep(facts, key, manifest)
  const model = fieldOf(manifest, 'model')
  for (const key of MODEL_FACTS) keep(facts, key, model)
  const file = facts.get('serializedFile')
  const isNamed = zip !== null && typeof file === 'string'
  const nested = isNamed ? gaps.attempt(() => readWeights(cursor, { zip, file }, gaps, context)) : null
  if (nested !== null && nested !== undefined) facts.set('innerFormats', nested.format)
  return describe(cursor, facts, nested?.weights)
}

function describe(cursor: Cursor, facts: ReadonlyMap<string, string | number>, inner?: WeightsPart): WeightsPart {
  const name = facts.get('modelName')
  const tensors = inner?.tensors ?? []
  return {
    ...inner,
    isModel: true,
    holds: 'weights',
    formatVersion: facts.get('archiverVersion')?.toString() ?? null,
    facts: new Map([...(inner?.facts ?? []), ...facts]),
    claims: { ...inner?.claims, ...(typeof name === 'string' ? { name } : {}) },
    hyperparameters: inner?.hyperparameters ?? {},
    tensors,
    headerBytes: tensors.reduce((least, { offset }) => Math.min(least, offset), cursor.size),
  }
}

function readManifest(cursor: Cursor, zip: ZipDirectory): JsonValue {
  const member = zip.byName.get(MANIFEST)
  if (member === undefined) throw readTrouble('GNO_READ_INVALID', `the archive has no ${MANIFEST}`)
  const inner = openMember(cursor, member, MAX_MANIFEST_BYTES)
  if (inner.size > MAX_MANIFEST_BYTES) throw readTrouble('GNO_READ_LIMIT', `a manifest of ${inner.size} bytes`)
  return parseJsonTree(inner.copy(inner.size))
}

function readWeights(
  cursor: Cursor,
  { zip, file }: { readonly zip: ZipDirectory; readonly file: string },
  gaps: GapList,
  context: ReadContext,
): NestedPart | null {
  const member = zip.byName.get(file)
  if (member === undefined) throw readTrouble('GNO_READ_TRUNCATED', `the weights ${quoted(file)} are not there`)
  return readMember(cursor, { member, prefix: '', room: roomForTensors() }, gaps, context)
}

function fieldOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return value instanceof Map ? (value as ReadonlyMap<string, JsonValue>).get(key) : undefined
}

function keep(facts: Map<string, string | number>, key: string, from: JsonValue | undefined): void {
  const value = fieldOf(from, key)
  if (typeof value === 'string' && value !== '') facts.set(key, value.slice(0, MAX_FACT_CHARS))
}

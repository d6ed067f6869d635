// skops archives (skops-dev/skops:skops/io): a zip with schema.json, a tree of `__class__`, `__module__` and `__loader__`, and the
// arrays as .npy members. The loaders are names of functions that skops itself has; a class is imported when it is trusted.
import { Cursor } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import { GapList, quoted } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import type { Look } from './look.ts'
import { isTorchZip } from './torch-zip.ts'
import type { FormatReader, WeightsPart } from './weights.ts'
import { openMember, peekMember, readZip } from './zip.ts'

const SCHEMA = 'schema.json'
/** A random forest of 1,000 trees takes about 10 MB (CWE-409). */
const MAX_SCHEMA_BYTES = 33_554_432
/** Words without which a schema is none of skops. */
const WORDS: readonly string[] = ['"__class__"', '"__loader__"']
const GLANCE_BYTES = 1_048_576
const MAX_FACT_CHARS = 512

/** The reader of skops archives. */
export const skops: FormatReader = {
  id: 'skops',
  endings: ['.skops'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const zip = look.zip()
  const member = zip === null || isTorchZip(zip) ? undefined : zip.byName.get(SCHEMA)
  if (member === undefined || member.sizeBytes > MAX_SCHEMA_BYTES) return false
  const cursor = new Cursor(look.source, { bytes: 4 * GLANCE_BYTES, steps: GLANCE_BYTES })
  // What is wrong with it is told by whoever reads it in full.
  const bytes = new GapList('').attempt(() => peekMember(cursor, member, GLANCE_BYTES))
  return bytes !== undefined && WORDS.every((word) => Buffer.from(bytes).includes(word))
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const found = gaps.attempt(() => readZip(cursor))
  const zip = found ?? null
  // Undefined means that the trouble is told already.
  if (found === null) gaps.blame('GNO_READ_TRUNCATED', 'the zip archive ends before its directory')
  for (const name of zip?.doubles ?? []) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  const member = zip?.byName.get(SCHEMA)
  if (zip !== null && member === undefined) gaps.blame('GNO_READ_INVALID', `the archive has no ${SCHEMA}`)
  const schema =
    member === undefined
      ? undefined
      : gaps.attempt(() => {
          const inner = openMember(cursor, member, MAX_SCHEMA_BYTES)
          return parseJsonTree(inner.copy(Math.min(inner.size, MAX_SCHEMA_BYTES)))
        })
  const { classes, loaders } = collectClasses(cursor, gaps, schema)
  return {
    isModel: true,
    formatVersion: textOf(schema, 'protocol'),
    facts: new Map<string, string | number>([
      ['memberCount', zip?.members.length ?? 0],
      ['classCount', classes.size],
      ['classes', [...classes].join(',').slice(0, MAX_FACT_CHARS)],
      ['loaders', [...loaders].join(',').slice(0, MAX_FACT_CHARS)],
      ['skopsVersion', textOf(schema, '_skops_version') ?? ''],
    ]),
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

function textOf(value: JsonValue | undefined, key: string): string | null {
  const found = value instanceof Map ? (value as ReadonlyMap<string, JsonValue>).get(key) : undefined
  return typeof found === 'string' || typeof found === 'number' ? String(found).slice(0, MAX_FACT_CHARS) : null
}

/** Names of all classes and loaders of the tree. */
function collectClasses(
  cursor: Cursor,
  gaps: GapList,
  root: JsonValue | undefined,
): { readonly classes: ReadonlySet<string>; readonly loaders: ReadonlySet<string> } {
  const classes = new Set<string>()
  const loaders = new Set<string>()
  const waiting: JsonValue[] = root === undefined ? [] : [root]
  gaps.attempt(() => {
    for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
      cursor.step()
      const name = textOf(value, '__class__')
      const loader = textOf(value, '__loader__')
      if (name !== null) classes.add(`${textOf(value, '__module__') ?? ''}.${name}`)
      if (loader !== null) loaders.add(loader)
      waiting.push(...innerOf(value))
    }
  })
  return { classes, loaders }
}

function innerOf(value: JsonValue): readonly JsonValue[] {
  const inside = typeof value === 'object' && value !== null ? [...value.values()] : []
  return inside.filter((inner) => typeof inner === 'object' && inner !== null)
}

// Reads a small JSON file that belongs to a model whole, and says what every such file has in common: it is no weights.
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { type JsonValue, parseJsonTree } from './json-tree.ts'
import type { WeightsPart } from './weights.ts'

export type JsonMap = ReadonlyMap<string, JsonValue>

/** Tokenizer configurations of 2,000 added tokens are 400 KB (CWE-770). */
const MAX_SIDE_BYTES = 4_194_304
const MAX_FACT_CHARS = 512

/** The object of a file; undefined after trouble. One step a byte: a parser looks at each. */
export function readJsonMap(cursor: Cursor, gaps: GapList): JsonMap | undefined {
  return gaps.attempt(() => {
    const { size } = cursor
    if (size > MAX_SIDE_BYTES) throw readTrouble('GNO_READ_LIMIT', `${size} bytes of JSON, limit ${MAX_SIDE_BYTES}`)
    cursor.step(size)
    const tree = parseJsonTree(cursor.copy(size))
    if (!(tree instanceof Map)) throw readTrouble('GNO_READ_INVALID', 'the file is no JSON object')
    return tree
  })
}

/** A file beside weights. */
export function sidePart(
  facts: ReadonlyMap<string, string | number | boolean>,
  rest: Partial<WeightsPart> = {},
): WeightsPart {
  return {
    isModel: true,
    holds: 'sidecar',
    formatVersion: null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: 0,
    ...rest,
  }
}

/** A text or number of the file as a fact of ours. */
export function takeFact(
  facts: Map<string, string | number | boolean>,
  key: string,
  value: JsonValue | undefined,
): void {
  if (typeof value === 'string') facts.set(key, value.slice(0, MAX_FACT_CHARS))
  else if (typeof value === 'number' || typeof value === 'boolean') facts.set(key, value)
}

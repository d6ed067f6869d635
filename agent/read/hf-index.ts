// model.safetensors.index.json: which shard holds which tensor. Walked, not built: Kimi K2's has 140,000 lines.
import { type Cursor, readTrouble } from './cursor.ts'
import { JSON_OBJECT } from './first-bytes.ts'
import type { GapList } from './gap-list.ts'
import { topKeys } from './json-head.ts'
import { JsonWalk } from './json-walk.ts'
import { sidePart } from './side-file.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

/** Kimi K2's is 15 MB (CWE-770). */
const MAX_INDEX_BYTES = 33_554_432
const MAX_SHARDS = 4_096
const MAX_NAME_BYTES = 1_024

/** The reader of lists of shards. */
export const hfIndex: FormatReader = {
  id: 'hf-index',
  endings: ['.index.json', '.json'],
  certainty: 'structure',
  firstBytes: JSON_OBJECT,
  recognise: (look) => {
    const keys = topKeys(look)
    // A long list of tensors ends beyond the head, and its own key with it: it stands in the first bytes all the same.
    const hasMap = keys.has('weight_map') || (keys.has('metadata') && look.text(0, 4_096).includes('"weight_map"'))
    return hasMap && look.text(0, 4_096).includes('.weight')
  },
  read,
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  gaps.attempt(() => {
    const { size } = cursor
    if (size > MAX_INDEX_BYTES) throw readTrouble('GNO_READ_LIMIT', `${size} bytes of JSON, limit ${MAX_INDEX_BYTES}`)
    cursor.lend(size, (bytes) => {
      walkIndex(new JsonWalk(bytes), cursor, facts)
    })
  })
  return sidePart(facts)
}

function walkIndex(walk: JsonWalk, cursor: Cursor, facts: Map<string, string | number | boolean>): void {
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the index is not an object')
  const shards = new Set<string>()
  let tensors = 0
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    cursor.step()
    if (token !== 'key') continue
    if (walk.is('total_size') && walk.depth === 2 && walk.next() === 'number') facts.set('totalSize', walk.number())
    else if (walk.is('weight_map') && walk.depth === 1 && walk.next() === 'object')
      tensors = walkMap(walk, cursor, shards)
  }
  facts.set('tensorCount', tensors)
  facts.set('shards', shards.size)
}

function walkMap(walk: JsonWalk, cursor: Cursor, shards: Set<string>): number {
  let count = 0
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    cursor.step()
    if (walk.next() !== 'string') throw readTrouble('GNO_READ_INVALID', 'a shard name is not a string')
    shards.add(walk.text(MAX_NAME_BYTES))
    if (shards.size > MAX_SHARDS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_SHARDS} shards`)
    count += 1
  }
  return count
}

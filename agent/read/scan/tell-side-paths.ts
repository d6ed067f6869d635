// Tells what JSON files beside weights name that lies elsewhere: shards of an index outside the folder, and the classes and folders of a
// pipeline of sentence-transformers, which it imports by name.
import { JsonWalk } from '../json-walk.ts'
import type { LoadReport } from './load-report.ts'
import { leavesFolder, tellPath } from './tell-location.ts'

const MAX_WORD_BYTES = 4_096
/** Different places of one index; Kimi K2 has 62 shards (CWE-770). */
const MAX_PLACES = 4_096

/** `weight_map: { tensor: shard }`: transformers joins the name of a shard with the folder, and opens what comes out. */
export function tellIndex(bytes: Uint8Array, member: string | undefined, report: LoadReport): void {
  const walk = new JsonWalk(bytes)
  const seen = new Set<string>()
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    const isMap = token === 'key' && walk.depth === 1 && walk.is('weight_map')
    if (isMap && walk.next() === 'object') walkMap(walk, seen, { member, report })
  }
}

interface IndexTelling {
  readonly member: string | undefined
  readonly report: LoadReport
}

function walkMap(walk: JsonWalk, seen: Set<string>, { member, report }: IndexTelling): void {
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    const value = walk.next()
    if (value !== 'string') walk.skip(value)
    const path = value === 'string' ? walk.text(MAX_WORD_BYTES) : ''
    if (seen.has(path) || seen.size >= MAX_PLACES) continue
    seen.add(path)
    if (leavesFolder(path)) tellPath(report, path, { shown: 'a shard lies in', at: walk.start, member })
  }
}

const KEYS: readonly string[] = ['type', 'path']

/** `[{ idx, name, path, type }]` (UKPLab/sentence-transformers:sentence_transformers/SentenceTransformer.py, _load_sbert_model). */
export function tellModules(bytes: Uint8Array, member: string, report: LoadReport): void {
  const walk = new JsonWalk(bytes)
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    const key = token === 'key' ? KEYS.find((word) => walk.is(word)) : undefined
    if (key === undefined || walk.next() !== 'string') continue
    const value = walk.text(MAX_WORD_BYTES)
    const at = walk.start
    if (key === 'path' && leavesFolder(value)) tellPath(report, value, { shown: 'a module lies in', at, member })
    if (key !== 'type' || value === '') continue
    const facts = { format: 'sentence-transformers', key }
    report.tell({ kind: 'configured-object', name: value, shown: `imports ${value}`, facts, member, at })
  }
}

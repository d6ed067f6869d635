// TensorFlow.js (tensorflow/tfjs:tfjs-core/src/io/types.ts): model.json names the graph, and the values in files beside it.
//
//   {"format": "graph-model", "modelTopology": {...}, "weightsManifest": [{"paths": ["group1-shard1of1.bin"],
//    "weights": [{"name": "w", "shape": [4, 3], "dtype": "float32", "quantization": {"dtype": "uint8", ...}}]}]}
import { type Cursor, memoryBytes, readTrouble } from './cursor.ts'
import { MAX_LOAN_BYTES } from './loan.ts'
import { type GapList, quoted } from './gap-list.ts'
import { MAX_RANK } from './laid-out.ts'
import { JsonWalk } from './json-walk.ts'
import { Look } from './look.ts'
import { NeighbourData } from './neighbour-data.ts'
import { OpCounts, listWords } from './op-counts.ts'
import { type FormatReader, type ReadContext, type TensorInfo, type WeightsPart, heldBytes } from './weights.ts'

const MAX_TEXT_BYTES = 4_096
/** The largest exports list some 2,000 weights (CWE-770). */
const MAX_TABLE_BYTES = 12_582_912
const MAX_PATHS = 4_096
/** Older converters write one for each layer: some hundreds (CWE-770). */
const MAX_GROUPS = 16_384
/** Looks for the manifest behind the graph, each of 64 KiB. */
const MAX_LOOKS = 48
const LOOK_BYTES = 65_536
const MANIFEST = '"weightsManifest"'

/** dtype -> its name in safetensors' words and its bytes. */
const TYPES: ReadonlyMap<string, readonly [name: string, bytes: number]> = new Map([
  ['float32', ['F32', 4]],
  ['float16', ['F16', 2]],
  ['int32', ['I32', 4]],
  ['uint8', ['U8', 1]],
  ['uint16', ['U16', 2]],
  ['int8', ['I8', 1]],
  ['bool', ['BOOL', 1]],
  ['complex64', ['C64', 8]],
])

/** Names that converters give to files of values. */
const SHARD_NAME = /(?:\.bin|shard\d{1,5}of\d{1,5}(?:\.bin)?)$/

/** The reader of model.json and of the files with its values. */
export const tfjs: FormatReader = {
  id: 'tfjs',
  endings: ['model.json', '.bin'],
  certainty: 'structure',
  recognise: (look) => isModel(look) || isNamedBeside(look),
  read: (cursor, gaps, context) => (isModel(context.look) ? readModel(cursor, gaps, context) : describeData(cursor)),
}

function isModel(look: Look): boolean {
  const text = look.text(0, MAX_TEXT_BYTES)
  if (!/^\s{0,64}\{/.test(text)) return false
  if (!text.includes('"modelTopology"') && !text.includes(MANIFEST)) return false
  if (text.includes(MANIFEST)) return true
  // The manifest mostly ends the file.
  if (look.text(Math.max(0, look.sizeBytes - LOOK_BYTES), LOOK_BYTES).includes(MANIFEST)) return true
  for (let index = 0; index < MAX_LOOKS; index += 1) {
    const piece = look.text(index * (LOOK_BYTES - MANIFEST.length), LOOK_BYTES)
    if (piece.includes(MANIFEST)) return true
    if (piece.length < LOOK_BYTES) return false
  }
  return false
}

function isNamedBeside(look: Look): boolean {
  if (!SHARD_NAME.test(look.name)) return false
  const head = look.sibling('model.json')
  if (head === null) return false
  // The names stand behind the graph, which may be longer than what is in sight.
  const isWhole = head.length < LOOK_BYTES
  return isModel(new Look(memoryBytes(head), '')) && (!isWhole || Buffer.from(head).includes(`"${look.name}"`))
}

interface Group {
  readonly paths: string[]
  readonly tensors: TensorInfo[]
  bytes: number
}

interface ModelDraft {
  readonly facts: Map<string, string | number>
  readonly ops: OpCounts
  readonly groups: Group[]
  heldBytes: number
  weights: number
}

function readModel(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  const draft: ModelDraft = { facts: new Map(), ops: new OpCounts(), groups: [], heldBytes: 0, weights: 0 }
  gaps.attempt(() => {
    if (cursor.size > MAX_LOAN_BYTES) throw readTrouble('GNO_READ_LIMIT', `model.json of ${cursor.size} bytes`)
    cursor.lend(cursor.size, (bytes) => {
      walkModel(new JsonWalk(bytes), cursor, draft)
    })
  })
  const neighbours = new NeighbourData(look, gaps)
  for (const group of draft.groups) {
    gaps.attempt(() => {
      checkGroup(group, neighbours)
    })
  }
  draft.facts.set('weights', draft.weights)
  if (draft.ops.total > 0) draft.facts.set('opTypes', draft.ops.text())
  const tensors = draft.groups.flatMap((group) => group.tensors)
  const { companions } = neighbours
  return {
    isModel: true,
    formatVersion: null,
    facts: draft.facts,
    claims: {},
    hyperparameters: {},
    tensors: [],
    ...(tensors.length === 0 ? {} : { elsewhere: tensors }),
    ...(companions.length === 0 ? {} : { companions }),
    headerBytes: cursor.size,
  }
}

/** The files of a group are one piece of values, cut anywhere. */
function checkGroup(group: Group, neighbours: NeighbourData): void {
  const sizes = group.paths.map((path) => neighbours.sizeOf(path))
  let total = 0
  for (const size of sizes) {
    if (size === null) return
    total += size
  }
  if (total < group.bytes) {
    throw readTrouble('GNO_READ_TRUNCATED', `the weights take ${group.bytes} bytes, their files have ${total}`)
  }
}

function walkModel(walk: JsonWalk, cursor: Cursor, draft: ModelDraft): void {
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'model.json is no object')
  const seen = new Set<string>()
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    cursor.step()
    const key = walk.text(MAX_TEXT_BYTES)
    // Readers differ in which of two equal keys they believe (CWE-694).
    if (seen.has(key)) throw readTrouble('GNO_READ_INVALID', `${quoted(key)} is there twice`)
    seen.add(key)
    if (key === 'weightsManifest') walkManifest(walk, cursor, draft)
    else if (key === 'modelTopology') walkTopology(walk, cursor, draft)
    else walkWord(walk, key, draft)
  }
  if (walk.next() !== 'end') throw readTrouble('GNO_READ_INVALID', 'something follows the object')
  if (!seen.has('weightsManifest')) throw readTrouble('GNO_READ_INVALID', 'there is no weightsManifest')
}

function walkWord(walk: JsonWalk, key: string, draft: ModelDraft): void {
  const token = walk.next()
  const fact = new Map([
    ['format', 'tfjsFormat'],
    ['generatedBy', 'generatedBy'],
    ['convertedBy', 'convertedBy'],
  ]).get(key)
  if (token === 'string' && fact !== undefined) draft.facts.set(fact, listWords([walk.text(MAX_TEXT_BYTES)]))
  else walk.skip(token)
}

/** Operators of a graph model stand under `op`, layers of a layers model under `class_name`. */
function walkTopology(walk: JsonWalk, cursor: Cursor, draft: ModelDraft): void {
  let depth = 0
  let isName = false
  do {
    cursor.step()
    const token = walk.next()
    if (token === 'string' && isName) draft.ops.add(walk.text(MAX_TEXT_BYTES))
    isName = token === 'key' && (walk.is('op') || walk.is('class_name'))
    if (token === 'object' || token === 'array') depth += 1
    if (token === 'end-object' || token === 'end-array') depth -= 1
  } while (depth > 0)
}

function walkManifest(walk: JsonWalk, cursor: Cursor, draft: ModelDraft): void {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', 'weightsManifest is no array')
  for (let token = walk.next(); token === 'object'; token = walk.next()) {
    cursor.step()
    if (draft.groups.length >= MAX_GROUPS)
      throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_GROUPS} groups of weights`)
    const group: Group = { paths: [], tensors: [], bytes: 0 }
    draft.groups.push(group)
    walkGroup(walk, cursor, group, draft)
  }
}

function walkGroup(walk: JsonWalk, cursor: Cursor, group: Group, draft: ModelDraft): void {
  for (let key = walk.next(); key === 'key'; key = walk.next()) {
    if (walk.is('paths')) walkPaths(walk, cursor, group)
    else if (walk.is('weights')) walkWeights(walk, cursor, group, draft)
    else walk.skip(walk.next())
  }
}

function walkPaths(walk: JsonWalk, cursor: Cursor, group: Group): void {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', 'paths is no array')
  for (let token = walk.next(); token === 'string'; token = walk.next()) {
    cursor.step()
    if (group.paths.length >= MAX_PATHS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_PATHS} paths`)
    group.paths.push(walk.text(MAX_TEXT_BYTES))
  }
}

function walkWeights(walk: JsonWalk, cursor: Cursor, group: Group, draft: ModelDraft): void {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', 'weights is no array')
  for (let token = walk.next(); token === 'object'; token = walk.next()) {
    cursor.step()
    draft.weights += 1
    const { name, shape, dtype } = walkWeight(walk)
    draft.heldBytes += heldBytes(name, shape)
    if (draft.heldBytes > MAX_TABLE_BYTES) throw readTrouble('GNO_READ_LIMIT', 'the names take too much memory')
    const type = TYPES.get(dtype)
    // Texts have no fixed width: what follows them has no place that could be told.
    if (type === undefined) continue
    const elements = shape.reduce((product, dim) => product * dim, 1)
    const bytes = elements * type[1]
    if (!Number.isSafeInteger(bytes))
      throw readTrouble('GNO_READ_INVALID', `weight ${quoted(name)} is impossibly large`)
    group.tensors.push({ name, type: type[0], shape, elements, offset: group.bytes, bytes })
    group.bytes += bytes
  }
}

function walkWeight(walk: JsonWalk): {
  readonly name: string
  readonly shape: readonly number[]
  readonly dtype: string
} {
  let name = ''
  let dtype = ''
  let stored = ''
  let shape: readonly number[] = []
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    if (walk.is('name')) name = walkText(walk)
    else if (walk.is('dtype')) dtype = walkText(walk)
    else if (walk.is('shape')) shape = walkShape(walk)
    else if (walk.is('quantization')) stored = walkStored(walk)
    else walk.skip(walk.next())
  }
  return { name, shape, dtype: stored === '' ? dtype : stored }
}

function walkStored(walk: JsonWalk): string {
  let stored = ''
  const token = walk.next()
  if (token !== 'object') {
    walk.skip(token)
    return stored
  }
  for (let key = walk.next(); key === 'key'; key = walk.next()) {
    if (walk.is('dtype')) stored = walkText(walk)
    else walk.skip(walk.next())
  }
  return stored
}

function walkText(walk: JsonWalk): string {
  if (walk.next() !== 'string') throw readTrouble('GNO_READ_INVALID', 'a word of a weight is no string')
  return walk.text(MAX_TEXT_BYTES)
}

function walkShape(walk: JsonWalk): readonly number[] {
  if (walk.next() !== 'array') throw readTrouble('GNO_READ_INVALID', 'a shape is no array')
  const shape: number[] = []
  for (let token = walk.next(); token === 'number'; token = walk.next()) {
    const dim = walk.number()
    if (!Number.isSafeInteger(dim) || dim < 0 || shape.length >= MAX_RANK) {
      throw readTrouble('GNO_READ_INVALID', `a shape with ${dim} in it`)
    }
    shape.push(dim)
  }
  return shape
}

/** Values by themselves: what they are is told by the model.json beside them. */
function describeData(cursor: Cursor): WeightsPart {
  cursor.step()
  return {
    isModel: true,
    holds: 'data',
    formatVersion: null,
    facts: new Map([['companionOf', 'model.json']]),
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

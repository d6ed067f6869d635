// Rockchip's NPU models, from what public readers know (lutzroeder/netron:source/rknn.js): containers for RKNN and RKLLM, the
// flatbuffer and the VeriSilicon graph (VPMN) that they hold, and the encrypted form, which nobody but the device can open.
//
//   'RKNN' + 4 zeros | u64 version | u64 data bytes | [40 bytes from version 2 on] | data | u64 JSON bytes | JSON
//   'VPMN' | u16 major | u16 minor | 4 bytes | 64-byte name | u32 nodes
import { type Cursor, readTrouble } from './cursor.ts'
import { Flatbuffer, hasIdentifier } from './flatbuffer.ts'
import type { GapList } from './gap-list.ts'
import { JsonWalk } from './json-walk.ts'
import type { Look } from './look.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const CONTAINER = 'RKNN\0\0\0\0'
const ENCRYPTED = 'CYPTRKNN'
const LANGUAGE_MODEL = 'RKLLM'
const GRAPH = 'VPMN'
/** The containers of a maker's toolkit up to 2.3 are 1 to 6, with 0x1000 added on some platforms. */
const MAX_VERSION = 0x1fff
const EXTRA_BYTES = 40
/** The JSON describes the graph, not the weights (CWE-400). */
const MAX_JSON_BYTES = 33_554_432
const MAX_TEXT_BYTES = 512
const NAME_BYTES = 64

/** Keys of the JSON that say what the model is. */
const KEPT: ReadonlyMap<string, string> = new Map([
  ['version', 'producerVersion'],
  ['name', 'name'],
  ['target_platform', 'targetPlatform'],
  ['network_platform', 'networkPlatform'],
  ['ori_network_platform', 'source'],
])

/** The reader of Rockchip's models. */
export const rknn: FormatReader = {
  id: 'rknn',
  endings: ['.rknn', '.rkllm'],
  certainty: 'magic',
  recognise: (look) => kindOf(look) !== null,
  read: (cursor, gaps, { look }) => read(cursor, gaps, look),
}

type Kind = 'container' | 'encrypted' | 'language-model' | 'graph' | 'flatbuffer'

function kindOf(look: Look): Kind | null {
  const start = look.text(0, 8)
  if (start === CONTAINER)
    return Buffer.from(look.at(8, 8)).every((byte, index) => index < 2 || byte === 0) ? 'container' : null
  if (start === ENCRYPTED) return 'encrypted'
  // Words that a text could begin with are followed by a number here.
  if (start.startsWith(LANGUAGE_MODEL) && (look.head[5] ?? 0x20) < 0x09) return 'language-model'
  if (start.startsWith(GRAPH) && (look.head[5] ?? 0x20) < 0x09) return 'graph'
  return hasIdentifier(look, 'RKNN') ? 'flatbuffer' : null
}

type Facts = Map<string, string | number | boolean>

function read(cursor: Cursor, gaps: GapList, look: Look): WeightsPart {
  const facts: Facts = new Map()
  const kind = kindOf(look)
  if (kind !== null) facts.set('container', kind)
  gaps.attempt(() => {
    cursor.step(2)
    cursor.seek(0)
    cursor.view(8)
    if (kind === 'container') readContainer(cursor, facts)
    else if (kind === 'graph') readGraph(cursor, facts)
    else if (kind === 'flatbuffer') facts.set('rootFields', new Flatbuffer(cursor).root().fieldCount)
    else if (kind === 'encrypted') gaps.blame('GNO_READ_LOCKED', 'the model is encrypted for its device')
    else if (kind === 'language-model') gaps.note('GNO_READ_SKIPPED', 'the layout of RKLLM files is not public')
    else throw readTrouble('GNO_READ_TRUNCATED', 'the model ends in its first words')
  })
  const name = facts.get('name')
  const version = facts.get('containerVersion')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts,
    claims: typeof name === 'string' && name !== '' ? { name: name.slice(0, 256) } : {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readContainer(cursor: Cursor, facts: Facts): void {
  const version = cursor.length(MAX_VERSION, 'container version')
  const dataBytes = cursor.length(Number.MAX_SAFE_INTEGER, 'data')
  facts.set('containerVersion', version).set('dataBytes', dataBytes)
  if ((version & 0xfff) > 1 && dataBytes > 0) cursor.skip(EXTRA_BYTES)
  if (dataBytes >= 8) facts.set('data', wordOf(cursor))
  cursor.skip(dataBytes)
  const jsonBytes = cursor.length(MAX_JSON_BYTES, 'JSON')
  facts.set('jsonBytes', jsonBytes)
  cursor.lend(jsonBytes, (bytes) => keepKeys(new JsonWalk(bytes), cursor, facts))
}

/** What kind of data comes next, by its first words. */
function wordOf(cursor: Cursor): string {
  const start = Buffer.from(cursor.view(8)).toString('latin1')
  cursor.skip(-8)
  if (start.startsWith(GRAPH)) return 'graph'
  return start.slice(4) === 'RKNN' ? 'flatbuffer' : 'unknown'
}

function keepKeys(walk: JsonWalk, cursor: Cursor, facts: Facts): void {
  if (walk.next() !== 'object') throw readTrouble('GNO_READ_INVALID', 'the description is no JSON object')
  for (let token = walk.next(); token === 'key'; token = walk.next()) {
    cursor.step()
    const kept = KEPT.get(walk.stop - walk.start <= 64 ? walk.text(64 * 6) : '')
    const isNodes = walk.is('nodes')
    const value = walk.next()
    if (kept !== undefined && value === 'string') facts.set(kept, walk.text(MAX_TEXT_BYTES))
    else if (kept !== undefined && value === 'array') facts.set(kept, textsOf(walk))
    else if (isNodes && value === 'array') facts.set('nodeCount', countOf(walk, cursor))
    else walk.skip(value)
  }
}

function textsOf(walk: JsonWalk): string {
  const texts: string[] = []
  for (let token = walk.next(); token !== 'end-array'; token = walk.next()) {
    if (token === 'string' && texts.length < 16) texts.push(walk.text(MAX_TEXT_BYTES))
    else walk.skip(token)
  }
  return texts.join(', ').slice(0, MAX_TEXT_BYTES)
}

function countOf(walk: JsonWalk, cursor: Cursor): number {
  let count = 0
  for (let token = walk.next(); token !== 'end-array'; token = walk.next()) {
    cursor.step()
    count += 1
    walk.skip(token)
  }
  return count
}

function readGraph(cursor: Cursor, facts: Facts): void {
  cursor.seek(4)
  facts.set('containerVersion', `${cursor.uint16()}.${cursor.uint16()}`)
  cursor.skip(4)
  const name = Buffer.from(cursor.view(NAME_BYTES)).toString('latin1').split('\0')[0] ?? ''
  if (name !== '') facts.set('name', name)
  facts.set('nodeCount', cursor.uint32())
}

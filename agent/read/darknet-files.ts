// Darknet (pjreddie/darknet:src/parser.c): values without names, and the configuration that says what they are.
//
//   .weights: int32 major | int32 minor | int32 revision | seen (uint64 from 0.2 on, uint32 before) | float32 values
//   .cfg: [net] key=value lines, then a section a layer
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import { TensorTable } from './laid-out.ts'
import type { Look } from './look.ts'
import { OpCounts } from './op-counts.ts'
import type { WeightsPart } from './weights.ts'

/** Versions there have been: 0.1 and 0.2, revisions 0 to 5. */
const MAX_MINOR = 2
const MAX_REVISION = 5
/** The smallest network has more values; fewer floats prove nothing. */
const MIN_VALUES = 64
/** Trained values are small; whole numbers and text read as floats are not. */
const MAX_VALUE = 1e4
const MIN_VALUE = 1e-30
/** Hand-written; the longest has under 40 KB. */
const MAX_CONFIG_BYTES = 1_048_576

const CONFIG = /^(?:\s|[#;][^\n]{0,512}\n){0,512}\[net(?:work)?\]/
const LAYER =
  /\n\s{0,16}\[(?:convolutional|connected|maxpool|route|yolo|region|rnn|lstm|gru|crnn|dropout|softmax|shortcut)\]/

export function isDarknetWeights(look: Look): boolean {
  const { head } = look
  if (head.length < 20 + MIN_VALUES * 4 || head.readInt32LE(0) !== 0) return false
  const [minor, revision] = [head.readInt32LE(4), head.readInt32LE(8)]
  if (minor < 1 || minor > MAX_MINOR || revision < 0 || revision > MAX_REVISION) return false
  const start = headerBytes(minor)
  if ((look.sizeBytes - start) % 4 !== 0) return false
  let plausible = 0
  for (let index = 0; index < MIN_VALUES; index += 1) {
    const value = Math.abs(head.readFloatLE(start + index * 4))
    if (!Number.isFinite(value) || value > MAX_VALUE) return false
    if (value > MIN_VALUE) plausible += 1
  }
  return plausible > MIN_VALUES / 2
}

export function isDarknetConfig(look: Look): boolean {
  const text = look.text(0, 4_096)
  return CONFIG.test(text) && LAYER.test(text)
}

function headerBytes(minor: number): number {
  return minor >= MAX_MINOR ? 20 : 16
}

export function readDarknetWeights(cursor: Cursor, gaps: GapList): WeightsPart {
  const table = new TensorTable(cursor.size)
  const facts = new Map<string, string | number>([['kind', 'darknet']])
  const version = gaps.attempt(() => {
    cursor.step()
    const numbers = [cursor.int32(), cursor.int32(), cursor.int32()]
    const start = headerBytes(numbers[1] ?? 0)
    facts.set('imagesSeen', start === 20 ? Number(cursor.uint64()) : cursor.uint32())
    const bytes = cursor.size - start
    table.add({ name: 'values', type: 'F32', shape: [Math.floor(bytes / 4)], offset: start, bytes })
    return numbers.join('.')
  })
  return {
    isModel: true,
    formatVersion: version ?? null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: table.tensors,
    headerBytes: table.headerBytes,
  }
}

export function readDarknetConfig(cursor: Cursor, gaps: GapList): WeightsPart {
  const ops = new OpCounts()
  gaps.attempt(() => {
    if (cursor.size > MAX_CONFIG_BYTES) throw readTrouble('GNO_READ_LIMIT', `a configuration of ${cursor.size} bytes`)
    const text = Buffer.from(cursor.copy(cursor.size)).toString('latin1')
    for (const line of text.split('\n')) {
      cursor.step()
      const section = /^\s{0,64}\[([a-z0-9_]{1,64})\]/.exec(line)?.[1]
      if (section !== undefined && section !== 'net' && section !== 'network') ops.add(section)
    }
    if (text.includes('\0')) throw readTrouble('GNO_READ_INVALID', 'a zero byte in text')
  })
  return {
    isModel: true,
    holds: 'data',
    formatVersion: null,
    facts: new Map<string, string | number>([
      ['kind', 'darknet'],
      ['layerCount', ops.total],
      ['opTypes', ops.text()],
    ]),
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

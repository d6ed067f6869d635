// Python pickles, protocols 0 to 5 (CPython:Lib/pickletools.py): one after another, read as opcodes and never run.
// Those that name classes of machine learning hold weights; the rest is somebody's data.
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { arrayTensor } from './numpy-arrays.ts'
import { isJoblib, isLearned } from './pickle-classes.ts'
import { pickleFacts } from './pickle-facts.ts'
import { glancePickle } from './pickle-glance.ts'
import { type PickleWalk, walkPickle } from './pickle-walk.ts'
import { insideStorages } from './torch-inside.ts'
import { startsLegacy } from './torch-magic.ts'
import { describeLeftover } from './torch-training.ts'
import { type Harvest, harvestTensors } from './torch-tree.ts'
import type { FormatReader, TensorInfo, WeightsPart } from './weights.ts'
import { valueOf } from './pickle-values.ts'

/** A log of pickles has one a record; the first ones tell what they are (CWE-400). */
const MAX_PICKLES = 1_024
const PROTO = 0x80

/** The reader of pickles. */
export const pickle: FormatReader = {
  id: 'pickle',
  endings: ['.pkl', '.pickle', '.dill', '.p', '.bin', '.pt'],
  certainty: 'structure',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  if (startsLegacy(look.head)) return false
  const walk = glancePickle(look)
  return walk !== null && !isJoblib(walk) && valueOf(walk.value, 'StructuredToParameterName@@') === undefined
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const walks = walkAll(cursor, gaps)
  const stoppedAt = cursor.position
  if (cursor.remaining > 0 && gaps.verdict() === 'unchecked') {
    gaps.note('GNO_READ_SKIPPED', `${cursor.remaining} bytes behind the last pickle were not read`)
  }
  const inside = insideStorages(cursor, gaps)
  const { open, find } = inside
  const harvests = walks.map(({ value }) => harvestTensors(value, { cursor, gaps, find, open, other: arrayTensor }))
  const tensors = keepNames(harvests)
  const [first] = walks
  const [harvest] = harvests
  const where = { cursor, gaps, find }
  const leftover = harvest === undefined ? null : describeLeftover(first?.value, harvest, where)
  const facts = pickleFacts([...walks, ...inside.walks])
  facts.set('pickles', walks.filter(({ isComplete }) => isComplete).length)
  if (cursor.size > stoppedAt) facts.set('trailingBytes', cursor.size - stoppedAt)
  for (const [key, value] of leftover?.facts ?? []) facts.set(key, value)
  const isData = !isLearned([...walks, ...inside.walks], tensors)
  return {
    isModel: true,
    ...(isData ? { holds: leftover === null ? 'data' : 'sidecar' } : {}),
    formatVersion: first?.protocols[0]?.toString() ?? null,
    facts,
    claims: {},
    hyperparameters: {},
    ...(leftover === null ? {} : { training: leftover.training }),
    tensors,
    headerBytes: cursor.size,
  }
}

/** The first pickle whatever it is, and those behind it that begin with PROTO. */
function walkAll(cursor: Cursor, gaps: GapList): readonly PickleWalk[] {
  const walks: PickleWalk[] = []
  let isNext = true
  while (isNext && walks.length < MAX_PICKLES) {
    const walk = walkPickle(cursor, gaps)
    walks.push(walk)
    isNext = walk.isComplete && gaps.attempt(() => cursor.remaining > 1 && startsPickle(cursor)) === true
  }
  return walks
}

function startsPickle(cursor: Cursor): boolean {
  const at = cursor.position
  const isStart = cursor.uint8() === PROTO && cursor.uint8() <= 5
  cursor.seek(at)
  return isStart
}

function keepNames(harvests: readonly Harvest[]): readonly TensorInfo[] {
  if (harvests.length <= 1) return harvests[0]?.tensors ?? []
  return harvests.flatMap(({ tensors }, index) =>
    tensors.map((tensor) => ({ ...tensor, name: `${index}.${tensor.name}` })),
  )
}

// PaddlePaddle: parameters as a pickle (.pdparams) with the states of its optimizers (.pdopt), combined tensors (.pdiparams), and the
// programs beside them (Paddle:python/paddle/framework/io.py `_build_saved_state_dict`).
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { arrayTensor } from './numpy-arrays.ts'
import { isPaddleTensors, readPaddleTensors } from './paddle-tensors.ts'
import { programKind, readPaddleProgram } from './paddle-program.ts'
import { pickleFacts } from './pickle-facts.ts'
import { glancePickle } from './pickle-glance.ts'
import { type PickleValue, pairsOf, valueOf } from './pickle-values.ts'
import { walkPickle } from './pickle-walk.ts'
import { insideStorages } from './torch-inside.ts'
import { harvestTensors } from './torch-tree.ts'
import type { FormatReader, ReadContext, WeightsPart } from './weights.ts'

/** The table from names in the program to names of parameters, which only Paddle writes. */
const NAME_TABLE = 'StructuredToParameterName@@'
/** What optimizers keep for each parameter, and the schedule. */
const OPTIMIZER_KEY = /(?:_moment[12]?(?:_max)?_[0-9]+|_pow_acc_[0-9]+|_velocity_[0-9]+)$|^LR_Scheduler$/

/** The reader of PaddlePaddle's files. */
export const paddle: FormatReader = {
  id: 'paddle',
  endings: ['.pdparams', '.pdopt', '.pdiparams', '.pdmodel', '.nb'],
  certainty: 'structure',
  recognise: (look) => isPaddleTensors(look) || programKind(look) !== null || isState(look),
  read,
}

function isState(look: Look): boolean {
  return valueOf(glancePickle(look)?.value, NAME_TABLE) !== undefined
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  if (isPaddleTensors(look)) return readPaddleTensors(cursor, gaps)
  const kind = programKind(look)
  return kind === null ? readState(cursor, gaps) : readPaddleProgram(cursor, gaps, kind)
}

function readState(cursor: Cursor, gaps: GapList): WeightsPart {
  const walk = walkPickle(cursor, gaps)
  const { find, open } = insideStorages(cursor, gaps)
  const { tensors } = harvestTensors(walk.value, { cursor, gaps, find, open, other: arrayTensor })
  const isOptimizer = keysOf(walk.value).some((key) => OPTIMIZER_KEY.test(key))
  return {
    isModel: true,
    ...(isOptimizer ? { kind: 'other', training: { kind: 'optimizer-state', framework: 'paddle' } } : {}),
    formatVersion: walk.protocols[0]?.toString() ?? null,
    facts: new Map([...pickleFacts([walk]), ['layout', isOptimizer ? 'pdopt' : 'pdparams']]),
    claims: {},
    hyperparameters: {},
    tensors,
    headerBytes: cursor.size,
  }
}

function keysOf(value: PickleValue | undefined): readonly string[] {
  return (pairsOf(value) ?? []).filter((key, index): key is string => index % 2 === 0 && typeof key === 'string')
}

// What every container of PyTorch pickles comes to: facts of its pickles, tensors, and what it says about training.
import { pickleFacts } from './pickle-facts.ts'
import type { PickleWalk } from './pickle-walk.ts'
import type { Leftover } from './torch-training.ts'
import type { TensorInfo, WeightsPart } from './weights.ts'

export interface TorchRead {
  readonly walks: readonly PickleWalk[]
  readonly tensors: readonly TensorInfo[]
  readonly leftover: Leftover | null
  readonly formatVersion: string | null
  readonly headerBytes: number
  readonly facts: ReadonlyMap<string, string | number | boolean>
}

/** Joins what was read; a leftover without tensors is no model of its own. */
export function describeTorch({ walks, tensors, leftover, formatVersion, headerBytes, facts }: TorchRead): WeightsPart {
  const isLeftover = leftover?.isAll === true
  return {
    isModel: true,
    ...(isLeftover && tensors.length === 0 ? { holds: 'sidecar' } : {}),
    ...(isLeftover ? { kind: 'other' } : {}),
    formatVersion,
    facts: new Map([...pickleFacts(walks), ...facts, ...(leftover?.facts ?? [])]),
    claims: {},
    hyperparameters: {},
    ...(leftover === null ? {} : { training: leftover.training }),
    tensors,
    headerBytes,
  }
}

// Walks a pickle opcode by opcode and tells what Python would import, call and build. Nothing of it is ever executed.
import { type Cursor, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { type OnBuild, PickleMachine } from './pickle-machine.ts'
import { OPCODES } from './pickle-opcodes.ts'
import type { PickleCall, PickleGlobal, PicklePersistent, PickleValue } from './pickle-values.ts'
import type { Oddity } from './pickle-watch.ts'

/** One pickle; places are those of the file under the cursor. */
export interface PickleWalk {
  readonly startedAt: number
  /** Behind the STOP opcode, or where the walk broke off. */
  readonly stoppedAt: number
  /** True when STOP was reached. */
  readonly isComplete: boolean
  /** Versions named by PROTO opcodes in their order; empty for protocols 0 and 1, which name none. */
  readonly protocols: readonly number[]
  /** Each name once, at its first place. */
  readonly globals: readonly PickleGlobal[]
  /** The first calls of each name; `callCount` counts all of them. */
  readonly calls: readonly PickleCall[]
  readonly callCount: number
  readonly opcodeCount: number
  /** References to things outside, in their order. */
  readonly persistents: readonly PicklePersistent[]
  readonly memoCount: number
  /** What a reader of Python would see differently than another, such as frames inside frames. */
  readonly oddities: readonly Oddity[]
  /** What would be built; without STOP, what lay lowest on the stack. Some of it is left out where `isWhole` is false. */
  readonly value: PickleValue | undefined
  readonly isWhole: boolean
}

/** Walks the pickle that begins under the cursor, and leaves the cursor behind it. Trouble goes into the gaps. */
export function walkPickle(
  cursor: Cursor,
  gaps: GapList,
  onBuild?: OnBuild,
  recalled?: ReadonlySet<number>,
): PickleWalk {
  const machine = new PickleMachine(cursor, onBuild, recalled)
  const walk = walkWith(machine, gaps)
  // No fault of the file's: whether loading it is harmless is for the scan to say, which needs less of it.
  if (!machine.isWhole) gaps.note('GNO_READ_BUDGET', 'the pickle builds more than is held in memory')
  for (const { at, what } of machine.oddities) gaps.blame('GNO_READ_INVALID', `pickle: ${what} at byte ${at}`)
  return walk
}

/** The same with a machine of the caller's, who also says what of it is a fault. */
export function walkWith(machine: PickleMachine, gaps: GapList): PickleWalk {
  const { cursor } = machine
  const startedAt = cursor.position
  gaps.attempt(() => run(machine))
  return {
    startedAt,
    stoppedAt: cursor.position,
    isComplete: machine.isStopped,
    protocols: machine.protocols,
    globals: [...machine.globals.values()],
    calls: machine.calls,
    callCount: machine.callCount,
    opcodeCount: machine.opcodeCount,
    persistents: machine.persistents,
    memoCount: machine.memoSize,
    oddities: machine.oddities,
    value: machine.stack.at(machine.isStopped ? -1 : 0),
    isWhole: machine.isWhole,
  }
}

/**
 * Walks ahead over the pickle under the cursor, which stays where it is, and tells which places of the memo are asked for: a walk that
 * keeps no others has room for pickles of a hundred megabytes. Undefined where the pickle is broken or too large.
 */
export function scanMemo(cursor: Cursor): ReadonlySet<number> | undefined {
  const startedAt = cursor.position
  const machine = new PickleMachine(cursor, undefined, 'scan')
  new GapList('').attempt(() => run(machine))
  cursor.seek(startedAt)
  return machine.isStopped ? machine.recalled : undefined
}

function run(machine: PickleMachine): void {
  const { cursor } = machine
  while (!machine.isStopped) {
    const at = cursor.position
    cursor.step()
    const opcode = cursor.uint8()
    const operation = OPCODES[opcode]
    if (operation === undefined) {
      throw readTrouble('GNO_READ_INVALID', `pickle: ${opcode} is no opcode at byte ${at}`)
    }
    machine.opcodeCount += 1
    operation(machine, at)
    if (at < machine.frameEnd && cursor.position > machine.frameEnd && opcode !== 0x95) {
      machine.odd(at, 'an opcode crosses the end of its frame')
    }
  }
}

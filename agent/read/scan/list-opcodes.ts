// Lists the opcodes of a pickle around a byte, as python -m pickletools would, with arguments cut. Nothing of it is executed.
import type { Cursor } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import { PickleMachine } from '../pickle-machine.ts'
import { OPCODES } from '../pickle-opcodes.ts'
import { showText } from './load-report.ts'

/** Lines before and after the byte. */
const LINES_BEFORE = 5
const LINES_AFTER = 5
const MAX_ARGUMENT_CHARS = 80
const PLACE_WIDTH = 8
const NAMES: readonly (readonly [opcode: number, name: string])[] = [
  ...'(MARK .STOP 0POP 1POP_MARK 2DUP FFLOAT IINT JBININT KBININT1 LLONG MBININT2 NNONE PPERSID QBINPERSID RREDUCE SSTRING TBINSTRING USHORT_BINSTRING VUNICODE XBINUNICODE aAPPEND bBUILD cGLOBAL dDICT }EMPTY_DICT eAPPENDS gGET hBINGET iINST jLONG_BINGET lLIST ]EMPTY_LIST oOBJ pPUT qBINPUT rLONG_BINPUT sSETITEM tTUPLE )EMPTY_TUPLE uSETITEMS GBINFLOAT BBINBYTES CSHORT_BINBYTES'
    .split(' ')
    .map((word) => [word.charCodeAt(0), word.slice(1)] as const),
  ...'PROTO NEWOBJ EXT1 EXT2 EXT4 TUPLE1 TUPLE2 TUPLE3 NEWTRUE NEWFALSE LONG1 LONG4 SHORT_BINUNICODE BINUNICODE8 BINBYTES8 EMPTY_SET ADDITEMS FROZENSET NEWOBJ_EX STACK_GLOBAL MEMOIZE FRAME BYTEARRAY8 NEXT_BUFFER READONLY_BUFFER'
    .split(' ')
    .map((name, index) => [0x80 + index, name] as const),
]
const NAME_OF: ReadonlyMap<number, string> = new Map(NAMES)

interface Step {
  readonly at: number
  readonly opcode: number
  readonly end: number
}

interface Window {
  readonly offset: number
  readonly steps: Step[]
  left: number
}

/**
 * The lines around some bytes of the pickles that begin under the cursor, by byte: `  123: STACK_GLOBAL`; the line of the byte begins
 * with `>`. Walks no further than behind the last of them, and ends where the walk breaks off.
 */
export function listOpcodes(cursor: Cursor, offsets: readonly number[]): ReadonlyMap<number, readonly string[]> {
  const wanted = [...new Set(offsets)].sort((left, right) => left - right)
  const windows: Window[] = []
  const recent: Step[] = []
  new GapList('').attempt(() => {
    let machine = new PickleMachine(cursor, undefined, 'scan')
    while (wanted.length > windows.length || windows.some(({ left }) => left > 0)) {
      if (machine.isStopped) machine = new PickleMachine(cursor, undefined, 'scan')
      note(walkOne(machine), { wanted, windows, recent })
    }
  })
  return new Map(windows.map(({ offset, steps }) => [offset, steps.map((step) => writeLine(cursor, step, offset))]))
}

interface Notes {
  readonly wanted: readonly number[]
  readonly windows: Window[]
  readonly recent: Step[]
}

function note(step: Step, { wanted, windows, recent }: Notes): void {
  for (const window of windows) {
    if (window.left === 0) continue
    window.steps.push(step)
    window.left -= 1
  }
  for (let next = wanted[windows.length]; next !== undefined && next < step.end; next = wanted[windows.length])
    windows.push({ offset: next, steps: [...recent, step], left: LINES_AFTER })
  recent.push(step)
  if (recent.length > LINES_BEFORE) recent.shift()
}

/** Walks one opcode; one that breaks the walk is told by the line before it. */
function walkOne(machine: PickleMachine): Step {
  const { cursor } = machine
  cursor.step()
  const at = cursor.position
  const opcode = cursor.uint8()
  const operation = OPCODES[opcode]
  if (operation === undefined || !NAME_OF.has(opcode)) throw machine.broken(`${opcode} is no opcode`)
  machine.opcodeCount += 1
  operation(machine, at)
  return { at, opcode, end: cursor.position }
}

function writeLine(cursor: Cursor, { at, opcode, end }: Step, offset: number): string {
  const mark = at <= offset && offset < end ? '>' : ' '
  const text = `${NAME_OF.get(opcode) ?? ''}${argumentOf(cursor, at + 1, end)}`
  return `${mark}${String(at).padStart(PLACE_WIDTH)}: ${text}`
}

/** The bytes behind the opcode as text, where they are any. */
function argumentOf(cursor: Cursor, from: number, to: number): string {
  if (to <= from) return ''
  const bytes = new Uint8Array(Math.min(to - from, MAX_ARGUMENT_CHARS))
  const text = Buffer.from(bytes.buffer, 0, cursor.source.read(from, bytes)).toString('latin1')
  return ` ${showText(JSON.stringify(text), MAX_ARGUMENT_CHARS)}${to - from > MAX_ARGUMENT_CHARS ? ` (${to - from} bytes)` : ''}`
}

// Lists the opcodes of a pickle around a byte, as python -m pickletools would, with arguments cut. Nothing of it is executed.
import type { Cursor } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import { PickleMachine } from '../pickle-machine.ts'
import { OPCODES } from '../pickle-opcodes.ts'
import { showText } from './load-report.ts'

/** Lines before and after the byte. */
const LINES_BEFORE = 8
const LINES_AFTER = 8
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

/** The lines around a byte of the pickle that begins under the cursor: `  123: STACK_GLOBAL`; the line of the byte begins with `>`. */
export function listOpcodes(cursor: Cursor, offset: number): readonly string[] {
  const machine = new PickleMachine(cursor, undefined)
  const lines: { readonly at: number; readonly text: string }[] = []
  let behind = 0
  new GapList('').attempt(() => {
    while (!machine.isStopped && behind < LINES_AFTER) {
      const at = cursor.position
      lines.push({ at, text: step(machine, at) })
      if (at > offset) behind += 1
      else if (lines.length > LINES_BEFORE + 1) lines.shift()
    }
  })
  const [current] = lines.filter(({ at }) => at <= offset).slice(-1)
  return lines.map((line) => `${line === current ? '>' : ' '}${String(line.at).padStart(PLACE_WIDTH)}: ${line.text}`)
}

/** Walks one opcode and tells it; an opcode that breaks the walk is told by the line before it. */
function step(machine: PickleMachine, at: number): string {
  const { cursor } = machine
  cursor.step()
  const opcode = cursor.uint8()
  const operation = OPCODES[opcode]
  const name = NAME_OF.get(opcode)
  if (operation === undefined || name === undefined) throw machine.broken(`${opcode} is no opcode`)
  machine.opcodeCount += 1
  operation(machine, at)
  return `${name}${argumentOf(cursor, at + 1, cursor.position)}`
}

/** The bytes behind the opcode as text, where they are any. */
function argumentOf(cursor: Cursor, from: number, to: number): string {
  if (to <= from) return ''
  const bytes = new Uint8Array(Math.min(to - from, MAX_ARGUMENT_CHARS))
  const text = Buffer.from(bytes.buffer, 0, cursor.source.read(from, bytes)).toString('latin1')
  return ` ${showText(JSON.stringify(text), MAX_ARGUMENT_CHARS)}${to - from > MAX_ARGUMENT_CHARS ? ` (${to - from} bytes)` : ''}`
}

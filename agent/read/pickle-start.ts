// Whether the first opcodes can be those of a pickle without a protocol in front, told without walking: nearly every byte is an
// opcode, so nearly every file would be walked into otherwise. Says no only where the walk would break off before any call.
import type { Look } from './look.ts'
import { OPCODES } from './pickle-opcodes.ts'

/** Opcodes passed over; a walk is worth it after so many. */
const MAX_PASSED = 8
/** A line that ends later is left to the walk. */
const MAX_LINE_BYTES = 256
const LINE_END = 0x0a
/** Take from a stack or a mark that a file's first opcode does not have. */
const NEEDS_STACK = codes('.012QRabdeilopqrstu\u0081\u0085\u0086\u0087\u0090\u0091\u0092\u0093\u0094\u0098')
/** Push something, and have an operand of so many bytes. */
const OPERAND_BYTES: ReadonlyMap<number, number> = new Map([
  ...[...codes('()]}N\u0088\u0089\u008f\u0097')].map((opcode) => [opcode, 0] as const),
  ...[...codes('K')].map((opcode) => [opcode, 1] as const),
  ...[...codes('M')].map((opcode) => [opcode, 2] as const),
  ...[...codes('J')].map((opcode) => [opcode, 4] as const),
  ...[...codes('G')].map((opcode) => [opcode, 8] as const),
])
const ANY = /^/
/** Push what a line says, which begins so. Python takes no text without quotes. */
const LINE_STARTS: ReadonlyMap<number, RegExp> = new Map([
  [0x49, /[+\-0-9]/],
  [0x4c, /[+\-0-9]/],
  [0x46, /[+\-0-9.in]/i],
  [0x53, /['"]/],
  [0x50, ANY],
  [0x56, ANY],
])
/** Push what four bytes say the length of. */
const SIZED = codes('BTX')
const SIZE_BYTES = 4

function codes(opcodes: string): ReadonlySet<number> {
  return new Set(Buffer.from(opcodes, 'latin1'))
}

/** False where a walk from the first byte breaks off before it finds a call. */
export function mayStartUnmarked(look: Look): boolean {
  const { head } = look
  if (NEEDS_STACK.has(head[0] ?? 0)) return false
  let at = 0
  for (let passed = 0; passed < MAX_PASSED; passed += 1) {
    const opcode = head[at]
    if (opcode === undefined) return true
    if (OPCODES[opcode] === undefined) return false
    const next = behind(look, at, opcode)
    if (typeof next === 'boolean') return next
    at = next
  }
  return true
}

/** The place of the opcode behind one that pushes; else whether the walk has to tell. */
function behind({ head, sizeBytes }: Look, at: number, opcode: number): number | boolean {
  const operandBytes = OPERAND_BYTES.get(opcode)
  if (operandBytes !== undefined) return at + 1 + operandBytes
  if (SIZED.has(opcode)) {
    if (at + 1 + SIZE_BYTES > head.length) return true
    const end = at + 1 + SIZE_BYTES + head.readUInt32LE(at + 1)
    return end <= sizeBytes
  }
  const starts = LINE_STARTS.get(opcode)
  const first = head[at + 1]
  if (starts === undefined || first === undefined) return true
  if (!starts.test(String.fromCharCode(first))) return false
  const end = head.subarray(0, at + MAX_LINE_BYTES).indexOf(LINE_END, at + 1)
  return end < 0 || end + 1
}

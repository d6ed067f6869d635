// Tells what the program text of TorchScript calls: `code/**.py` is parsed and run by PyTorch itself, not by Python
// (pytorch:torch/csrc/jit/serialization/python_print.cpp). Functions are told by the names that the text gives them.
//
//   ops.prim.NumToTensor(…)   ops.image.write_file(…)   torch.conv2d(…)   print(…)   __torch__.torch.classes.quantized.Linear…
import { type Cursor, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { type ZipMember, readZip } from '../zip.ts'
import type { LoadReport } from './load-report.ts'
import { showText } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { openContent } from './zip-content.ts'

/** Largest files of program text are a few megabytes; all of one archive together (CWE-400). */
const MAX_TEXT_BYTES = 8_388_608
const MAX_TEXTS_BYTES = 16_777_216
const MAX_FILES = 4_096
/** Different functions that are told: models call under a hundred. */
const MAX_CALLEES = 160
const CODE = /(?:^|\/)code\/.*\.py$/
/** A name before a bracket, which is no method of something and no definition. */
const CALL = /(?<![\w.)\]"'])(?<!def )(?<!class )([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)\(/g
const CLASS = /__torch__\.(torch\.classes\.[A-Za-z_]\w*\.[A-Za-z_]\w*)/g
const OWN = '__torch__.'
/** Words of the language that stand before a bracket. */
const WORDS: ReadonlySet<string> = new Set(
  'if elif while for in and or not return is else assert lambda with raise del'.split(' '),
)
/** Text of messages and names would be taken for calls. */
const STRINGS = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g
const LINE_CHARS = 160

/** The scanner of TorchScript's program text; the pickles and the archive are scanned by others. */
export const scanTorchScript: Scanner = {
  id: 'torchscript',
  formats: ['torchscript'],
  scan,
}

interface Callee {
  readonly member: string
  readonly at: number
  readonly shown: string
  count: number
}

function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { look }: ScanContext): void {
  const zip = look.zip() ?? readZip(cursor)
  const files = (zip?.members ?? []).filter(({ name }) => CODE.test(name))
  const callees = new Map<string, Callee>()
  let left = MAX_TEXTS_BYTES
  for (const member of files.slice(0, MAX_FILES)) {
    const text = readText(cursor, member, { report, gaps, limit: Math.min(left, MAX_TEXT_BYTES) })
    if (text === null) continue
    left -= text.length
    collect(text, member.name, callees)
  }
  const told = [...callees].slice(0, MAX_CALLEES)
  for (const [name, { member, at, shown, count }] of told) {
    report.tell({ kind: 'code', name, shown, member, at, count, facts: { language: 'torchscript' } })
  }
  if (callees.size <= MAX_CALLEES && files.length <= MAX_FILES) return
  gaps.note('GNO_READ_LIMIT', `scan: more program text than is told: ${callees.size} functions, ${files.length} files`)
  report.break()
}

interface Reading {
  readonly report: LoadReport
  readonly gaps: GapList
  readonly limit: number
}

function readText(cursor: Cursor, member: ZipMember, { report, gaps, limit }: Reading): string | null {
  try {
    const inner = openContent(cursor, member, limit)
    if (inner.size <= limit) return Buffer.from(inner.copy(inner.size)).toString('latin1')
    gaps.note('GNO_READ_SKIPPED', `scan: ${quoted(member.name)} has ${inner.size} bytes, limit ${limit}`)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.blame(failure.code, `scan: ${failure.detail}`)
  }
  report.break()
  return null
}

function collect(text: string, member: string, callees: Map<string, Callee>): void {
  // Of the same length, so that places stay true.
  const bare = text.replace(STRINGS, (literal) => `"${' '.repeat(literal.length - 2)}"`)
  for (const { 0: found, 1: name = '', index } of bare.matchAll(CALL)) {
    if (WORDS.has(name) || name.startsWith(OWN)) continue
    keep(callees, name, { member, at: index, shown: lineAt(text, index, found) })
  }
  for (const { 1: name = '', 0: found, index } of bare.matchAll(CLASS)) {
    keep(callees, name, { member, at: index, shown: lineAt(text, index, found) })
  }
}

function keep(callees: Map<string, Callee>, name: string, place: Omit<Callee, 'count'>): void {
  const known = callees.get(name)
  if (known === undefined) callees.set(name, { ...place, count: 1 })
  else known.count += 1
}

/** The rest of the line, as the text has it. */
function lineAt(text: string, index: number, found: string): string {
  const end = text.indexOf('\n', index)
  const line = text.slice(index, Math.min(end < 0 ? text.length : end, index + LINE_CHARS))
  return showText(line === '' ? found : line, LINE_CHARS)
}

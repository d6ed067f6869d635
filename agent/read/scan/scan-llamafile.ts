// Tells that a file is a program with weights in it, and with which switches it starts itself. What the weights in it do is told of its
// members, by whoever reads archives.
import type { Cursor } from '../cursor.ts'
import { quoted } from '../gap-list.ts'
import type { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import { openMember, readZip } from '../zip.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { shapesOf } from './text-shapes.ts'

const ARGUMENTS = '.args'
const MAX_ARGUMENTS_BYTES = 65_536
const MAX_SWITCHES = 64
const SWITCH = /^--?[A-Za-z][A-Za-z0-9-]{0,31}/
const KINDS: readonly (readonly [magic: string, kind: string])[] = [
  ['MZqFpD', 'portable'],
  ['jartsr', 'portable'],
  ['MZ', 'windows'],
  ['\u007fELF', 'elf'],
  ['#!', 'script'],
]

/** Names under which nobody expects a program. */
const NAMED_AS_WEIGHTS = /\.(?:llamafile|gguf|safetensors|onnx|keras|h5|pt|pth|ckpt|pkl|pickle|joblib|npy|npz|tflite)$/i

/** The scanner of llamafiles, and of programs that are named like weights. */
export const scanLlamafile: Scanner = { id: 'llamafile', formats: ['llamafile'], looksAt: isDisguised, scan }

function isDisguised({ format, look }: Pick<ScanContext, 'format' | 'look'>): boolean {
  return format === null && NAMED_AS_WEIGHTS.test(look.name) && kindOf(look) !== 'unknown'
}

function kindOf(look: Look): string {
  const head = look.text(0, 6)
  return KINDS.find(([magic]) => head.startsWith(magic))?.[1] ?? 'unknown'
}

function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { format, look }: ScanContext): void {
  const kind = kindOf(look)
  if (format === null) {
    report.tell({ kind: 'executable', name: `disguised.${kind}`, shown: 'a program that is named like weights', at: 0 })
    return
  }
  report.tell({ kind: 'executable', name: `program.${kind}`, shown: 'a program that carries its weights', at: 0 })
  const member = readZip(cursor)?.byName.get(ARGUMENTS)
  if (member === undefined) return
  const inner = openMember(cursor, member, MAX_ARGUMENTS_BYTES)
  if (inner.size > MAX_ARGUMENTS_BYTES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${quoted(ARGUMENTS)} has ${inner.size} bytes`)
    report.break()
    return
  }
  const text = Buffer.from(inner.copy(inner.size)).toString('utf8')
  const words = text.split(/\r?\n/).filter((word) => SWITCH.test(word))
  // Only the names of switches: what a person wrote behind them is nobody's business.
  for (const word of words.slice(0, MAX_SWITCHES)) {
    const [name = ''] = SWITCH.exec(word) ?? []
    report.tell({ kind: 'executable', name: `switch.${name}`, member: ARGUMENTS, at: text.indexOf(word) })
  }
  for (const { name, at, shown } of shapesOf(text))
    report.tell({ kind: 'executable', name: `argument.${name}`, shown, member: ARGUMENTS, at })
}

// Tells what else a file is: an archive appended to something that is none, and bytes behind the last tensor. Formats that hold nothing
// but numbers and names of operators their own runtime has are harmless where nothing of that is found.
import type { Cursor } from '../cursor.ts'
import { GapList } from '../gap-list.ts'
import { readZip } from '../zip.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellHidden } from './tell-hidden.ts'

const END_BYTES = 22
const END_MAGIC = 'PK\u0005\u0006'
/** Formats that are archives, or whose last part may be one. */
const ARCHIVES: ReadonlySet<string> = new Set([
  'zip',
  'pytorch-zip',
  'torchscript',
  'pytorch-mar',
  'keras-zip',
  'skops',
  'dduf',
  'llamafile',
  'mediapipe-task',
  'marian',
  'pickle',
  'joblib',
  'pytorch-legacy',
  'drawthings',
  'litertlm',
  'nemo',
  'pytorch-tar',
  '7z',
])
/** Readers of these tell every tensor, and nothing follows the last one but filling. */
const ENDS_WITH_TENSORS: ReadonlySet<string> = new Set(['gguf'])
/** Numbers, words and operators of a closed set: their runtimes run nothing that the file brings. */
const PLAIN: readonly string[] = [
  'burn-bpk',
  'ggml-legacy',
  'hf-config',
  'hf-index',
  'litertlm',
  'llama2c',
  'llama2c-tokenizer',
  'mnn',
  'ncnn',
  'sentencepiece',
  'whisper-ggml',
]

/** The scanner of what is left over. */
export const scanLeftovers: Scanner = {
  id: 'leftovers',
  formats: PLAIN,
  looksAt: ({ format, look }) => format !== null && !ARCHIVES.has(format) && look.text(0, 2) !== 'PK',
  scan,
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  if (!ARCHIVES.has(context.format ?? '')) await scanAppended(cursor, report, gaps, context)
  await scanBehind(cursor, report, gaps, context)
}

/** Whoever opens the file as an archive sees another one. */
async function scanAppended(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const zip = new GapList('').attempt(() => readZip(cursor)) ?? null
  if (zip === null || zip.members.length === 0) return
  const end = endOfZip(cursor)
  report.tell({
    kind: 'hidden-bytes',
    name: 'appended.zip',
    shown: `an archive of ${zip.members.length} members at the end`,
    facts: { format: context.format ?? '', members: zip.members.length },
    at: zip.members.reduce((least, { headerAt }) => Math.min(least, headerAt), cursor.size),
  })
  // Where the end record ends the file, the scanner of archives looks at it anyway.
  if (end === null || end === cursor.size) return
  const scanned = await context.scanNested(cursor.within(0, end), context.look.name, gaps)
  if (scanned !== null) report.adopt(scanned)
}

function endOfZip(cursor: Cursor): number | null {
  const start = Math.max(0, cursor.size - END_BYTES - 65_535)
  cursor.seek(start)
  const tail = Buffer.from(cursor.copy(cursor.size - start))
  const at = tail.lastIndexOf(END_MAGIC, tail.length - END_BYTES, 'latin1')
  return at < 0 ? null : start + at + END_BYTES
}

async function scanBehind(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  const { weights, format } = context
  if (weights === null || format === null || !ENDS_WITH_TENSORS.has(format)) return
  // Of tensors that were not believed nobody knows where they end.
  if (gaps.verdict() === 'malformed' || weights.tensors.some(({ bytes }) => bytes === null)) return
  const end = weights.tensors.reduce(
    (last, { offset, bytes }) => Math.max(last, offset + (bytes ?? 0)),
    weights.headerBytes,
  )
  if (end >= cursor.size || end === 0) return
  await tellHidden([{ start: end, end: cursor.size, where: 'behind' }], { cursor, report, gaps, context })
}

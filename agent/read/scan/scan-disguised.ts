// Tells program text under a name of weights: whoever starts it to have a look runs it, and Python itself runs lines of a `.pth` file that
// lies among its packages (python/cpython:Lib/site.py). No reader knows such a file.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import { textKind } from './argument-kind.ts'
import type { LoadReport } from './load-report.ts'
import { looksLike } from './magic-words.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { isWords } from './startling-bytes.ts'
import { tellCode } from './tell-code.ts'

/** Scripts are under 200 KB; what is longer and begins so is an installer that carries its archive (CWE-400). */
const MAX_SCRIPT_BYTES = 1_048_576
const EARLY_BYTES = 4_096
const NAMED_AS_WEIGHTS =
  /\.(?:gguf|ggml|safetensors|sft|onnx|keras|h5|hdf5|pt|pth|bin|ckpt|pkl|pickle|joblib|dill|npy|npz|tflite|pb|mar|nemo|skops|llamafile)$/i
const PATH_FILE = /\.pth$/i
/** Where Python looks for path files: packaging tools put theirs there, and they are no weights. */
const PACKAGES = /[/\\](?:site|dist)-packages$/
const BYTE_ORDER_MARK = /^\xef\xbb\xbf/
/** A statement at the beginning of a line, as no note begins one. */
const STATEMENT =
  /^[ \t]*(?:import[ \t]+[\w.]+[ \t]*(?:$|[,;#]|as[ \t])|from[ \t]+[\w.]+[ \t]+import[ \t(*]|(?:async[ \t]+)?def[ \t]+[A-Za-z_]\w*[ \t]*\(|class[ \t]+[A-Za-z_]\w*[ \t]*[(:]|(?:exec|eval|__import__)[ \t]*\()/m

/** The scanner of program text that is named like weights. */
export const scanDisguised: Scanner = { id: 'disguised-text', formats: [], looksAt, scan }

function looksAt({ format, look }: Pick<ScanContext, 'format' | 'look'>): boolean {
  return format === null && NAMED_AS_WEIGHTS.test(look.name) && languageOf(look) !== null
}

type Language = 'python' | 'shell' | 'batch-script' | 'php' | 'path-file'

function languageOf(look: Look): Language | null {
  const { head, sizeBytes } = look
  if (sizeBytes > MAX_SCRIPT_BYTES || head.length === 0 || !isWords(head)) return null
  const text = head.toString('latin1', 0, EARLY_BYTES).replace(BYTE_ORDER_MARK, '')
  const kind = looksLike(Buffer.from(text, 'latin1'))
  if (kind === 'batch-script' || kind === 'php') return kind
  if (kind === 'script') return /^#![^\n]{0,128}python/.test(text) ? 'python' : 'shell'
  if (STATEMENT.test(text) || textKind(text) === 'python-text') return pathFileOr(look, 'python')
  return textKind(text) === 'shell-text' ? pathFileOr(look, 'shell') : null
}

function pathFileOr(look: Look, language: Language): Language | null {
  if (!PATH_FILE.test(look.name)) return language
  return PACKAGES.test(look.folder ?? '') ? null : 'path-file'
}

function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { look }: ScanContext): void {
  const language = languageOf(look)
  if (language === null) return
  report.tell({
    kind: 'executable',
    name: `disguised.${language}`,
    shown: `a text of ${language} that is named like weights`,
    at: 0,
  })
  const source = Buffer.from(cursor.copy(cursor.size)).toString('utf8')
  if (tellCode(source, look.name, report)) return
  gaps.note('GNO_READ_LIMIT', `scan: ${look.name} does more than is told`)
  report.break()
}

// Program text in a model folder: what `auto_map` and its like have loaded, the Python beside the weights, and configurations that make
// objects. It runs where somebody loads the model with trust_remote_code, or opens the folder as a project.
import { createHash } from 'node:crypto'
import type { FilePart } from '../../../contract/artifact.ts'
import type { OpenedFile } from '../../../contract/observation.ts'
import type { LoadScan } from '../../../contract/threat.ts'
import { Cursor, readTrouble, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { JsonWalk } from '../json-walk.ts'
import { LoadReport } from './load-report.ts'
import { tellCode } from './tell-code.ts'
import { tellIndex, tellModules } from './tell-side-paths.ts'
import { tellYaml } from './tell-yaml.ts'

/** Folders with custom code have up to 20 files of it, of up to 200 KB (CWE-770). */
const MAX_FILES = 64
const MAX_FILE_BYTES = 1_048_576
const MAX_ALL_BYTES = 3_145_728
const MAX_CONFIG_BYTES = 4_194_304
const MAX_WORD_BYTES = 1_024
const CODE = /\.(?:py|pyw)$/i
/** Also run or imported where Python is; nothing of them is looked at. */
const COMPILED = /\.(?:pyc|pyo|pyd|so|dll|dylib|exe|bat|cmd|ps1|sh|ipynb)$/i
const YAML = /\.ya?ml$/i
/** Lists of shards: Kimi K2's has 15 MB. */
const INDEX = /\.index(?:\.[\w-]{1,32})?\.json$/i
const MAX_INDEX_BYTES = 33_554_432
/** The parts of a pipeline of sentence-transformers. */
const MODULES = 'modules.json'
const CONFIGS: readonly string[] = [
  'config.json',
  'tokenizer_config.json',
  'processor_config.json',
  'preprocessor_config.json',
  'generation_config.json',
  'adapter_config.json',
  'model_index.json',
  'modules.json',
]
/** Keys that name classes of files in the folder or in another repository. */
const MAP_KEYS: readonly string[] = ['auto_map', 'auto_mapping', 'custom_pipelines', 'trust_remote_code', 'custom_code']

export interface SideCode {
  readonly scan: LoadScan | undefined
  readonly parts: readonly FilePart[]
}

/** What stands beside an opened weights file; no scan where there is no program text. */
export function scanSideCode(anchor: OpenedFile, gaps: GapList): SideCode {
  const report = new LoadReport()
  const parts: FilePart[] = []
  const names = anchor.listSiblings()
  const round: Round = { anchor, gaps, report, parts, left: MAX_ALL_BYTES }
  for (const name of CONFIGS.filter((each) => names.includes(each)))
    readBeside(round, name, MAX_CONFIG_BYTES, (bytes) => tellConfig(bytes, name, report))
  readBeside(round, MODULES, MAX_CONFIG_BYTES, (bytes) => tellModules(bytes, MODULES, report))
  for (const name of names.filter((each) => INDEX.test(each)).slice(0, MAX_FILES))
    readBeside(round, name, MAX_INDEX_BYTES, (bytes) => tellIndex(bytes, name, report))
  const texts = names.filter((name) => CODE.test(name) || YAML.test(name)).sort()
  if (texts.length > MAX_FILES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${texts.length} program texts beside the weights, limit ${MAX_FILES}`)
    report.break()
  }
  for (const name of texts.slice(0, MAX_FILES)) scanText(round, name)
  for (const name of names.filter((each) => COMPILED.test(each)).slice(0, MAX_FILES)) {
    report.tell({
      kind: 'executable',
      name: `beside.${name.split('.').at(-1)?.toLowerCase() ?? ''}`,
      shown: name,
      member: name,
    })
  }
  const { result } = report
  return { scan: result.actions.length === 0 && result.isWhole ? undefined : result, parts }
}

interface Round {
  readonly anchor: OpenedFile
  readonly gaps: GapList
  readonly report: LoadReport
  readonly parts: FilePart[]
  left: number
}

function scanText(round: Round, name: string): void {
  const { report, gaps, parts } = round
  readBeside(round, name, Math.min(MAX_FILE_BYTES, round.left), (bytes, path) => {
    round.left -= bytes.length
    if (YAML.test(name)) {
      tellYaml(bytes, 'folder', name, report, gaps)
      return
    }
    parts.push({
      path,
      sizeBytes: bytes.length,
      role: 'code',
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })
    report.tell({ kind: 'code', name: 'custom-code', shown: name, member: name })
    const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
    if (!tellCode(source, name, report)) {
      gaps.note('GNO_READ_LIMIT', `scan: ${quoted(name)} does more than is told`)
      report.break()
    }
  })
}

function readBeside(
  { anchor, gaps, report }: Round,
  name: string,
  limit: number,
  use: (bytes: Uint8Array, path: string) => void,
): void {
  const file = anchor.openSibling(name)
  if (file === null) return
  try {
    const { sizeBytes } = file.identity
    if (sizeBytes > limit) throw readTrouble('GNO_READ_LIMIT', `${sizeBytes} bytes, limit ${limit}`)
    use(new Cursor(file).copy(sizeBytes), file.path)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.note(failure.code, `scan: ${quoted(name)}: ${failure.detail}`)
    // A configuration that is none is told by whoever reads it, and runs nothing.
    if (!name.endsWith('.json')) report.break()
  } finally {
    file.close()
  }
}

/** `auto_map: { AutoModel: modeling_x.Model }`, anywhere in the configuration; `owner/name--file.Class` is code of another repository. */
function tellConfig(bytes: Uint8Array, member: string, report: LoadReport): void {
  const walk = new JsonWalk(bytes)
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    const key = token === 'key' ? MAP_KEYS.find((word) => walk.is(word)) : undefined
    if (key !== undefined) takeMap(walk, { key, member }, report)
  }
}

/** Every text of the value: a class, a list of classes, or a map of them. */
function takeMap(walk: JsonWalk, place: { readonly key: string; readonly member: string }, report: LoadReport): void {
  const outer = walk.depth
  for (let token = walk.next(); ; token = walk.next()) {
    if (token === 'string') tellClass(walk.text(MAX_WORD_BYTES), walk.start, place, report)
    else if (token === 'true') tellClass('true', walk.start, place, report)
    if (walk.depth <= outer) return
  }
}

function tellClass(
  value: string,
  at: number,
  { key, member }: { readonly key: string; readonly member: string },
  report: LoadReport,
): void {
  const name = `config.${key}${value.includes('--') ? '.elsewhere' : ''}`
  report.tell({ kind: 'code', name, shown: `${key}: ${value}`, member, at })
}

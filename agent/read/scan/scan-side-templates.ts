// Chat templates in the files beside the weights of a model folder. What transformers would read, and every other template there.
import type { OpenedFile } from '../../../contract/observation.ts'
import type { ScanTemplate } from '../../../contract/template-answer.ts'
import type { LoadScan } from '../../../contract/threat.ts'
import { Cursor, readTrouble, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { findJsonTemplates, jsonByteOf } from './json-templates.ts'
import { LoadReport } from './load-report.ts'
import { MAX_TEMPLATE_BYTES, plainBytes, tellTemplate } from './tell-template.ts'

const JSON_FILES = ['tokenizer_config.json', 'chat_template.json', 'processor_config.json', 'preprocessor_config.json']
/** Where transformers looks for further templates, each by the name of its file. */
const FURTHER = 'additional_chat_templates'
const MAX_CONFIG_BYTES = 4_194_304
/** A folder of more templates than this is no model's (CWE-770). */
const MAX_TEXT_FILES = 32

/** What the templates beside an opened weights file do; undefined where there are none. */
export async function scanSideTemplates(
  anchor: OpenedFile,
  scanTemplate: ScanTemplate | null,
  gaps: GapList,
): Promise<LoadScan | undefined> {
  const texts = [...besideOf(anchor.listSiblings()), ...besideOf(anchor.listBelow?.(FURTHER) ?? [], FURTHER)]
  const report = new LoadReport()
  if (texts.length > MAX_TEXT_FILES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${texts.length} chat templates beside the weights, limit ${MAX_TEXT_FILES}`)
    report.break()
  }
  let count = 0
  const files = [...JSON_FILES.map((name) => ({ name })), ...texts.slice(0, MAX_TEXT_FILES)]
  for (const beside of files) {
    for (const { text, byteOf } of readBeside(anchor, beside, report, gaps)) {
      count += 1
      await tellTemplate(text, { report, gaps, scanTemplate, member: shownName(beside), byteOf })
    }
  }
  const { result } = report
  return count === 0 && result.isWhole ? undefined : result
}

/** A file beside the weights, or in a folder that is there. */
interface Beside {
  readonly name: string
  readonly folder?: string
}

function besideOf(names: readonly string[], folder?: string): readonly Beside[] {
  const texts = names.filter((name) => name.toLowerCase().endsWith('.jinja')).sort()
  return texts.map((name) => (folder === undefined ? { name } : { name, folder }))
}

function shownName({ name, folder }: Beside): string {
  return folder === undefined ? name : `${folder}/${name}`
}

function openBeside(anchor: OpenedFile, { name, folder }: Beside): OpenedFile | null {
  return folder === undefined ? anchor.openSibling(name) : (anchor.openBelow?.(folder, name) ?? null)
}

interface Found {
  readonly text: string
  readonly byteOf: (character: number) => number
}

function readBeside(anchor: OpenedFile, beside: Beside, report: LoadReport, gaps: GapList): readonly Found[] {
  const file = openBeside(anchor, beside)
  if (file === null) return []
  try {
    return findIn(file, beside.name)
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    gaps.note(failure.code, `scan: ${quoted(shownName(beside))}: ${failure.detail}`)
    report.break()
    return []
  } finally {
    file.close()
  }
}

function findIn(file: OpenedFile, name: string): readonly Found[] {
  const { sizeBytes } = file.identity
  const isJson = name.endsWith('.json')
  const limit = isJson ? MAX_CONFIG_BYTES : MAX_TEMPLATE_BYTES
  if (sizeBytes > limit) throw readTrouble('GNO_READ_LIMIT', `${sizeBytes} bytes, limit ${limit}`)
  const bytes = new Cursor(file).copy(sizeBytes)
  if (isJson) {
    return findJsonTemplates(bytes).map(({ text, start }) => ({
      text,
      byteOf: (character) => jsonByteOf(bytes, start, character),
    }))
  }
  const text = Buffer.from(bytes).toString('utf8')
  return [{ text, byteOf: plainBytes(text, 0) }]
}

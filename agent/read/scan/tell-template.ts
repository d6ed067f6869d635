// Has one chat template parsed, and tells what it does at its place in the file. The parser runs elsewhere: what is read here may not
// start programs, so it is given as a function.
import type { ScanTemplate } from '../../../contract/template-answer.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'

export interface TemplatePlace {
  readonly report: LoadReport
  readonly gaps: GapList
  /** Without one, a template is a gap. */
  readonly scanTemplate: ScanTemplate | null
  /** Of the file beside the weights that holds it, or of one template among several. */
  readonly member?: string
  /** Byte of the file at which a character of the template (UTF-16) stands. */
  readonly byteOf: (character: number) => number
}

/** The largest public template has 40 KB; a few tokenizers have three (CWE-770). */
export const MAX_TEMPLATE_BYTES = 1_048_576

/** Tells what one template does. What could not be parsed to its end breaks the report. */
export async function tellTemplate(template: string, place: TemplatePlace): Promise<void> {
  const { report, gaps, scanTemplate, member, byteOf } = place
  const within = member === undefined ? {} : { member }
  if (scanTemplate === null) {
    gaps.note('GNO_READ_SKIPPED', 'scan: the chat template was not parsed')
    report.break()
    return
  }
  const { actions, trouble } = await scanTemplate(template)
  for (const { at, ...action } of actions) {
    report.tell({ kind: 'template', ...action, ...within, ...(at === undefined ? {} : { at: byteOf(at) }) })
  }
  if (trouble === undefined) return
  gaps.note('GNO_READ_INVALID', `scan: the chat template could not be parsed to its end: ${trouble}`)
  report.break()
}

/** Tells that a template is longer than any is. */
export function refuseTemplate(sizeBytes: number, { report, gaps }: Pick<TemplatePlace, 'report' | 'gaps'>): void {
  gaps.note('GNO_READ_LIMIT', `scan: a chat template of ${sizeBytes} bytes, limit ${MAX_TEMPLATE_BYTES}`)
  report.break()
}

/** Places of the characters of a text that lies in the file as UTF-8. */
export function plainBytes(template: string, start: number): (character: number) => number {
  return (character) => start + Buffer.byteLength(template.slice(0, character))
}

// A chat template that is a file of its own (`chat_template.jinja`), handed over by itself. It is no weights, so it is never clean.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { MAX_TEMPLATE_BYTES, plainBytes, refuseTemplate, tellTemplate } from './tell-template.ts'

const NAMES = /\.(?:jinja|jinja2|j2)$/i

/** The scanner of lone templates. */
export const scanJinja: Scanner = {
  id: 'jinja',
  formats: [],
  looksAt: ({ format, look }) => format === null && NAMES.test(look.name),
  scan,
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { scanTemplate }: ScanContext): Promise<void> {
  const { size } = cursor
  if (size > MAX_TEMPLATE_BYTES) {
    refuseTemplate(size, { report, gaps })
    return
  }
  const template = Buffer.from(cursor.copy(size)).toString('utf8')
  await tellTemplate(template, { report, gaps, scanTemplate, byteOf: plainBytes(template, 0) })
}

// TorchServe's archives (pytorch/serve:model-archiver): the handler in them is Python that the server imports when it loads the model.
// What the weights in them do is told by whoever reads archives.
import type { Cursor } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { type ZipMember, readZip } from '../zip.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellCode } from './tell-code.ts'
import { openContent } from './zip-content.ts'

const CODE = /\.pyw?$/i
/** Archives carry a handler and the classes of the model (CWE-770). */
const MAX_FILES = 64
const MAX_FILE_BYTES = 1_048_576

/** The scanner of code in TorchServe's archives. */
export const scanMar: Scanner = { id: 'mar', formats: ['pytorch-mar'], scan }

function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { look }: ScanContext): void {
  const code = (look.zip() ?? readZip(cursor))?.members.filter(({ name }) => CODE.test(name)) ?? []
  if (code.length > MAX_FILES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${code.length} program texts in the archive, limit ${MAX_FILES}`)
    report.break()
  }
  for (const member of code.slice(0, MAX_FILES)) {
    if (gaps.attempt(() => tellMember(cursor, member, report, gaps)) === undefined) report.break()
  }
}

function tellMember(cursor: Cursor, member: ZipMember, report: LoadReport, gaps: GapList): true {
  const inner = openContent(cursor, member, MAX_FILE_BYTES)
  report.tell({ kind: 'code', name: 'custom-code', shown: member.name, member: member.name })
  const source = Buffer.from(inner.copy(Math.min(inner.size, MAX_FILE_BYTES))).toString('utf8')
  if (tellCode(source, member.name, report) && inner.size <= MAX_FILE_BYTES) return true
  gaps.note('GNO_READ_LIMIT', `scan: not all of ${quoted(member.name)} was looked at`)
  report.break()
  return true
}

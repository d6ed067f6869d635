// Chat templates in the metadata of a GGUF file: `tokenizer.chat_template`, and one more of each name in `tokenizer.chat_templates`.
import type { Cursor } from '../cursor.ts'
import { readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { MAX_METADATA_KEYS, readString } from '../gguf-metadata.ts'
import { ARRAY_TYPE, STRING_TYPE, VALUE_BYTES } from '../gguf-types.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { MAX_TEMPLATE_BYTES, plainBytes, refuseTemplate, tellTemplate } from './tell-template.ts'

const TEMPLATE_KEY = 'tokenizer.chat_template'
const MAX_KEY_BYTES = 256
/** Public files have up to four (CWE-770). */
const MAX_TEMPLATES = 16

/** The scanner of templates in GGUF files. */
export const scanGgufTemplate: Scanner = { id: 'gguf-template', formats: ['gguf'], scan }

interface Found {
  readonly start: number
  readonly sizeBytes: number
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { scanTemplate }: ScanContext): Promise<void> {
  const found = findTemplates(cursor)
  if (found.length > MAX_TEMPLATES) {
    gaps.note('GNO_READ_LIMIT', `scan: ${found.length} chat templates, limit ${MAX_TEMPLATES}`)
    report.break()
  }
  for (const { start, sizeBytes } of found.slice(0, MAX_TEMPLATES)) {
    if (sizeBytes > MAX_TEMPLATE_BYTES) {
      refuseTemplate(sizeBytes, { report, gaps })
      continue
    }
    cursor.seek(start)
    // Bytes that are no UTF-8 become U+FFFD, as every reader of these files has it.
    const template = Buffer.from(cursor.copy(sizeBytes)).toString('utf8')
    await tellTemplate(template, { report, gaps, scanTemplate, byteOf: plainBytes(template, start) })
  }
}

/** Keys and places; a file that has a key twice is scanned twice, since readers differ in which one they believe. */
function findTemplates(cursor: Cursor): readonly Found[] {
  const count = readHead(cursor)
  const found: Found[] = []
  for (let index = 0; index < count; index += 1) {
    cursor.step()
    const key = readString(cursor, MAX_KEY_BYTES, 'key length')
    const type = cursor.uint32()
    if (type === ARRAY_TYPE) skipArray(cursor)
    else if (type === STRING_TYPE) skipString(cursor, key, found)
    else cursor.skip(bytesOf(type))
  }
  return found
}

function skipString(cursor: Cursor, key: string, found: Found[]): void {
  const sizeBytes = cursor.length(Number.MAX_SAFE_INTEGER, 'string length')
  if (key.startsWith(TEMPLATE_KEY)) found.push({ start: cursor.position, sizeBytes })
  cursor.skip(sizeBytes)
}

/** Number of keys; the cursor stands at the first. */
function readHead(cursor: Cursor): number {
  cursor.seek(4)
  const [first = 0, , , last = 0] = cursor.copy(4)
  // Version 1 to 3, in whichever order its bytes are; lengths are half as wide in version 1.
  const isLittleEndian = first !== 0
  cursor.setLayout({ isLittleEndian, lengthBytes: (isLittleEndian ? first : last) === 1 ? 4 : 8 })
  cursor.length(Number.MAX_SAFE_INTEGER, 'tensor count')
  return cursor.length(MAX_METADATA_KEYS, 'key count')
}

function skipArray(cursor: Cursor): void {
  const type = cursor.uint32()
  const count = cursor.length(Number.MAX_SAFE_INTEGER, 'array length')
  if (type === STRING_TYPE) {
    cursor.need(count * cursor.lengthBytes)
    cursor.skipStrings(count)
  } else cursor.skip(count * bytesOf(type))
}

function bytesOf(type: number): number {
  const bytes = VALUE_BYTES.get(type)
  if (bytes === undefined) throw readTrouble('GNO_READ_INVALID', `value type ${type} in the metadata`)
  return bytes
}

// Chat templates of tokenizer_config.json, chat_template.json and processor_config.json where such a file stands alone.
import type { Cursor } from '../cursor.ts'
import { readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { findJsonTemplates, jsonByteOf } from './json-templates.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellTemplate } from './tell-template.ts'

/** Gemma 3's 6,400 added tokens take 1.2 MB (CWE-770). */
const MAX_CONFIG_BYTES = 4_194_304

/** The scanner of tokenizer configurations. */
export const scanTokenizerConfig: Scanner = { id: 'tokenizer-config', formats: ['hf-tokenizer-config'], scan }

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, { scanTemplate }: ScanContext): Promise<void> {
  const { size } = cursor
  if (size > MAX_CONFIG_BYTES) throw readTrouble('GNO_READ_LIMIT', `${size} bytes of JSON, limit ${MAX_CONFIG_BYTES}`)
  cursor.step(size)
  const bytes = cursor.copy(size)
  for (const { text, start } of findJsonTemplates(bytes)) {
    const byteOf = (character: number): number => jsonByteOf(bytes, start, character)
    await tellTemplate(text, { report, gaps, scanTemplate, byteOf })
  }
}

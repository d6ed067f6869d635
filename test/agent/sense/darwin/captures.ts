// Reads recorded answers of the programs of macOS.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../../../corpus/sense/darwin')

export function readCapture(name: string): unknown {
  return (JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as { readonly capture: unknown }).capture
}

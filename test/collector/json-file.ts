// JSON files of ../shared as plain objects.
import { readFileSync } from 'node:fs'

export function readJsonObject(file: string): Record<string, unknown> {
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof value !== 'object' || value === null) throw new Error(`${file} holds no object`)
  return { ...value }
}

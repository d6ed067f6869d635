// docs/complaints.md names tests by their titles: each of them has to exist.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const ROOT = join(import.meta.dirname, '../..')
const NAMED = /`(test\/[^`]+\.test\.ts)`: ([^|]+?) \|$/gm

const rows = [...readFileSync(join(ROOT, 'docs/complaints.md'), 'utf8').matchAll(NAMED)].map(
  ([, file = '', title = '']): readonly [string, string] => [file, title],
)

describe('a test that answers a complaint', () => {
  it('is named in every row of the table', () => {
    const text = readFileSync(join(ROOT, 'docs/complaints.md'), 'utf8')
    const lines = text.slice(0, text.indexOf('## Held by no test')).split('\n')
    expect(rows).toHaveLength(lines.filter((line) => line.startsWith('|')).length - 2)
    expect(rows.length).toBeGreaterThan(20)
  })

  it.each(rows)('is in %s: %s', (file, title) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(`'${title}'`)
  })
})

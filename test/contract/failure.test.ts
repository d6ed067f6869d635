// Code, use and documentation are held together in both directions: a code that nobody uses is a lie, one that is not
// catalogued is a riddle. `npm run golden` writes docs/errors.md.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { describeFailure, FAILURES, type FailureCode, failed, success } from '../../contract/failure.ts'

const root = dirname(dirname(import.meta.dirname))
const DOCUMENT = join(root, 'docs/errors.md')
const PRODUCT = ['contract', 'rules', 'agent', 'collector', 'installer']
/** A text that is or opens with a code: a code in a comment is no use of it. */
const CODE = /['"`](GNO_[A-Z0-9]+(?:_[A-Z0-9]+)*)\b/g
const codes = Object.keys(FAILURES).sort()

function render(): string {
  const rows = Object.entries(FAILURES)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, { means, operator }]) => `| \`${code}\` | ${means} | ${operator} |`)
  return [
    '# Error codes',
    '',
    'Every error line, gap and refused request of Gnomon carries one of these codes. The sentence behind the code names the',
    'thing and the number; match on the code, never on the sentence.',
    'This page is written from `contract/failure.ts` by `npm run golden`.',
    '',
    '| Code | What it means | What to do |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}

/** Codes that the product names outside the catalogue itself. */
function usedCodes(): ReadonlyMap<string, string> {
  const used = new Map<string, string>()
  for (const path of PRODUCT.flatMap(codeBelow)) {
    for (const [, code = ''] of readFileSync(join(root, path), 'utf8').matchAll(CODE)) used.set(code, path)
  }
  return used
}

function codeBelow(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((entry) => `${folder}/${entry.replaceAll('\\', '/')}`)
    .filter((path) => /\.(ts|cjs|mjs|js|html|service|sh)$/.test(path) && path !== 'contract/failure.ts')
}

describe('the error catalogue', () => {
  const used = usedCodes()

  it('holds every code that the product uses', () => {
    const riddles = [...used].filter(([code]) => !Object.hasOwn(FAILURES, code))

    expect(riddles).toEqual([])
  })

  it('holds no code that the product does not use', () => {
    expect(codes.filter((code) => !used.has(code))).toEqual([])
  })

  it.each(codes)('says in one sentence each what %s means and what to do', (code) => {
    const { means, operator } = FAILURES[code as FailureCode]

    for (const sentence of [means, operator]) {
      expect(sentence).toMatch(/^[A-Z].*\.$/)
      expect(sentence).not.toMatch(/[\n|]/)
    }
  })

  it('is what docs/errors.md says', () => {
    if (process.env['GNOMON_WRITE_GOLDEN'] === '1') writeFileSync(DOCUMENT, render())

    expect(readFileSync(DOCUMENT, 'utf8')).toBe(render())
  })
})

describe('a failure', () => {
  it('is one line with the code, the detail and what to do next', () => {
    const { failure } = failed('GNO_READ_LIMIT', 'declared 1099511627776 elements, limit 1000000, at byte 41')

    expect(describeFailure(failure)).toBe(
      'GNO_READ_LIMIT: declared 1099511627776 elements, limit 1000000, at byte 41 — Treat the file as suspect; the detail names the field and the limit.',
    )
  })

  it('keeps its cause, and has no such field without one', () => {
    const cause = new Error('EIO')

    expect(failed('GNO_READ_IO', 'read', cause).failure).toEqual({ code: 'GNO_READ_IO', detail: 'read', cause })
    expect(Object.keys(failed('GNO_READ_IO', 'read').failure)).toEqual(['code', 'detail'])
  })

  it('is told from a success by its mark', () => {
    expect(success(0)).toEqual({ ok: true, value: 0 })
    expect(failed('GNO_USAGE', 'x').ok).toBe(false)
  })
})

// The wire schemas: what is valid survives the trip whole, and everything has a largest size.
import { describe, expect, it } from '@jest/globals'
import {
  acknowledgementSchema,
  enrolmentRequestSchema,
  MAX_REPORT_ITEMS,
  problemSchema,
  reportSchema,
  scanSchema,
} from '../../contract/report.ts'
import {
  because,
  gapSchema,
  instant,
  MAX_NAME_CHARS,
  MAX_PATH_CHARS,
  MAX_SENTENCE_CHARS,
  nameText,
  pathText,
  schemedDigest,
  sentence,
  sha256Hex,
  wholeNumber,
} from '../../contract/wire.ts'
import { report, scan } from './examples.ts'

type Path = readonly (string | number)[]

/** A deep copy with one place changed. */
function changed(value: unknown, path: Path, to: unknown): unknown {
  const copy: unknown = structuredClone(value)
  let place = copy as Record<string | number, unknown>
  for (const step of path.slice(0, -1)) place = place[step] as Record<string | number, unknown>
  place[path.at(-1) ?? ''] = to
  return copy
}

describe('a round trip as JSON', () => {
  it('gives back every field of a report', () => {
    const back: unknown = JSON.parse(JSON.stringify(report))

    expect(reportSchema.parse(back)).toEqual(report)
  })

  it('gives back every field of a scan', () => {
    const back: unknown = JSON.parse(JSON.stringify(scan))

    expect(scanSchema.parse(back)).toEqual(scan)
  })

  it('drops a field that a newer agent sends, and keeps the rest', () => {
    const newer = changed(report, ['artifacts', 0, 'mood'], 'sunny')

    expect(reportSchema.parse(newer)).toEqual(report)
  })

  it('does not let a key of a table reach the prototype', () => {
    const hostile: unknown = JSON.parse(
      JSON.stringify(report).replace('"tensorTypes":{', '"tensorTypes":{"__proto__":{"polluted":1},'),
    )

    reportSchema.safeParse(hostile)

    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })
})

describe('a report is refused whole', () => {
  const many = (count: number): unknown[] => Array.from({ length: count }, () => report.artifacts[0])

  it.each<readonly [string, Path, unknown]>([
    ['of another schema version', ['schema'], 'gnomon-report/2'],
    ['with sequence 0', ['sequence'], 0],
    ['with a sequence past the doubles', ['sequence'], 2 ** 53],
    ['with a fraction for a sequence', ['sequence'], 1.5],
    ['without a proper id', ['reportId'], '../../etc/passwd'],
    ['with a time that is none', ['startedAt'], 'yesterday'],
    ['with a time that names no UTC', ['startedAt'], '2026-11-22T10:00:00+01:00'],
    ['with too many artifacts', ['artifacts'], many(MAX_REPORT_ITEMS + 1)],
    ['with too many gone paths', ['gone', 'artifactPaths'], Array(MAX_REPORT_ITEMS + 1).fill('/x')],
    ['with a negative size', ['artifacts', 0, 'sizeBytes'], -1],
    ['with an endless number', ['artifacts', 0, 'sizeBytes'], Number.POSITIVE_INFINITY],
    ['with a path beyond its limit', ['artifacts', 0, 'path'], 'x'.repeat(MAX_PATH_CHARS + 1)],
    ['with a verdict of its own', ['artifacts', 0, 'verdict'], 'harmless'],
    ['with a rung that the ladder lacks', ['artifacts', 0, 'identifications', 0, 'rung'], 7],
    ['with a digest without scheme', ['artifacts', 0, 'fingerprint', 'barcode', 'digest'], 'ab'.repeat(32)],
    ['with a short SHA-256', ['artifacts', 0, 'fingerprint', 'content', 'sha256'], 'ab'],
    ['with a severity of its own', ['findings', 0, 'severity'], 'fatal'],
    ['with a port that no machine has', ['runtimes', 0, 'listeners', 0, 'port'], 65_536],
    ['with evidence that weighs too much', ['runtimes', 0, 'identification', 'evidence', 0, 'weight'], 101],
    ['with a gap that counts nothing', ['gaps', 0, 'count'], 0],
    ['with a mark that is no boolean', ['findings', 0, 'simulated'], 'false'],
    ['with null for a list', ['findings'], null],
  ])('%s', (_what, path, value) => {
    expect(reportSchema.safeParse(changed(report, path, value)).success).toBe(false)
  })

  it.each(['host', 'coverage', 'gaps', 'artifacts', 'runtimes', 'findings', 'gone', 'lostReports'])(
    'without its %s',
    (key) => {
      const { [key]: _left, ...rest } = report as unknown as Record<string, unknown>

      expect(reportSchema.safeParse(rest).success).toBe(false)
    },
  )

  it('but takes as many items as it may carry', () => {
    expect(reportSchema.safeParse(changed(report, ['artifacts'], many(MAX_REPORT_ITEMS))).success).toBe(true)
  })
})

describe('the bounded building blocks', () => {
  it.each([
    ['name', nameText, MAX_NAME_CHARS],
    ['sentence', sentence, MAX_SENTENCE_CHARS],
    ['path', pathText, MAX_PATH_CHARS],
  ])('a %s ends at its limit', (_what, schema, limit) => {
    expect(schema.safeParse('x'.repeat(limit)).success).toBe(true)
    expect(schema.safeParse('x'.repeat(limit + 1)).success).toBe(false)
  })

  it('because holds 64 sentences and not one more', () => {
    expect(because.safeParse(Array(64).fill('x')).success).toBe(true)
    expect(because.safeParse(Array(65).fill('x')).success).toBe(false)
  })

  it.each([
    ['sha256Hex in capitals', sha256Hex, 'AB'.repeat(32)],
    ['sha256Hex with a new line', sha256Hex, `${'ab'.repeat(32)}\n`],
    ['a digest whose scheme has no number', schemedDigest, 'arch:0123456789abcdef'],
    ['a digest of 8 digits', schemedDigest, 'arch1:01234567'],
    ['a whole number past 2^53 - 1', wholeNumber, 2 ** 53],
    ['a number as text', wholeNumber, '1'],
    ['an instant without a date', instant, '10:00:00Z'],
    [
      'a gap counted a billion and one times',
      gapSchema,
      { code: 'GNO_READ_IO', place: '/', count: 1e9 + 1, detail: '' },
    ],
    ['an acknowledgement of minus one', acknowledgementSchema, { acknowledged: -1 }],
    ['an enrolment without a host', enrolmentRequestSchema, { token: 'x', hostName: 'y' }],
    ['a problem without a code', problemSchema, { detail: 'x' }],
  ])('refuse %s', (_what, schema, value) => {
    expect(schema.safeParse(value).success).toBe(false)
  })
})

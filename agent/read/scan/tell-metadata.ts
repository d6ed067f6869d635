// Tells what the texts of metadata look like where they are no description: calls of Python, command lines, scripts, pickles. The
// formats cannot run them; whoever reads the texts with eval, a shell or a browser does.
import type { Cursor } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type LoadReport, showText } from './load-report.ts'
import { looksLike } from './magic-words.ts'
import { glancePython } from './python-glance.ts'
import type { ScanContext } from './scanner.ts'
import { decodedRuns, shapesOf } from './text-shapes.ts'

/** Tags of training images take a megabyte: what is looked at of all values together (CWE-400). */
const MAX_ALL_CHARS = 2_097_152
/** Names of settings; what is longer is a text of its own. */
const MAX_KEY_CHARS = 64

export interface MetadataText {
  readonly key: string
  readonly value: string
  readonly at: number
}

export interface MetadataTelling {
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: Pick<ScanContext, 'scanNested'>
  readonly cursor: Cursor
}

/** Looks at every value, and at keys that are no names. */
export async function tellMetadata(texts: readonly MetadataText[], telling: MetadataTelling): Promise<void> {
  let left = MAX_ALL_CHARS
  let passed = 0
  for (const { key, value, at } of texts) {
    const text = key.length > MAX_KEY_CHARS ? `${key}\n${value}` : value
    const seen = text.slice(0, left)
    left -= seen.length
    passed += text.length - seen.length
    await tellText(seen, { key, at }, telling)
  }
  if (passed > 0) tellPassedOver(`${passed} characters of metadata, limit ${MAX_ALL_CHARS}`, telling)
}

/** Texts that nobody looked at: a file with them is never clean. */
export function tellPassedOver(what: string, { report, gaps }: Pick<MetadataTelling, 'report' | 'gaps'>): void {
  gaps.note('GNO_READ_SKIPPED', `scan: not looked at: ${what}`)
  report.break()
}

interface Place {
  readonly key: string
  readonly at: number
}

async function tellText(text: string, place: Place, telling: MetadataTelling): Promise<void> {
  tellWords(text, place, telling.report, '')
  await tellBytes(Buffer.from(text, 'latin1'), looksLike(Buffer.from(text.slice(0, 256), 'latin1')), place, telling)
  for (const { bytes, kind, at } of decodedRuns(text)) {
    const inside = { key: place.key, at: place.at + at }
    if (kind === null) tellWords(bytes.toString('latin1'), inside, telling.report, 'encoded.')
    else await tellBytes(bytes, kind, inside, telling)
  }
}

function tellWords(text: string, { key, at }: Place, report: LoadReport, prefix: string): void {
  if (text.includes('(')) {
    for (const { name, argument, inner } of glancePython(text, { isProse: true }).uses) {
      const shown = `${key}: ${name}(${argument === null ? '' : `'${showText(argument, 80)}'`})`
      report.tell({
        kind: 'metadata',
        name: `${prefix}code.${name}`,
        shown,
        facts: { key, inner: inner.join(' ').slice(0, 256) },
        at,
      })
    }
  }
  for (const shape of shapesOf(text)) {
    report.tell({
      kind: 'metadata',
      name: `${prefix}${shape.name}`,
      shown: `${key}: ${shape.shown}`,
      facts: { key },
      at,
    })
  }
}

/** A whole file where a text should be. */
async function tellBytes(bytes: Buffer, kind: string | null, place: Place, telling: MetadataTelling): Promise<void> {
  if (kind === null || kind === 'image') return
  const { report, gaps, context, cursor } = telling
  report.tell({
    kind: 'metadata',
    name: `file.${kind}`,
    shown: `${place.key}: begins as ${kind}`,
    facts: { key: place.key },
    at: place.at,
  })
  const scanned = await context.scanNested(cursor.over(bytes), place.key, gaps)
  if (scanned !== null) report.adopt(scanned, place.key)
}

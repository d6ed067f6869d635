// What service managers say: systemd unit files (systemd.service(5)), property lists of launchd and of applications in their XML form
// (launchd.plist(5), Core Foundation keys). Of a command line only the program is kept.
import type { InstallationObservation } from '../../../contract/installation.ts'
import { folderAbove } from './owned-files.ts'
import { type InventoryRecord, misread, observationOf, type RecordReading } from './inventory-record.ts'

const MAX_LINES = 4_096
const nothing: RecordReading = { seen: [], gaps: [] }

/** The first program of a unit. */
export function readUnit(record: InventoryRecord): RecordReading {
  const name = record.path.slice(record.path.lastIndexOf('/') + 1)
  if (record.text === null) return { seen: [observationOf(record, name, null, { isNameOnly: true })], gaps: [] }
  for (const line of record.text.split('\n', MAX_LINES)) {
    const command = /^ExecStart[ \t]*=(.*)$/.exec(line)?.[1] ?? ''
    const program = programOf(command)
    if (program !== null) return { seen: [observationOf(record, name, null, { program })], gaps: [] }
  }
  return { seen: [observationOf(record, name, null, { isNameOnly: true })], gaps: [] }
}

/** Special characters before a path say how to start it (systemd.service(5), table 1). */
function programOf(command: string): string | null {
  const text = command.trim().replace(/^[-@:+!|]+/, '')
  const quoted = /^"([^"]{1,4096})"|^'([^']{1,4096})'/.exec(text)
  const word = quoted?.[1] ?? quoted?.[2] ?? /^[^ \t]{1,4096}/.exec(text)?.[0]
  return word === undefined ? null : word
}

/** Label and program of a job of launchd. */
export function readLaunchd(record: InventoryRecord): RecordReading {
  if (record.text === null) return nothing
  const label = plistText(record.text, 'Label')
  if (label === null) return misread(record, 'no property list in XML with a Label')
  const program = plistText(record.text, 'Program') ?? firstOfArray(record.text, 'ProgramArguments')
  const seen = program === null ? { isNameOnly: true } : { program }
  return { seen: [observationOf(record, label, null, seen)], gaps: [] }
}

/** Identifier and version of an application. */
export function readApplication(record: InventoryRecord): RecordReading {
  if (record.text === null) return nothing
  const id = plistText(record.text, 'CFBundleIdentifier')
  if (id === null) return misread(record, 'no property list in XML with a CFBundleIdentifier')
  const seen: InstallationObservation = observationOf(
    record,
    id,
    plistText(record.text, 'CFBundleShortVersionString'),
    { owns: [folderAbove(record.path, 2)] },
  )
  return { seen: [seen], gaps: [] }
}

function plistText(text: string, key: string): string | null {
  return elementAfter(text, `<key>${key}</key>`, '<string>', '</string>')
}

function firstOfArray(text: string, key: string): string | null {
  const inside = elementAfter(text, `<key>${key}</key>`, '<array>', '</array>')
  return inside === null ? null : elementAfter(inside, '', '<string>', '</string>')
}

/** The text of the element that follows, with nothing but white space between. */
function elementAfter(text: string, before: string, open: string, close: string): string | null {
  const found = text.indexOf(before)
  if (found < 0) return null
  const start = text.indexOf(open, found + before.length)
  if (start < 0 || text.slice(found + before.length, start).trim() !== '') return null
  const end = text.indexOf(close, start + open.length)
  return end < 0 ? null : unescapeXml(text.slice(start + open.length, end).trim())
}

function unescapeXml(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}

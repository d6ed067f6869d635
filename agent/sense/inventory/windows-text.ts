// What Windows tells in text: `reg query …\Uninstall /s` and `…\Lxss /s` (Reg.exe), Win32_Service as JSON (Microsoft Learn: Win32_Service
// class), `winget export` (schema packages.schema.2.0). Only captures hold these so far: asking them needs a program.
import type { Gap } from '../../../contract/wire.ts'
import {
  type InventoryRecord,
  jsonIn,
  memberOf,
  misread,
  objectIn,
  observationOf,
  type RecordReading,
  textOf,
} from './inventory-record.ts'

/** Keys of Uninstall, services or packages of one machine: real ones have some hundreds. */
const MAX_THINGS = 20_000
const MAX_LINES = 400_000
const VALUE = /^ {4}([^ ].{0,255}?) {4}REG_[A-Z_]+ {4}(.{0,1024})$/

interface RegistryKey {
  readonly name: string
  readonly values: Map<string, string>
}

/** Installed applications by the name of their key. */
export function readUninstall(record: InventoryRecord): RecordReading {
  const keys = record.text === null ? [] : registryKeys(record.text)
  const seen = keys
    .filter(({ values }) => values.has('DisplayName'))
    .map(({ name, values }) => observationOf(record, name, values.get('DisplayVersion') ?? null))
  return { seen, gaps: [] }
}

/** Each Linux distribution inside Windows is a machine of its own that nobody looked into: a blind spot, told as such. */
export function readWsl(record: InventoryRecord): RecordReading {
  const names = registryKeys(record.text ?? '').flatMap(({ values }) => values.get('DistributionName') ?? [])
  const gaps = names.map(
    (name): Gap => ({
      code: 'GNO_SENSE_UNSUPPORTED',
      place: `WSL: ${name}`.slice(0, 512),
      count: 1,
      detail: 'a Linux distribution inside Windows; what is in it was not looked at',
    }),
  )
  return { seen: [], gaps }
}

function registryKeys(text: string): readonly RegistryKey[] {
  const keys: RegistryKey[] = []
  for (const line of text.split('\n', MAX_LINES)) {
    const plain = line.trimEnd()
    if (plain.startsWith('HKEY_')) keys.push({ name: plain.slice(plain.lastIndexOf('\\') + 1), values: new Map() })
    const [, name, value] = VALUE.exec(plain) ?? []
    if (name !== undefined && value !== undefined) keys.at(-1)?.values.set(name, value)
    if (keys.length > MAX_THINGS) break
  }
  return keys
}

/** Services with the program that each starts. */
export function readWindowsServices(record: InventoryRecord): RecordReading {
  const list = record.text === null ? [] : jsonIn(record.text)
  if (!Array.isArray(list)) return misread(record, 'no list of services in JSON')
  const seen = list.slice(0, MAX_THINGS).flatMap((service: unknown) => {
    const [name, command] = [textOf(service, 'Name'), textOf(service, 'PathName').trim()]
    // A path with spaces and without quotes is ambiguous; the system itself tries each (CWE-428). `.exe` ends it.
    const program = /^"([^"]+)"/.exec(command)?.[1] ?? /^.*?\.exe(?= |$)/i.exec(command)?.[0]
    if (name === '') return []
    return [observationOf(record, name, null, program === undefined ? { isNameOnly: true } : { program })]
  })
  return { seen, gaps: [] }
}

/** Packages of `winget export`. */
export function readWinget(record: InventoryRecord): RecordReading {
  const sources = record.text === null ? [] : memberOf(objectIn(record.text), 'Sources')
  if (!Array.isArray(sources)) return misread(record, 'no export of winget')
  const seen = sources.slice(0, MAX_THINGS).flatMap((source: unknown) => {
    const packages = memberOf(source, 'Packages')
    if (!Array.isArray(packages)) return []
    return packages.slice(0, MAX_THINGS).flatMap((each: unknown) => {
      const id = textOf(each, 'PackageIdentifier')
      return id === '' ? [] : [observationOf(record, id, textOf(each, 'Version'))]
    })
  })
  return { seen, gaps: [] }
}

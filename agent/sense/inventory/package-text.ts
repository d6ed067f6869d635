// What package databases say: Python core metadata 2.4 (PyPA), package.json (npm), /var/lib/dpkg/status (deb-control(5)),
// meta/snap.yaml (snapcraft), .crates2.json (cargo), folders of Homebrew and NuGet, extensions of VS Code and of Chromium.
import type { InstallationObservation } from '../../../contract/installation.ts'
import { folderAbove, isPlainName, nodeFiles, pythonFiles } from './owned-files.ts'
import {
  type InventoryRecord,
  type IsWanted,
  isObject,
  memberOf,
  misread,
  objectIn,
  observationOf,
  type RecordReading,
  textOf,
} from './inventory-record.ts'

const HEADER_LINES = 64
/** Programs of one package. */
const MAX_PROGRAMS = 64
/** Programs that `cargo install` put there. */
const MAX_CARGO_INSTALLS = 4_096
const STANZA = '\n\n'

/** Name and Version of METADATA; of its folder's name where it cannot be read. */
export function readPython(record: InventoryRecord): RecordReading {
  const headers = new Map<string, string>()
  for (const line of (record.text ?? '').split('\n', HEADER_LINES)) {
    if (line.trim() === '') break
    const colon = line.indexOf(':')
    const key = line.slice(0, colon).toLowerCase()
    if (colon > 0 && !headers.has(key)) headers.set(key, line.slice(colon + 1).trim())
  }
  const name = headers.get('name')
  const owns = record.files === undefined ? {} : { owns: pythonFiles(record.path, record.files) }
  if (name !== undefined) return one(observationOf(record, pythonName(name), headers.get('version') ?? null, owns))
  const folder = componentBefore(record.path, 1).replace(/\.(dist|egg)-info$/, '')
  const [stem, version] = splitAt(folder, folder.indexOf('-'))
  return one(observationOf(record, pythonName(stem), version, { isNameOnly: true }))
}

/** PEP 503: `Llama_CPP.python` is `llama-cpp-python`. */
export function pythonName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-')
}

/** Name and version of a package.json. */
export function readNode(record: InventoryRecord): RecordReading {
  if (record.text === null) return nothing
  const json = objectIn(record.text)
  const name = textOf(json, 'name')
  if (name === '') return misread(record, 'no package.json of a package')
  return one(observationOf(record, name, textOf(json, 'version'), { owns: nodeFiles(record.path, json) }))
}

/** Installed packages of dpkg. The whole database is one text; only what somebody asks for becomes an observation. */
export function readDpkg(record: InventoryRecord, isWanted: IsWanted): RecordReading {
  const text = record.text ?? ''
  const seen: InstallationObservation[] = []
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf(STANZA, start)
    const end = found < 0 ? text.length : found
    const name = fieldIn(text, start, end, 'Package: ')
    if (name !== '' && isWanted('apt', name) && fieldIn(text, start, end, 'Status: ').endsWith(' installed'))
      seen.push(observationOf(record, name, debianVersion(fieldIn(text, start, end, 'Version: '))))
    start = end + STANZA.length
  }
  return { seen, gaps: [] }
}

/** The name of the package of one stanza. */
export function packageOf(stanza: string): string {
  return fieldIn(stanza, 0, stanza.length, 'Package: ')
}

/** `1:0.17.1-2ubuntu1`: the epoch is the packager's, not the product's. */
function debianVersion(version: string): string {
  return version.replace(/^[0-9]+:/, '')
}

/** The value of a field at the beginning of a line of this stanza. */
function fieldIn(text: string, start: number, end: number, field: string): string {
  if (text.startsWith(field, start)) return lineAt(text, start + field.length)
  const found = text.indexOf(`\n${field}`, start)
  return found < 0 || found >= end ? '' : lineAt(text, found + 1 + field.length)
}

function lineAt(text: string, start: number): string {
  const end = text.indexOf('\n', start)
  return text.slice(start, end < 0 ? Math.min(text.length, start + 1_024) : Math.min(end, start + 1_024)).trim()
}

/** `name:` and `version:` of a snap; they stand at the first level. */
export function readSnap(record: InventoryRecord): RecordReading {
  const text = `\n${record.text ?? ''}`
  const plain = (key: string): string => fieldIn(text, 0, text.length, `${key}:`).replace(/^['"]|['"]$/g, '')
  const name = plain('name')
  return name === ''
    ? nothing
    : one(observationOf(record, name, plain('version'), { owns: [folderAbove(record.path, 2)] }))
}

/** Keys of `installs`: `mistralrs-server 0.6.0 (registry+https://…)`. */
export function readCargo(record: InventoryRecord, isWanted: IsWanted): RecordReading {
  if (record.text === null) return nothing
  const installs = memberOf(objectIn(record.text), 'installs')
  if (!isObject(installs)) return misread(record, 'no list of installed programs of cargo')
  const seen = Object.keys(installs)
    .slice(0, MAX_CARGO_INSTALLS)
    .flatMap((key) => {
      const [name = '', version = ''] = key.split(' ', 2)
      const owns = programsOf(record.path, memberOf(installs, key))
      return isWanted('cargo', name) ? [observationOf(record, name, version, { owns })] : []
    })
  return { seen, gaps: [] }
}

/** `bins` of an install: names in the folder `bin` beside the list. */
function programsOf(path: string, install: unknown): readonly string[] {
  const bins = memberOf(install, 'bins')
  const names = Array.isArray(bins) ? bins.slice(0, MAX_PROGRAMS).filter(isPlainName) : []
  return names.map((name) => `${folderAbove(path, 1)}bin/${name}`)
}

/** Homebrew: Cellar/NAME/VERSION/INSTALL_RECEIPT.json, Caskroom/NAME/VERSION; NuGet: packages/NAME/VERSION/.nupkg.metadata. */
export function readFolders(record: InventoryRecord): RecordReading {
  const isFile = /\/(INSTALL_RECEIPT\.json|\.nupkg\.metadata)$/.test(record.path)
  const behind = isFile ? 1 : 0
  const [name, version] = [componentBefore(record.path, behind + 1), componentBefore(record.path, behind)]
  return one(observationOf(record, name, version, { owns: [isFile ? folderAbove(record.path, 1) : `${record.path}/`] }))
}

/** Publisher, name and version of an extension's package.json; of its folder's name where it cannot be read. */
export function readExtension(record: InventoryRecord): RecordReading {
  const json = record.text === null ? null : objectIn(record.text)
  const [publisher, name] = [textOf(json, 'publisher'), textOf(json, 'name')]
  if (publisher !== '' && name !== '')
    return one(
      observationOf(record, `${publisher}.${name}`, textOf(json, 'version'), { owns: [folderAbove(record.path, 1)] }),
    )
  const [id, version] = extensionFolder(componentBefore(record.path, 1))
  return one(observationOf(record, id, version, { isNameOnly: true }))
}

/** `saoudrizwan.claude-dev-3.2.1-linux-x64`: the id ends where a hyphen and a digit begin the version. */
export function extensionFolder(folder: string): readonly [string, string] {
  const at = folder.search(/-[0-9]+\.[0-9]/)
  return at < 0 ? [folder, ''] : [folder.slice(0, at), folder.slice(at + 1).replace(/-[a-z].*$/, '')]
}

/** Extensions of Chromium lie under their id: …/Extensions/ID/VERSION_0/manifest.json. */
export function readChromeExtension(record: InventoryRecord): RecordReading {
  const version = record.text === null ? '' : textOf(objectIn(record.text), 'version')
  const isNameOnly = version === ''
  return one(observationOf(record, componentBefore(record.path, 2), version, { isNameOnly }))
}

/** The component so many places before the last one. */
function componentBefore(path: string, places: number): string {
  return path.split('/').at(-1 - places) ?? ''
}

function splitAt(text: string, at: number): readonly [string, string] {
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

const nothing: RecordReading = { seen: [], gaps: [] }

function one(observation: InstallationObservation): RecordReading {
  return { seen: [observation], gaps: [] }
}

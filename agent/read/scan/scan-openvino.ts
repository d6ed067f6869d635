// Tells which layers of an OpenVINO graph need a library of somebody's own, and declarations that only make sense against a reader of
// XML (CWE-611, CWE-776).
import { type Cursor, readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import type { Look } from '../look.ts'
import { scanTags } from '../xml-tags.ts'
import type { LoadReport } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { tellLocation } from './tell-location.ts'

const MAX_XML_BYTES = 33_554_432
/** Sets of operators that OpenVINO itself has. */
const OPSET = /^opset\d{1,2}$/
const DECLARATION = /<!(DOCTYPE|ENTITY|ELEMENT|ATTLIST)\b/gi
const INCLUDE = /<(?:xi:include|xinclude)\b|<\?xml-stylesheet\b/i
/** Attributes that old versions and plugins read further files from. */
const PATH_KEYS: readonly string[] = ['path', 'file', 'mean-path', 'weights_path', 'xml_path', 'bin_path', 'library']

/** The scanner of OpenVINO's graphs. */
export const scanOpenvino: Scanner = {
  id: 'openvino',
  formats: ['openvino'],
  looksAt: ({ format, look }) => format === null && isDeclared(look),
  scan,
}

/** A graph behind a declaration of types: no reader takes it for one, and OpenVINO does. */
function isDeclared({ head, name }: Look): boolean {
  return name.toLowerCase().endsWith('.xml') && head.includes('<!') && head.includes('<net ')
}

function scan(cursor: Cursor, report: LoadReport, _gaps: GapList, { look }: ScanContext): void {
  // The .bin holds nothing but values.
  if (!look.head.includes('<')) return
  if (look.name.toLowerCase().endsWith('.bin') && look.head[0] !== 0x3c && look.head[0] !== 0xef) return
  if (cursor.size > MAX_XML_BYTES) throw readTrouble('GNO_READ_LIMIT', `${cursor.size} bytes of XML`)
  const bytes = cursor.copy(cursor.size)
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  tellDeclarations(text.toString('latin1'), report)
  for (const { name, attributes } of scanTags(bytes, cursor)) {
    const paths = name === 'layer' || name === 'net' ? [] : pathsOf(attributes)
    for (const path of paths) tellLocation(report, look, path, 0, 1)
    if (name === 'layer') tellLayer(attributes, report)
  }
}

function tellLayer(attributes: ReadonlyMap<string, string>, report: LoadReport): void {
  const version = attributes.get('version') ?? ''
  if (version === '' || OPSET.test(version)) return
  const facts = { format: 'openvino', isDefined: false, isStandard: false }
  report.tell({ kind: 'graph-operator', name: `${version}.${attributes.get('type') ?? ''}`, facts })
}

function pathsOf(attributes: ReadonlyMap<string, string>): readonly string[] {
  return PATH_KEYS.flatMap((key) => attributes.get(key) ?? []).filter((path) => /[/\\]|\.\w{1,8}$/.test(path))
}

function tellDeclarations(text: string, report: LoadReport): void {
  for (const { 1: kind = '', index } of text.matchAll(DECLARATION)) {
    report.tell({
      kind: 'malformed-field',
      name: `xml.${kind.toLowerCase()}`,
      shown: text.slice(index, index + 120),
      at: index,
    })
  }
  const include = INCLUDE.exec(text)
  if (include !== null)
    report.tell({
      kind: 'malformed-field',
      name: 'xml.include',
      shown: text.slice(include.index, include.index + 120),
      at: include.index,
    })
}

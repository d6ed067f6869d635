// Tells what loading a skops archive (skops-dev/skops:skops/io) would make: every `__class__` of a `__module__`, and by which `__loader__`.
// skops asks before it imports a type that it does not know, unless a loader forgets to (CVE-2025-54412, CVE-2025-54413).
import type { Cursor } from '../cursor.ts'
import { readTrouble } from '../cursor.ts'
import type { GapList } from '../gap-list.ts'
import { type JsonToken, JsonWalk } from '../json-walk.ts'
import { type ZipDirectory, openMember, readZip } from '../zip.ts'
import { type LoadReport, showText } from './load-report.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { leavesFolder, tellPath } from './tell-location.ts'

const SCHEMA = 'schema.json'
/** A random forest of 1,000 trees takes about 10 MB (CWE-409). */
const MAX_SCHEMA_BYTES = 33_554_432
const MAX_WORD_BYTES = 4_096
const MAX_SHOWN_PATH = 160
const NAME = /\.skops$/i

/** The scanner of skops archives, and of files that only have their name. */
export const scanSkops: Scanner = {
  id: 'skops',
  formats: ['skops'],
  looksAt: ({ format, look }) => format !== 'skops' && NAME.test(look.name),
  scan,
}

function scan(cursor: Cursor, report: LoadReport, _gaps: GapList, { format }: ScanContext): void {
  if (format !== 'skops') {
    // skops' model cards hand such a file to joblib (CVE-2025-54886).
    report.tell({
      kind: 'configured-object',
      name: 'skops-fallback',
      shown: `a file named .skops that is ${format ?? 'of no known format'}`,
    })
    return
  }
  const zip = readZip(cursor)
  const member = zip?.byName.get(SCHEMA)
  if (zip === null || member === undefined) throw readTrouble('GNO_READ_INVALID', `the archive has no ${SCHEMA}`)
  const inner = openMember(cursor, member, MAX_SCHEMA_BYTES)
  if (inner.size > MAX_SCHEMA_BYTES) throw readTrouble('GNO_READ_LIMIT', `a schema of ${inner.size} bytes`)
  walkSchema(new JsonWalk(inner.copy(inner.size)), cursor, report, zip.byName)
}

interface Node {
  readonly words: Map<string, string>
  at: number
}

const WORDS: readonly string[] = ['__class__', '__module__', '__loader__', 'func', 'method', 'attr', 'file']

function walkSchema(walk: JsonWalk, cursor: Cursor, report: LoadReport, members: ZipDirectory['byName']): void {
  const open: Node[] = []
  let key: string | null = null
  for (let token = walk.next(); token !== 'end'; token = walk.next()) {
    cursor.step()
    const top = open.at(-1)
    if (token === 'key') key = WORDS.find((word) => walk.is(word)) ?? null
    else if (token === 'object') open.push({ words: new Map(), at: walk.position })
    else if (token === 'end-object') {
      const node = open.pop()
      tellNode(node, report)
      tellFile(node, members, report)
    } else takeWord(token, walk, key, top)
    if (token !== 'key') key = null
  }
}

function takeWord(token: JsonToken, walk: JsonWalk, key: string | null, top: Node | undefined): void {
  if (token !== 'string' || key === null || top === undefined) return
  top.words.set(key, walk.text(MAX_WORD_BYTES))
  if (key === '__loader__') top.at = walk.start
}

/** Arrays and bytes lie in members of the archive; a name that is none of them leads elsewhere. */
function tellFile(node: Node | undefined, members: ZipDirectory['byName'], report: LoadReport): void {
  const path = node?.words.get('file')
  if (node === undefined || path === undefined || !node.words.has('__loader__')) return
  if (leavesFolder(path)) tellPath(report, path, { shown: 'values lie in', at: node.at, member: SCHEMA })
  else if (!members.has(path)) {
    const shown = `values lie in ${showText(path, MAX_SHOWN_PATH)}, which is no member`
    report.tell({ kind: 'external-file', name: 'no-member', shown, member: SCHEMA, at: node.at })
  }
}

function tellNode(node: Node | undefined, report: LoadReport): void {
  const loader = node?.words.get('__loader__')
  if (node === undefined || loader === undefined) return
  const { words, at } = node
  const name = [words.get('__module__') ?? '', words.get('__class__') ?? ''].filter((part) => part !== '').join('.')
  const method = words.get('func') ?? words.get('method') ?? words.get('attr') ?? ''
  const facts = { format: 'skops', loader, made: name.slice(0, 256), method: method.slice(0, 256) }
  const place = { member: SCHEMA, at }
  report.tell({
    kind: 'configured-object',
    name: `skops-loader.${loader}`,
    shown: `${loader} makes ${name}`,
    facts: { format: 'skops', made: facts.made },
    ...place,
  })
  if (name !== '') report.tell({ kind: 'configured-object', name, shown: `${name}(…) by ${loader}`, facts, ...place })
}

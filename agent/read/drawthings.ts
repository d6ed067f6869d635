// Weights of Draw Things (liuliu/s4nnc over ccv's lib/nnc/ccv_nnc_tensor_io.c): an SQLite database with a table of tensors. Databases
// are everywhere, so the statement that made the table must name every column of that store.
import { type Cursor, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { type SchemaEntry, readSchema, sqlitePageBytes, sqlitePageCount } from './sqlite-schema.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const COLUMNS: readonly string[] = ['name', 'type', 'format', 'datatype', 'dim', 'data']
const MAX_FACT_CHARS = 512
const HEADER_BYTES = 100

/** The reader of Draw Things' weights. */
export const drawthings: FormatReader = {
  id: 'drawthings',
  endings: ['.ckpt'],
  certainty: 'magic',
  firstBytes: 'S',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const pageBytes = sqlitePageBytes(look.head)
  if (pageBytes === null) return false
  // A broken schema is somebody else's database until it names the store.
  const entries = new GapList('').attempt(() => readSchema(look.at(0, pageBytes)))
  return entries?.some(isStore) ?? false
}

function isStore({ kind, name, sql }: SchemaEntry): boolean {
  if (kind !== 'table' || name !== 'tensors') return false
  const columns = /\(([^()]*)/.exec(sql)?.[1]?.split(',') ?? []
  const names = columns.map((column) => column.trim().split(/\s/)[0]?.toLowerCase() ?? '')
  return COLUMNS.every((column) => names.includes(column))
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  gaps.attempt(() => {
    cursor.step()
    const head = cursor.copy(Math.min(cursor.size, HEADER_BYTES))
    const pageBytes = sqlitePageBytes(head)
    if (pageBytes === null) throw readTrouble('GNO_READ_INVALID', 'the file is no SQLite database')
    facts.set('pageBytes', pageBytes)
    checkSize(cursor, { pageBytes, pages: sqlitePageCount(head) }, facts, gaps)
    cursor.seek(0)
    const entries = readSchema(cursor.copy(Math.min(cursor.size, pageBytes)))
    cursor.step(1 + entries.length)
    facts.set(
      'tables',
      entries
        .map(({ name }) => name)
        .join(', ')
        .slice(0, MAX_FACT_CHARS),
    )
    if (!entries.some(isStore)) throw readTrouble('GNO_READ_INVALID', 'the database has no table of tensors')
  })
  gaps.note('GNO_READ_SKIPPED', 'rung 2: the rows of the table of tensors are not read')
  return {
    isModel: true,
    formatVersion: '3',
    facts,
    kind: 'other',
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: Math.min(cursor.size, Number(facts.get('pageBytes') ?? cursor.size)),
  }
}

/** The header counts the pages; fewer are a file that was cut. */
function checkSize(
  cursor: Cursor,
  { pageBytes, pages }: { readonly pageBytes: number; readonly pages: number },
  facts: Map<string, string | number | boolean>,
  gaps: GapList,
): void {
  facts.set('pages', pages)
  if (pages * pageBytes > cursor.size) {
    gaps.blame('GNO_READ_TRUNCATED', `${pages} pages take ${pages * pageBytes} bytes, file has ${cursor.size}`)
  }
}

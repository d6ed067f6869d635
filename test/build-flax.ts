// Builds Flax's checkpoints and the first page of Draw Things' databases, in which every field can lie. The layouts are drawn in
// agent/read/flax-msgpack.ts and sqlite-schema.ts.
import { patternBytes } from './build-gguf.ts'

export type Packed = string | number | Uint8Array | { readonly map: readonly (readonly [string, Packed])[] }

function head(code: number, width: number, value: number): Buffer {
  const bytes = Buffer.alloc(1 + width)
  bytes[0] = code
  bytes.writeUIntBE(value, 1, width)
  return bytes
}

/** Writes one value; bytes stand for themselves, so that a test can put anything in its place. */
export function msgpack(value: Packed): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value)
  if (typeof value === 'number') return value < 0 ? Buffer.from([value & 0xff]) : head(0xce, 4, value)
  if (typeof value === 'string') return Buffer.concat([head(0xd9, 1, Buffer.byteLength(value)), Buffer.from(value)])
  const pairs = value.map.flatMap(([key, item]) => [msgpack(key), msgpack(item)])
  return Buffer.concat([head(0xde, 2, value.map.length), ...pairs])
}

/** An array of Flax: extension 1 around shape, type and data; every part lies where a test says so. */
export function flaxArray(
  shape: readonly number[],
  word = 'float32',
  lies: { readonly bytes?: number; readonly extension?: number; readonly size?: number; readonly rank?: number } = {},
): Buffer {
  const data = patternBytes(lies.bytes ?? shape.reduce((product, dim) => product * dim, 4), 5)
  const inner = Buffer.concat([
    Buffer.from([0x93]),
    head(0xdc, 2, lies.rank ?? shape.length),
    ...shape.map((dim) => msgpack(dim)),
    msgpack(word),
    head(0xc6, 4, data.length),
    data,
  ])
  return Buffer.concat([head(0xc9, 4, lies.size ?? inner.length), Buffer.from([lies.extension ?? 1]), inner])
}

/** A checkpoint of one layer. */
export function buildFlax(members: readonly (readonly [string, Packed])[] = []): Buffer {
  const layer = { map: [['kernel', flaxArray([4, 2])], ['bias', flaxArray([2])], ...members] } as const
  return msgpack({
    map: [
      ['step', 7],
      ['params', { map: [['dense', layer]] }],
    ],
  })
}

export const STORE_SQL =
  'CREATE TABLE tensors (name STRING, type INTEGER, format INTEGER, datatype INTEGER, dim BLOB, data BLOB, PRIMARY KEY (name))'

export interface SqliteSpec {
  readonly name?: string
  readonly sql?: string
  /** Lies. */
  readonly pages?: number
  readonly cells?: number
  readonly place?: number
  readonly pageBytes?: number
  readonly payload?: Uint8Array
}

/** A number in SQLite's own spelling, below 16,384. */
function varint(value: number): Buffer {
  return value < 0x80 ? Buffer.from([value]) : Buffer.from([0x80 | (value >> 7), value & 0x7f])
}

/** Writes a database of one page of 512 bytes, whose schema has one entry. */
export function buildSqlite(spec: SqliteSpec = {}): Buffer {
  const page = Buffer.alloc(512)
  page.write('SQLite format 3\u0000', 'latin1')
  page.writeUInt16BE(spec.pageBytes ?? 512, 16)
  page.writeUInt32BE(spec.pages ?? 1, 28)
  const name = spec.name ?? 'tensors'
  const texts = ['table', name, name].map((text) => Buffer.from(text))
  const sql = Buffer.from(spec.sql ?? STORE_SQL)
  const types = [...texts.map((text) => varint(13 + text.length * 2)), varint(1), varint(13 + sql.length * 2)]
  const header = Buffer.concat(types)
  const record = Buffer.concat([varint(header.length + 1), header, ...texts, Buffer.from([2]), sql])
  const cell = spec.payload ?? Buffer.concat([varint(record.length), varint(1), record])
  const place = 512 - cell.length
  Buffer.from(cell).copy(page, place)
  page[100] = 13
  page.writeUInt16BE(spec.cells ?? 1, 103)
  page.writeUInt16BE(spec.place ?? place, 108)
  return page
}

/** The committed samples by folder and name. */
export const FLAX_SAMPLES: Readonly<Record<string, Buffer>> = {
  'flax-msgpack/one-layer.msgpack': buildFlax(),
  'drawthings/store.ckpt': buildSqlite(),
}

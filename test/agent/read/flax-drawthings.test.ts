// Flax's checkpoints and Draw Things' databases, good and lying: each case is built so that one field is wrong.
import { describe, expect, it } from '@jest/globals'
import { drawthings } from '../../../agent/read/drawthings.ts'
import { flaxMsgpack } from '../../../agent/read/flax-msgpack.ts'
import { FLAX_SAMPLES, STORE_SQL, buildFlax, buildSqlite, flaxArray, msgpack } from '../../build-flax.ts'
import { formatOf, readBytes, sample } from './give-bytes.ts'

it.each(Object.entries(FLAX_SAMPLES))('the committed sample %s is what the builder makes', (path, bytes) => {
  expect(sample(path).equals(bytes)).toBe(true)
})

describe('a checkpoint of Flax', () => {
  it('has its arrays by their path, at their places in the file', () => {
    const bytes = buildFlax()

    const { part, codes, facts } = readBytes(flaxMsgpack, bytes)

    const kernel = part.tensors[0]
    expect([formatOf(bytes), codes, facts['collections']]).toEqual(['flax-msgpack', [], 'params'])
    expect(part.tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ['params/dense/kernel', [4, 2]],
      ['params/dense/bias', [2]],
    ])
    expect(bytes.subarray(kernel?.offset, (kernel?.offset ?? 0) + 32).equals(flaxArray([4, 2]).subarray(-32))).toBe(
      true,
    )
  })

  it('gives up on keys by the hundred thousand, and keeps the arrays before them', () => {
    const count = 262_144
    const keys = Buffer.alloc(5 + count * 7, 0xc0)
    keys.writeUIntBE(0xdf, 0, 1)
    keys.writeUInt32BE(count, 1)
    for (let index = 0; index < count; index += 1)
      keys.write(`\xa5${index.toString(36).padStart(5, '0')}`, 5 + index * 7, 'latin1')

    const { part, codes } = readBytes(flaxMsgpack, buildFlax([['many', keys]]))

    expect([part.tensors.length, codes]).toEqual([2, ['GNO_READ_LIMIT']])
  })

  it('keeps __proto__ as a name like any other', () => {
    const { part } = readBytes(flaxMsgpack, buildFlax([['__proto__', flaxArray([2])]]))

    expect(part.tensors.at(-1)?.name).toBe('params/dense/__proto__')
  })

  it.each([
    [
      'a map of other things',
      msgpack({
        map: [
          ['name', 'x'],
          ['values', { map: [['a', 1]] }],
        ],
      }),
    ],
    ['a timestamp for an array', msgpack({ map: [['when', Buffer.from([0xd6, 0xff, 1, 2, 3, 4])]] })],
    ['an extension of somebody else', msgpack({ map: [['x', Buffer.from([0xc7, 3, 1, 0x93, 0x90, 0xa1])]] })],
  ])('is not seen in %s', (_what, bytes) => {
    expect(formatOf(bytes, 'model.msgpack')).not.toBe('flax-msgpack')
  })

  const deep = Buffer.concat([Buffer.alloc(5_000, 0x91), Buffer.from([0])])
  it.each([
    ['an array larger than its shape', 'GNO_READ_INVALID', flaxArray([2], 'float32', { bytes: 64 })],
    ['an array smaller than its shape', 'GNO_READ_TRUNCATED', flaxArray([2], 'float32', { bytes: 4 })],
    ['an array of an unknown type', 'GNO_READ_INVALID', flaxArray([2], 'float31')],
    ['dimensions that wrap', 'GNO_READ_TRUNCATED', flaxArray([0xffff_ffff, 0xffff_ffff], 'float32', { bytes: 8 })],
    ['a negative dimension', 'GNO_READ_TRUNCATED', flaxArray([-1, -2], 'float32', { bytes: 4 })],
    ['60,000 dimensions', 'GNO_READ_INVALID', flaxArray([2], 'float32', { rank: 60_000 })],
    ['an extension of 4 GB', 'GNO_READ_TRUNCATED', flaxArray([2], 'float32', { size: 0xffff_ffff })],
    ['an extension of its own', 'GNO_READ_INVALID', flaxArray([2], 'float32', { extension: 9 })],
    ['arrays nested thousands deep', 'GNO_READ_LIMIT', deep],
    ['a map of 4 billion', 'GNO_READ_TRUNCATED', Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff])],
    ['an unused code', 'GNO_READ_INVALID', Buffer.from([0xc1])],
  ])('with %s is malformed', (_lie, code, value) => {
    const { codes, gaps } = readBytes(flaxMsgpack, buildFlax([['lie', value]]))

    expect(codes).toContain(code)
    expect(gaps.verdict()).toBe('malformed')
  })

  it.each([
    ['a key twice', 'GNO_READ_INVALID', buildFlax([['bias', flaxArray([2])]])],
    ['an end that is missing', 'GNO_READ_TRUNCATED', buildFlax().subarray(0, -3)],
    ['bytes behind it', 'GNO_READ_INVALID', Buffer.concat([buildFlax(), Buffer.from('more')])],
  ])('with %s is malformed', (_lie, code, bytes) => {
    expect(readBytes(flaxMsgpack, bytes).codes).toContain(code)
  })
})

describe('a database', () => {
  it('is one of Draw Things when its table has every column of the store', () => {
    const bytes = buildSqlite()

    const { codes, facts } = readBytes(drawthings, bytes)

    expect([formatOf(bytes), codes]).toEqual(['drawthings', ['GNO_READ_SKIPPED']])
    expect(facts).toEqual({ pageBytes: 512, pages: 1, tables: 'tensors' })
  })

  it.each([
    ['of bookmarks', buildSqlite({ name: 'moz_places', sql: 'CREATE TABLE moz_places (id INTEGER, url TEXT)' })],
    ['of another store', buildSqlite({ sql: 'CREATE TABLE tensors (tensor_id int, shape text, dtype text)' })],
    ['with a column less', buildSqlite({ sql: STORE_SQL.replace('dim BLOB, ', '') })],
    ['of another name', buildSqlite({ name: 'other', sql: STORE_SQL })],
    ['with a page of 3 bytes', buildSqlite({ pageBytes: 3 })],
    ['with a cell outside its page', buildSqlite({ place: 511 })],
    ['with a number without end', buildSqlite({ payload: Buffer.alloc(8, 0xff) })],
    ['with 65,535 cells', buildSqlite({ cells: 0xffff })],
  ])('%s is no model', (_what, bytes) => {
    expect(formatOf(bytes, 'model.ckpt')).not.toBe('drawthings')
  })

  it('that was cut, or whose schema is broken, is malformed', () => {
    expect(readBytes(drawthings, buildSqlite({ pages: 9_000 })).codes).toContain('GNO_READ_TRUNCATED')
    expect(readBytes(drawthings, buildSqlite({ pages: 0xffff_ffff })).codes).toContain('GNO_READ_TRUNCATED')
    expect(readBytes(drawthings, buildSqlite({ place: 511 })).gaps.verdict()).toBe('malformed')
  })
})

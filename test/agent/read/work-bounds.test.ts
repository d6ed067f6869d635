// Lists and work that a file can ask for without end: each has a limit, and what is beyond it is told or costs nothing.
import { describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import type { PickleValue } from '../../../agent/read/pickle-values.ts'
import type { StoreOptions } from '../../../agent/read/store-reader.ts'
import { readTree } from '../../../agent/read/store-tree.ts'
import { readTextFields } from '../../../agent/read/text-proto.ts'
import { harvestTensors } from '../../../agent/read/torch-tree.ts'
import { unpackBzip2 } from '../../../agent/read/unpack-bzip2.ts'
import type { OpenedFolder } from '../../../contract/observation.ts'
import { buildOnnx, len, num, onnxNode, uint32, varint } from '../../build-protobuf.ts'
import { readBytes } from './read-bytes.ts'

/** `printf a | bzip2`, made once by hand: header of 32 bits, one block, end mark and checksum of 80 bits, padding. */
const BZIP2_OF_A = '425a683931415926535919939b6b00000001002000200021184682ee48a70a120332736d60'

function bitsOf(hex: string): string {
  return [...Buffer.from(hex, 'hex')].map((byte) => byte.toString(2).padStart(8, '0')).join('')
}

/** The same block again and again, without the end. */
function repeatBlock(count: number): Buffer {
  const bits = bitsOf(BZIP2_OF_A)
  const end = bits.indexOf(bitsOf('177245385090'))
  const all = bits.slice(0, 32) + bits.slice(32, end).repeat(count)
  return Buffer.from((all.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
}

describe('bzip2 of thousands of blocks', () => {
  it('ends after more blocks than a writer needs for a megabyte', () => {
    const found = unpackBzip2(repeatBlock(2_000), 1_048_576)

    expect(found).toEqual({ bytes: new Uint8Array(64).fill(0x61), end: 'limit' })
  })

  it('is told as more than was unpacked, and not as damaged, where there are a few', () => {
    expect(unpackBzip2(repeatBlock(3), 2)).toEqual({ bytes: Uint8Array.from([0x61, 0x61]), end: 'limit' })
  })
})

describe('text of protobuf', () => {
  const fieldsOf = (text: string) => [...readTextFields(new Cursor(memoryBytes(Buffer.from(text))))]

  it('names the messages around each field', () => {
    expect(fieldsOf('a { b { c: 1 } d: "x" { e: 2 } } f: 3').map(({ path, key }) => `${path}/${key}`)).toEqual([
      '/a',
      'a/b',
      'a.b/c',
      'a/d',
      'a/',
      'a./e',
      '/f',
    ])
  })

  it('joins long names of deep messages once, not for every word', () => {
    const deep = `${'m'.repeat(512)} { `.repeat(120)
    const started = performance.now()

    const fields = fieldsOf(`${deep}${'k: 1 '.repeat(100_000)}${'} '.repeat(120)}`)

    expect(fields).toHaveLength(100_120)
    expect(performance.now() - started).toBeLessThan(4_000)
  })
})

describe('a list that only a crafted file makes long', () => {
  it('ends for the functions of ONNX', () => {
    const bytes = buildOnnx({
      nodes: [onnxNode('Relu')],
      modelParts: [Buffer.concat(Array.from({ length: 65_537 }, () => len(25, '')))],
    })

    expect(readBytes(bytes)).toMatchObject({ format: 'onnx', verdict: 'malformed', codes: ['GNO_READ_LIMIT'] })
  })

  it('ends for the groups of weights of TensorFlow.js', () => {
    const text = `{"modelTopology":{},"weightsManifest":[${Array.from({ length: 16_385 }, () => '{}').join(',')}]}`

    expect(readBytes(Buffer.from(text))).toMatchObject({
      format: 'tfjs',
      verdict: 'malformed',
      codes: ['GNO_READ_LIMIT'],
    })
  })
})

describe('the blocks of a checkpoint of TensorFlow', () => {
  it('end where an index names more than any model has', () => {
    const entry = (key: string, value: Uint8Array) =>
      Buffer.concat([varint(0), varint(key.length), varint(value.length), Buffer.from(key), value])
    const block = (...parts: readonly Buffer[]) => Buffer.concat([...parts, uint32(0), uint32(1), Buffer.alloc(5)])
    const first = block(entry('', Buffer.concat([num(1, 1), len(3, num(1, 1))])))
    const others = Array.from({ length: 65_537 }, () => block())
    const places = others.map((_, index) => Buffer.concat([varint(first.length + index * 13), varint(8)]))
    const index = block(...places.map((place) => entry('k', place)))
    const data = Buffer.concat([first, ...others])
    const footer = Buffer.concat([
      varint(0),
      varint(4),
      varint(data.length),
      varint(index.length - 5),
      Buffer.alloc(40),
    ])
    const bytes = Buffer.concat([data, index, footer.subarray(0, 40), Buffer.from('57fb808b247547db', 'hex')])

    expect(readBytes(bytes)).toMatchObject({ format: 'tf-checkpoint', verdict: 'malformed', codes: ['GNO_READ_LIMIT'] })
  })
})

describe('a store of a thousand folders', () => {
  it('never has more of them open than are visited', async () => {
    let open = 0
    let most = 0
    const folderOf = (names: readonly string[]): OpenedFolder => {
      open += 1
      most = Math.max(most, open)
      return {
        path: '/store',
        list: () => names.map((name) => ({ name, kind: 'folder' as const })),
        openFolder: () => folderOf([]),
        openFile: () => null,
        readLink: () => null,
        close: () => {
          open -= 1
        },
      }
    }
    const options: StoreOptions = {
      deep: false,
      signal: new AbortController().signal,
      mustHash: () => false,
      async *readInside() {
        // No folder holds anything.
      },
    }
    const names = Array.from({ length: 1_000 }, (_, index) => `f${index}`)

    for await (const find of readTree(folderOf(names), options)) expect(find).toBeUndefined()

    expect(open).toBe(0)
    expect(most).toBeLessThanOrEqual(257)
  })
})

describe('a dictionary with one key a hundred thousand times', () => {
  it('is asked about that key once', () => {
    const array = (at: number): PickleValue => ({ kind: 'array', type: 'F32', shape: [1], at, size: 4 })
    const inner = Array.from({ length: 8_000 }, (_, index) => [`w${index}`, array(index)] as const).flat()
    const pairs: PickleValue[] = ['other', array(0)]
    for (let index = 0; index < 100_000; index += 1) pairs.push('model', null)
    pairs.push('model', { kind: 'dict', pairs: inner })
    const other = (value: PickleValue, name: string) =>
      typeof value === 'object' && value?.kind === 'array'
        ? { name, type: 'F32', shape: [1], elements: 1, offset: value.at, bytes: 4 }
        : null
    const find = () => ({ at: 0, bytes: 0 })
    const cursor = new Cursor(memoryBytes(new Uint8Array(0)))
    const started = performance.now()

    const { tensors } = harvestTensors(
      { kind: 'dict', pairs: pairs.reverse().flatMap(flip) },
      { cursor, gaps: new GapList(''), find, other },
    )

    expect(tensors).toHaveLength(8_001)
    expect(performance.now() - started).toBeLessThan(4_000)
  })
})

/** Pairs that were turned around with their list. */
function flip(value: PickleValue, index: number, all: readonly PickleValue[]): readonly PickleValue[] {
  return index % 2 === 0 ? [all[index + 1] ?? null, value] : []
}

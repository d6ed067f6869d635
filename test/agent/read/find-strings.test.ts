// Engines are told by strings of their own inside programs and libraries, wherever in the file those lie.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { MAX_SEARCHED_BYTES, findStrings } from '../../../agent/read/find-strings.ts'
import { openForTest } from './open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-strings-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SIGNATURES = [
  { id: 'three', all: ['llama_model_loader', 'tokenizer.ggml.model', 'general.quantization_version'], any: [] },
  { id: 'one', all: ['only this'], any: [] },
  { id: 'either', all: [], any: ['left hand', 'right hand'] },
  { id: 'both', all: ['with a'], any: ['left hand', 'right hand'] },
  { id: 'nothing', all: [], any: [] },
]

function search(bytes: Uint8Array, sizeBytes = bytes.length) {
  const path = join(folder, 'program')
  writeFileSync(path, bytes)
  truncateSync(path, sizeBytes)
  const file = openForTest(path)
  try {
    return findStrings(file, SIGNATURES)
  } finally {
    file.close()
  }
}

const PIECE = 1_048_576
const withAt = (...texts: readonly (readonly [at: number, text: string])[]): Buffer => {
  const bytes = Buffer.alloc(3 * PIECE, 'ab')
  for (const [at, text] of texts) bytes.write(text, at)
  return bytes
}

describe('findStrings', () => {
  it('finds all strings of a signature wherever they lie, also across the pieces of reading', () => {
    const bytes = withAt(
      [2 * PIECE + 5, 'llama_model_loader'],
      [PIECE - 3, 'tokenizer.ggml.model'],
      [7, 'general.quantization_version'],
    )

    const found = [{ id: 'three', text: 'llama_model_loader', offset: 2 * PIECE + 5 }]
    expect(search(bytes)).toEqual({ ids: ['three'], found, searchedBytes: bytes.length, isCut: false })
  })

  it('tells of each signature the byte at which a string of it lies first', () => {
    const bytes = withAt([PIECE - 4, 'right hand'], [2 * PIECE, 'right hand'], [9, 'with a'])

    expect(search(bytes).found).toEqual([
      { id: 'either', text: 'right hand', offset: PIECE - 4 },
      { id: 'both', text: 'with a', offset: 9 },
    ])
  })

  it('finds a string that ends with the file', () => {
    expect(search(withAt([3 * PIECE - 9, 'only this'])).ids).toEqual(['one'])
    expect(search(Buffer.from('only this')).ids).toEqual(['one'])
  })

  it('finds one of several strings', () => {
    expect(search(withAt([PIECE + 1, 'right hand'])).ids).toEqual(['either'])
    expect(search(withAt([PIECE + 1, 'left hand'], [0, 'with a'])).ids).toEqual(['either', 'both'])
    expect(search(withAt([0, 'with a'])).ids).toEqual([])
  })

  it.each([
    ['two of three', withAt([0, 'llama_model_loader'], [99, 'tokenizer.ggml.model'])],
    ['none of its first', withAt([0, 'tokenizer.ggml.model'], [99, 'general.quantization_version'])],
    ['nothing', withAt()],
    ['no bytes', Buffer.alloc(0)],
  ])('finds no signature in a file with %s', (_name, bytes) => {
    expect(search(bytes).ids).toEqual([])
  })

  it('says where a file is longer than is searched', () => {
    expect(search(Buffer.from('only this'), MAX_SEARCHED_BYTES + 1)).toEqual({
      ids: ['one'],
      found: [{ id: 'one', text: 'only this', offset: 0 }],
      searchedBytes: MAX_SEARCHED_BYTES,
      isCut: true,
    })
  })
})

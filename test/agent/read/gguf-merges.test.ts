// Merges are digested where they lie, or one by one where lengths are laid out otherwise: the digest is the same.
import { describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { gguf } from '../../../agent/read/gguf.ts'
import { digestMergesText } from '../../../agent/read/hf-vocab-files.ts'
import { Look } from '../../../agent/read/look.ts'
import { nestedReader } from '../../../agent/read/sniff-format.ts'
import { array, buildGguf, text } from '../../build-gguf.ts'

/** Longer together than the window through which a file is read. */
const merges = Array.from({ length: 40_000 }, (_, index) => `${index.toString(36)} ${'x'.repeat(index % 13)}y`)

function read(bytes: Buffer) {
  const gaps = new GapList('m.gguf')
  const look = new Look(memoryBytes(bytes), '.gguf')
  const part = gguf.read(new Cursor(memoryBytes(bytes)), gaps, { look, readNested: nestedReader() })
  return { tokenizer: part.tokenizer, gaps: gaps.list() }
}

const kvOf = (list: readonly string[]) =>
  [
    ['general.architecture', text('llama')],
    ['tokenizer.ggml.model', text('gpt2')],
    ['tokenizer.ggml.tokens', array('string', ['a', 'b'])],
    ['tokenizer.ggml.merges', array('string', list)],
  ] as const

describe('the digest of merges', () => {
  it('is that of merges.txt in every byte order and version', () => {
    const expected = digestMergesText(Buffer.from(merges.join('\n')))

    expect(expected).toMatch(/^mrg1:[0-9a-f]{64}$/)
    expect(read(buildGguf({ kv: kvOf(merges) })).tokenizer?.mergesDigest).toBe(expected)
    expect(read(buildGguf({ kv: kvOf(merges), isBigEndian: true })).tokenizer?.mergesDigest).toBe(expected)
    expect(read(buildGguf({ kv: kvOf(merges), version: 1 })).tokenizer?.mergesDigest).toBe(expected)
  })

  it('differs when a letter moves from one merge to the next', () => {
    const digestOf = (list: readonly string[]) => read(buildGguf({ kv: kvOf(list) })).tokenizer?.mergesDigest

    expect(digestOf(['a bc', 'd e'])).not.toBe(digestOf(['a b', 'cd e']))
  })

  it.each([
    ['little-endian', {}],
    ['big-endian', { isBigEndian: true }],
  ])('is refused for a merge beyond the limit, %s', (_name, layout) => {
    const { tokenizer, gaps } = read(buildGguf({ kv: kvOf(['a b', 'x'.repeat(20_000)]), ...layout }))

    expect(tokenizer?.size).toBe(2)
    expect(tokenizer?.mergesDigest).toBeUndefined()
    expect(gaps.map(({ code }) => code)).toContain('GNO_READ_LIMIT')
  })
})

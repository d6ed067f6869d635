// How public bugs malformed a GGUF file (shared/notes/corpora.md section 4), each built by hand so that one field lies.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { Cursor } from '../../../agent/read/cursor.ts'
import { GapList } from '../../../agent/read/gap-list.ts'
import { gguf } from '../../../agent/read/gguf.ts'
import { type GgufSpec, TENSOR_TYPE, array, buildGguf, nestedArray, rawValue, scalar, text } from '../../build-gguf.ts'
import { contextOf, inspectFile, openForTest } from './open-candidate.ts'
import { FAMILIES, ggufDecoder } from './sample-models.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-read-'))
afterAll(() => rmSync(folder, { recursive: true }))

let written = 0
function put(bytes: Uint8Array): string {
  written += 1
  const path = join(folder, `case-${written}`)
  writeFileSync(path, bytes)
  return path
}

const ARCH = ['general.architecture', text('llama')] as const
const tensor = (dims: readonly (number | bigint)[], more: Partial<NonNullable<GgufSpec['tensors']>[number]> = {}) => ({
  name: 'w',
  dims,
  ...more,
})
const tokens = (values: readonly string[], types: readonly number[]) =>
  [
    ARCH,
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.tokens', array('string', values)],
    ['tokenizer.ggml.token_type', array('int32', types)],
  ] as const

const CASES: readonly (readonly [name: string, code: string, spec: GgufSpec])[] = [
  ['tensor count near 2^64 (CVE-2024-21836)', 'GNO_READ_LIMIT', { kv: [ARCH], tensorCount: (1n << 64n) - 1n }],
  ['key count near 2^64 (CVE-2024-23605)', 'GNO_READ_LIMIT', { kv: [ARCH], kvCount: (1n << 64n) - 1n }],
  ['tensor count below INT64_MAX / info size (issue 15711)', 'GNO_READ_LIMIT', { kv: [ARCH], tensorCount: 1n << 57n }],
  ['more tensors than the file can hold', 'GNO_READ_TRUNCATED', { kv: [ARCH], tensorCount: 10 }],
  ['more keys than the file can hold', 'GNO_READ_TRUNCATED', { kv: [ARCH], kvCount: 50 }],
  ['no keys and no tensors', 'GNO_READ_INVALID', {}],
  ['version 0', 'GNO_READ_INVALID', { version: 0, kv: [ARCH] }],
  ['version 4', 'GNO_READ_INVALID', { version: 4, kv: [ARCH] }],
  ['key length near 2^64', 'GNO_READ_LIMIT', { kv: [['k', text('x', (1n << 64n) - 1n)]] }],
  ['string longer than the file (CVE-2024-23496)', 'GNO_READ_TRUNCATED', { kv: [['k', text('x', 1 << 20)]] }],
  [
    'array count near 2^64 (CVE-2024-21825)',
    'GNO_READ_LIMIT',
    { kv: [['k', array('uint8', [], { declaredCount: (1n << 64n) - 1n })]] },
  ],
  [
    'array count times element size beyond the file',
    'GNO_READ_TRUNCATED',
    { kv: [['k', array('uint64', [1], { declaredCount: 1 << 30 })]] },
  ],
  [
    'string array without data behind its count',
    'GNO_READ_TRUNCATED',
    { kv: [['k', array('string', ['x'], { declaredCount: 1 << 28 })]] },
  ],
  ['array of an unknown element type', 'GNO_READ_INVALID', { kv: [['k', array('uint8', [1], { elementType: 77 })]] }],
  ['array of arrays, one level', 'GNO_READ_LIMIT', { kv: [['k', nestedArray(2)]] }],
  ['array of arrays, 700 levels deep', 'GNO_READ_LIMIT', { kv: [['k', nestedArray(700)]] }],
  ['value of an unknown type', 'GNO_READ_INVALID', { kv: [['k', rawValue(13, Buffer.alloc(64))]] }],
  ['boolean that is neither 0 nor 1', 'GNO_READ_INVALID', { kv: [ARCH, ['k', rawValue(7, Buffer.from([2]))]] }],
  ['the same key twice', 'GNO_READ_INVALID', { kv: [ARCH, ['general.name', text('a')], ['general.name', text('b')]] }],
  ['key longer than a kilobyte', 'GNO_READ_LIMIT', { kv: [['k'.repeat(2000), text('x')]] }],
  ['architecture that is no string', 'GNO_READ_INVALID', { kv: [['general.architecture', scalar('uint32', 1)]] }],
  ['alignment 0', 'GNO_READ_INVALID', { kv: [ARCH, ['general.alignment', scalar('uint32', 0)]] }],
  ['alignment 24, no power of two', 'GNO_READ_INVALID', { kv: [ARCH, ['general.alignment', scalar('uint32', 24)]] }],
  [
    'alignment 0x80000000 (PR 24997)',
    'GNO_READ_LIMIT',
    { kv: [ARCH, ['general.alignment', scalar('uint32', 0x80000000)]] },
  ],
  ['alignment 2^20', 'GNO_READ_LIMIT', { kv: [ARCH, ['general.alignment', scalar('uint32', 1 << 20)]] }],
  ['alignment stored as a string (PR 26318)', 'GNO_READ_INVALID', { kv: [ARCH, ['general.alignment', text('32')]] }],
  ['alignment stored as uint64', 'GNO_READ_INVALID', { kv: [ARCH, ['general.alignment', scalar('uint64', 32)]] }],
  ['block_count over 512 (PR 25821)', 'GNO_READ_LIMIT', { kv: [ARCH, ['llama.block_count', scalar('uint32', 513)]] }],
  [
    'block_count 0 with tensors (CVE-2025-0317)',
    'GNO_READ_INVALID',
    { kv: [ARCH, ['llama.block_count', scalar('uint32', 0)]], tensors: [tensor([8])] },
  ],
  ['block_count as a string', 'GNO_READ_INVALID', { kv: [ARCH, ['llama.block_count', text('32')]] }],
  ['negative head count', 'GNO_READ_INVALID', { kv: [ARCH, ['llama.attention.head_count', scalar('int32', -1)]] }],
  ['five dimensions (CVE-2024-21802)', 'GNO_READ_LIMIT', { kv: [ARCH], tensors: [tensor([1, 1, 1, 1, 1])] }],
  [
    '2^32 - 1 dimensions declared',
    'GNO_READ_LIMIT',
    { kv: [ARCH], tensors: [tensor([8], { declaredDims: 0xffffffff })] },
  ],
  ['dimension of 0', 'GNO_READ_INVALID', { kv: [ARCH], tensors: [tensor([0, 8])] }],
  [
    'elements x type size wraps (CVE-2026-33298)',
    'GNO_READ_LIMIT',
    { kv: [ARCH], tensors: [tensor([1n << 32n, 1n << 32n], { type: TENSOR_TYPE.Q4_K })] },
  ],
  ['ne[0] = SIZE_MAX / 4 of F32 (PR 24759)', 'GNO_READ_LIMIT', { kv: [ARCH], tensors: [tensor([(1n << 62n) - 1n])] }],
  ['dim[1] = 2^42 + 1 (PR 18674)', 'GNO_READ_LIMIT', { kv: [ARCH], tensors: [tensor([32, (1n << 42n) + 1n])] }],
  [
    '(INT64_MAX, 2) of I8 (issue 27203)',
    'GNO_READ_LIMIT',
    { kv: [ARCH], tensors: [tensor([(1n << 63n) - 1n, 2], { type: TENSOR_TYPE.I8 })] },
  ],
  [
    'rows that do not fill their blocks',
    'GNO_READ_INVALID',
    { kv: [ARCH], tensors: [tensor([33, 2], { type: TENSOR_TYPE.Q4_0, data: Buffer.alloc(64) })] },
  ],
  ['removed tensor type Q4_2', 'GNO_READ_INVALID', { kv: [ARCH], tensors: [tensor([8], { type: 4 })] }],
  ['unknown tensor type', 'GNO_READ_INVALID', { kv: [ARCH], tensors: [tensor([8], { type: 5000 })] }],
  ['tensor type -1', 'GNO_READ_INVALID', { kv: [ARCH], tensors: [tensor([8], { type: 0xffffffff })] }],
  [
    'tensor beyond the end (CVE-2026-7482)',
    'GNO_READ_TRUNCATED',
    { kv: [ARCH], tensors: [tensor([8], { offset: 1 << 20 })] },
  ],
  [
    'tensor offset near 2^64',
    'GNO_READ_TRUNCATED',
    { kv: [ARCH], tensors: [tensor([8], { offset: (1n << 64n) - 32n })] },
  ],
  [
    'padded sizes that add past 2^64 (CVE-2025-53630)',
    'GNO_READ_LIMIT',
    { kv: [ARCH], tensors: [0, 1, 2].map((index) => tensor([(1n << 60n) - 8n], { name: `w${index}`, offset: 0 })) },
  ],
  [
    'offset off the alignment',
    'GNO_READ_INVALID',
    { kv: [ARCH], tensors: [tensor([8], { offset: 4, data: Buffer.alloc(64) })] },
  ],
  [
    'two tensors in one place',
    'GNO_READ_OVERLAP',
    { kv: [ARCH], tensors: [tensor([64]), tensor([64], { name: 'x', offset: 32 })] },
  ],
  [
    'a hole that hides data',
    'GNO_READ_INVALID',
    { kv: [ARCH], tensors: [tensor([8]), tensor([8], { name: 'x', offset: 4096 })], trailing: Buffer.alloc(8192) },
  ],
  ['the same tensor name twice', 'GNO_READ_INVALID', { kv: [ARCH], tensors: [tensor([8]), tensor([8])] }],
  ['tensor name of 300 bytes', 'GNO_READ_LIMIT', { kv: [ARCH], tensors: [tensor([8], { name: 'n'.repeat(300) })] }],
  ['data section left out', 'GNO_READ_TRUNCATED', { kv: [ARCH], tensors: [tensor([64])], hasData: false }],
  ['byte token <0x-1> (issue 27226)', 'GNO_READ_INVALID', { kv: tokens(['<0x-1>', 'a'], [6, 1]) }],
  ['fewer token types than tokens', 'GNO_READ_INVALID', { kv: tokens(['a', 'b'], [1]) }],
  ['a token of 100 KB', 'GNO_READ_LIMIT', { kv: tokens(['a'.repeat(100_000)], [1]) }],
]

describe('a lying GGUF file', () => {
  it.each(CASES)('with %s is malformed: %s', async (_name, code, spec) => {
    const path = put(buildGguf(spec))

    const draft = await inspectFile(path)

    expect(draft.format).toBe('gguf')
    expect(draft.verdict).toBe('malformed')
    expect(draft.gaps.map((gap) => gap.code)).toContain(code)
  })

  it.each([
    ['3 bytes of the magic', 'GGU'],
    ['4 bytes, the magic alone (CVE-2024-39720)', 'GGUF'],
    ['7 bytes', 'GGUF\u0003\u0000\u0000'],
  ])('of %s is malformed', async (_name, bytes) => {
    const path = put(Buffer.from(bytes, 'latin1'))

    const draft = await inspectFile(path)

    expect({ format: draft.format, verdict: draft.verdict }).toEqual({ format: 'gguf', verdict: 'malformed' })
  })

  it('keeps what was understood before the trouble', async () => {
    const kv = [
      ARCH,
      ['general.name', text('Kept')],
      ['llama.block_count', scalar('uint32', 7)],
      ['bad', rawValue(99)],
    ] as const

    const draft = await inspectFile(put(buildGguf({ kv })))

    expect(draft.verdict).toBe('malformed')
    expect(draft.fingerprint.claims?.name).toBe('Kept')
    expect(draft.fingerprint.structure).toMatchObject({ architecture: 'llama', layers: 7 })
  })

  it('never lets a key become a property', async () => {
    const kv = [ARCH, ['__proto__', text('polluted')], ['constructor', text('polluted')]] as const

    const draft = await inspectFile(put(buildGguf({ kv })))

    expect(draft.verdict).toBe('unchecked')
    expect(Object.getPrototypeOf({})).not.toHaveProperty('polluted')
  })

  it('that is a text beginning with the word is no model', async () => {
    const draft = await inspectFile(
      put(Buffer.from('GGUF is a file format for weights of language models.\n'.repeat(40))),
    )

    expect({ format: draft.format, verdict: draft.verdict }).toEqual({ format: null, verdict: 'not-a-model' })
  })
})

describe('every cut and every flipped bit', () => {
  const sample = buildGguf({
    ...ggufDecoder(FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }, {
      layers: 1,
      width: 8,
      heads: 2,
      kvHeads: 1,
      feedForward: 8,
      vocabulary: 4,
    }),
  })
  const path = join(folder, 'sample')

  function read(bytes: Uint8Array): { readonly verdict: string; readonly steps: number } {
    writeFileSync(path, bytes)
    const file = openForTest(path)
    const gaps = new GapList(path)
    const cursor = new Cursor(file)
    gguf.read(cursor, gaps, contextOf(file))
    file.close()
    return { verdict: gaps.verdict(), steps: cursor.bytesRead }
  }

  it('is malformed when cut at any byte before its data ends', () => {
    const dataBytes = 32 * 12
    expect(read(sample).verdict).toBe('unchecked')

    const survivors: number[] = []
    for (let size = 4; size < sample.length - dataBytes; size += 1) {
      if (read(sample.subarray(0, size)).verdict !== 'malformed') survivors.push(size)
    }

    expect(survivors).toEqual([])
  })

  it('ends quickly and within its bytes whichever bit is flipped', () => {
    let seed = 20261123
    const next = (limit: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed % limit
    }
    const counts = new Map<string, number>()
    const FLIPS = 3000

    for (let round = 0; round < FLIPS; round += 1) {
      const bytes = Buffer.from(sample)
      for (let flips = 1 + next(3); flips > 0; flips -= 1) {
        const at = next(1600)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8))
      }
      const { verdict, steps } = read(bytes)
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
      expect(steps).toBeLessThanOrEqual(sample.length * 4)
    }

    console.log(`GGUF: ${FLIPS} files with flipped bits from seed 20261123: ${JSON.stringify([...counts])}`)
    expect(counts.get('malformed')).toBeGreaterThan(FLIPS / 4)
  })
})

describe('the budget', () => {
  it('stops a file that would take too many bytes', () => {
    const path = put(
      buildGguf({ kv: [ARCH, ['tokenizer.ggml.tokens', array('string', Array<string>(30_000).fill('x'.repeat(20)))]] }),
    )
    const file = openForTest(path)
    const gaps = new GapList(path)
    const cursor = new Cursor(file, { bytes: 100_000, steps: 1_000_000 })

    gguf.read(cursor, gaps, contextOf(file))
    file.close()

    expect(gaps.list().map((gap) => gap.code)).toContain('GNO_READ_BUDGET')
    expect(gaps.verdict()).toBe('unscannable')
  })

  it('stops a file that would take too many steps', () => {
    const path = put(
      buildGguf({ kv: [ARCH, ['tokenizer.ggml.tokens', array('string', Array<string>(30_000).fill(''))]] }),
    )
    const file = openForTest(path)
    const gaps = new GapList(path)

    gguf.read(new Cursor(file, { bytes: 1e9, steps: 10_000 }), gaps, contextOf(file))
    file.close()

    expect(gaps.list().map((gap) => gap.code)).toContain('GNO_READ_BUDGET')
  })

  it('reads a sparse file of 4 GB no further than its header', async () => {
    const { ftruncateSync, openSync, closeSync } = await import('node:fs')
    const path = put(
      buildGguf({ kv: [ARCH], tensors: [tensor([1 << 20, 512], { data: Buffer.alloc(32) })], hasData: false }),
    )
    const fd = openSync(path, 'r+')
    ftruncateSync(fd, 4 * 2 ** 30)
    closeSync(fd)
    const file = openForTest(path)
    const cursor = new Cursor(file)

    gguf.read(cursor, new GapList(path), contextOf(file))
    file.close()

    expect(cursor.bytesRead).toBeLessThanOrEqual(65_536)
  })
})

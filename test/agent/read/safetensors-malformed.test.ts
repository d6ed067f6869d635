// safetensors headers that lie (shared/notes/corpora.md section 6), each built by hand so that one field is wrong.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { type SafetensorsSpec, buildSafetensors } from '../../build-safetensors.ts'
import { inspectFile } from './open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-read-'))
afterAll(() => rmSync(folder, { recursive: true }))

let written = 0
function put(bytes: Uint8Array): string {
  written += 1
  const path = join(folder, `case-${written}`)
  writeFileSync(path, bytes)
  return path
}

const F32 = (name: string, offsets?: readonly [number, number]) => ({
  name,
  dtype: 'F32',
  shape: [2, 2],
  ...(offsets === undefined ? {} : { offsets }),
})
const header = (entry: string) => ({ header: `{"a":${entry}}`, data: Buffer.alloc(16) })

const CASES: readonly (readonly [name: string, code: string, spec: SafetensorsSpec])[] = [
  ['a header longer than the file', 'GNO_READ_TRUNCATED', { tensors: [F32('a')], headerLength: 5000 }],
  ['a header length of 2^63', 'GNO_READ_LIMIT', { tensors: [F32('a')], headerLength: 1n << 63n }],
  ['a header length of 200 MB', 'GNO_READ_LIMIT', { tensors: [F32('a')], headerLength: 200_000_000 }],
  ['a header cut inside', 'GNO_READ_INVALID', { tensors: [F32('a')], headerLength: 40 }],
  ['a tensor beyond the end', 'GNO_READ_TRUNCATED', { tensors: [F32('a', [0, 16])], data: Buffer.alloc(8) }],
  ['no data at all', 'GNO_READ_TRUNCATED', { tensors: [F32('a')], data: false }],
  ['two tensors in one place', 'GNO_READ_OVERLAP', { tensors: [F32('a', [0, 16]), F32('b', [8, 24])] }],
  ['a hole between tensors', 'GNO_READ_INVALID', { tensors: [F32('a'), F32('b', [24, 40])], data: Buffer.alloc(40) }],
  ['trailing bytes', 'GNO_READ_INVALID', { tensors: [F32('a')], trailing: Buffer.from('PK\u0003\u0004') }],
  ['the same tensor twice', 'GNO_READ_INVALID', { tensors: [F32('a', [0, 16]), F32('a', [16, 32])] }],
  ['offsets that run backwards', 'GNO_READ_INVALID', { tensors: [F32('a', [16, 0])] }],
  [
    'a shape that does not fit its bytes',
    'GNO_READ_INVALID',
    header('{"dtype":"F32","shape":[3],"data_offsets":[0,16]}'),
  ],
  [
    'a shape whose product wraps 64 bits',
    'GNO_READ_INVALID',
    header('{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]}'),
  ],
  ['an unknown dtype', 'GNO_READ_INVALID', header('{"dtype":"Q9","shape":[4],"data_offsets":[0,16]}')],
  ['a missing shape', 'GNO_READ_INVALID', header('{"dtype":"F32","data_offsets":[0,16]}')],
  ['a field twice', 'GNO_READ_INVALID', header('{"dtype":"F32","dtype":"F16","shape":[4],"data_offsets":[0,16]}')],
  ['an unknown field', 'GNO_READ_INVALID', header('{"dtype":"F32","shape":[4],"data_offsets":[0,16],"code":"x"}')],
  ['a negative offset', 'GNO_READ_INVALID', header('{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}')],
  ['a fractional dimension', 'GNO_READ_INVALID', header('{"dtype":"F32","shape":[4.5],"data_offsets":[0,16]}')],
  ['three offsets', 'GNO_READ_LIMIT', header('{"dtype":"F32","shape":[4],"data_offsets":[0,16,32]}')],
  [
    '40 dimensions',
    'GNO_READ_LIMIT',
    header(`{"dtype":"F32","shape":[${Array(40).fill(1).join(',')}],"data_offsets":[0,4]}`),
  ],
  [
    'a tensor that is a string',
    'GNO_READ_INVALID',
    { header: '{"__metadata__":{},"a":"dtype"}', data: Buffer.alloc(4) },
  ],
  ['metadata that is no string', 'GNO_READ_INVALID', { header: '{"__metadata__":{"a":1}}', data: false }],
  [
    'metadata 1000 deep',
    'GNO_READ_LIMIT',
    { header: `{"__metadata__":{"a":${'['.repeat(1000)}${']'.repeat(1000)}}}`, data: false },
  ],
  ['a metadata key twice', 'GNO_READ_INVALID', { header: '{"__metadata__":{"a":"1","a":"2"}}', data: false }],
  ['bytes after the JSON inside the header', 'GNO_READ_INVALID', { header: '{"__metadata__":{}} {}', data: false }],
  ['a trailing comma', 'GNO_READ_INVALID', { header: '{"__metadata__":{},}', data: false }],
  ['a broken escape', 'GNO_READ_INVALID', { header: '{"__metadata__":{"\\z":"x"}}', data: false }],
]

describe('a lying safetensors file', () => {
  it.each(CASES)('with %s is malformed: %s', async (_name, code, spec) => {
    const path = put(buildSafetensors(spec))

    const draft = await inspectFile(path)

    expect({ format: draft.format, verdict: draft.verdict }).toEqual({ format: 'safetensors', verdict: 'malformed' })
    expect(draft.gaps.map((gap) => gap.code)).toContain(code)
  })

  it('with escaped field names is read all the same, since loaders read it', async () => {
    const escaped = '{"a":{"\\u0064type":"F32","shape":[4],"data_offsets":[0,16]}}'

    const draft = await inspectFile(put(buildSafetensors({ header: escaped, data: Buffer.alloc(16) })))

    expect({ format: draft.format, verdict: draft.verdict }).toEqual({ format: 'safetensors', verdict: 'unchecked' })
    expect(draft.fingerprint.structure?.parameterCount).toBe(4)
  })

  it('whose header is not UTF-8 is malformed', async () => {
    const bytes = buildSafetensors({ tensors: [F32('aXb')] })
    bytes[bytes.indexOf('X')] = 0xff

    expect((await inspectFile(put(bytes))).verdict).toBe('malformed')
  })

  it('with a tensor called __proto__ is read like any other', async () => {
    const path = put(buildSafetensors({ tensors: [F32('__proto__'), F32('constructor')] }))

    const draft = await inspectFile(path)

    expect(draft.verdict).toBe('unchecked')
    expect(draft.fingerprint.structure?.tensorCount).toBe(2)
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it('is malformed when cut at any byte of its data or header', async () => {
    const sample = buildSafetensors({ tensors: [F32('a'), F32('b')], metadata: { format: 'pt' } })

    const survivors: number[] = []
    for (let size = 24; size < sample.length; size += 1) {
      const draft = await inspectFile(put(sample.subarray(0, size)))
      if (draft.verdict !== 'malformed') survivors.push(size)
    }

    expect(survivors).toEqual([])
    expect((await inspectFile(put(sample))).verdict).toBe('unchecked')
  })

  it('never crashes whichever bit is flipped', async () => {
    const sample = buildSafetensors({ tensors: [F32('a'), F32('b')], metadata: { format: 'pt' } })
    let seed = 20261124
    const next = (limit: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return seed % limit
    }
    const counts = new Map<string, number>()
    const FLIPS = 1500
    const path = put(sample)

    for (let round = 0; round < FLIPS; round += 1) {
      const bytes = Buffer.from(sample)
      const at = next(sample.length - 32)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8))
      writeFileSync(path, bytes)
      const { verdict } = await inspectFile(path)
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1)
    }

    console.log(`safetensors: ${FLIPS} files with a flipped bit from seed 20261124: ${JSON.stringify([...counts])}`)
    expect(counts.get('malformed')).toBeGreaterThan(FLIPS / 2)
  })
})

describe('files that only look like safetensors', () => {
  it('are no model when no entry is a tensor', async () => {
    const json = Buffer.from('{"name":"an ordinary record","size":12}')
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(json.length))

    const draft = await inspectFile(put(Buffer.concat([length, json])))

    expect({ format: draft.format, verdict: draft.verdict }).toEqual({ format: null, verdict: 'not-a-model' })
  })
})

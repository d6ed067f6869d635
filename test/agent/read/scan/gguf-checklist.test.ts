// llama.cpp's own list of broken GGUF files, and damage by chance: what the scanner tells of each, and that it always ends.
import { describe, expect, it } from '@jest/globals'
import { scanGguf } from '../../../../agent/read/scan/scan-gguf.ts'
import { MAX_LOAD_ACTIONS } from '../../../../contract/threat.ts'
import { type GgufSpec, array, buildGguf, rawValue, scalar, text } from '../../../build-gguf.ts'
import { damage, turnBits } from '../../../conformance/mutate.ts'
import { SEED, seeded } from '../../../conformance/probe.ts'
import { judgeBytes } from './judge-bytes.ts'

const ARCH = ['general.architecture', text('llama')] as const
const Q4_0 = 2
const INT64_MAX = (1n << 63n) - 1n

function kv(...keys: NonNullable<GgufSpec['kv']>): GgufSpec {
  return { kv: [ARCH, ...keys] }
}
function tensors(...dims: readonly (readonly (number | bigint)[])[]): GgufSpec {
  return { kv: [ARCH], tensors: dims.map((each, index) => ({ name: `w${index}`, dims: each })) }
}

/** llama.cpp's tests/test-gguf.cpp: its hand-made cases by name, and what is said of each; null where the reader alone refuses it. */
const CHECKLIST: readonly (readonly [name: string, action: string | null, spec: GgufSpec])[] = [
  ['HEADER_BAD_MAGIC', null, { magic: 'FUGG', kv: [ARCH] }],
  ['HEADER_BAD_VERSION_0', 'gguf-version', { version: 0, kv: [ARCH] }],
  ['HEADER_BAD_VERSION_FUTURE', 'gguf-version', { version: 4, kv: [ARCH] }],
  ['HEADER_BAD_N_TENSORS', 'gguf-tensor-count-wrap', { kv: [ARCH], tensorCount: (1n << 64n) - 1n }],
  ['HEADER_BAD_N_KV', 'gguf-key-count-wrap', { kvCount: (1n << 64n) - 1n, kv: [ARCH] }],
  ['KV_BAD_KEY_SIZE', null, kv(['k'.repeat(70_000), scalar('uint8', 1)])],
  ['KV_BAD_TYPE', 'gguf-value-type', kv(['k', rawValue(0xffff_ffff)])],
  ['KV_DUPLICATE_KEY', 'gguf-duplicate-key', kv(['k', scalar('uint8', 1)], ['k', scalar('uint8', 1)])],
  ['KV_BAD_ALIGN', 'gguf-alignment', kv(['general.alignment', scalar('uint32', 13)])],
  ['TENSORS_BAD_NAME_SIZE', null, { kv: [ARCH], tensors: [{ name: 'n'.repeat(300), dims: [8] }] }],
  ['TENSORS_BAD_N_DIMS', 'gguf-dimension-count', { kv: [ARCH], tensors: [{ name: 'w', dims: [8], declaredDims: 5 }] }],
  ['TENSORS_BAD_SHAPE', 'gguf-ne-negative', tensors([-1n])],
  ['TENSORS_NE_TOO_BIG', 'gguf-ne-wrap', tensors([1n << 62n, 1n << 62n])],
  [
    'TENSORS_NBYTES_TOO_BIG',
    'gguf-quantized-size-wrap',
    { kv: [ARCH], tensors: [{ name: 'w', dims: [32, (1n << 58n) - 1n], type: Q4_0 }] },
  ],
  ['TENSORS_BAD_TYPE', null, { kv: [ARCH], tensors: [{ name: 'w', dims: [8], type: 999 }] }],
  [
    'TENSORS_BAD_OFFSET',
    'gguf-tensor-past-end',
    { kv: [ARCH], tensors: [{ name: 'w', dims: [8], offset: INT64_MAX }] },
  ],
  [
    'TENSORS_DUPLICATE_NAME',
    'gguf-duplicate-tensor',
    { kv: [ARCH], tensors: [0, 1].map(() => ({ name: 'w', dims: [8] })) },
  ],
  ['DATA_NOT_ENOUGH_DATA', 'gguf-data-missing', { ...tensors([8]), hasData: false }],
  ['DATA_MEM_SIZE_OVERFLOW', 'gguf-context-wrap', tensors([(1n << 61n) - 8n], [(1n << 61n) - 8n])],
]

describe('the checklist of llama.cpp', () => {
  it.each(CHECKLIST)('has %s: %s', async (_name, action, spec) => {
    const { actions, readVerdict } = await judgeBytes(scanGguf, buildGguf(spec), 'x.gguf')

    expect(readVerdict).toBe('malformed')
    if (action === null) expect(actions).toEqual([])
    else expect(actions.map(({ name }) => name)).toContain(action)
  })
})

/** A file of every kind of field. */
const RICH: GgufSpec = {
  kv: [
    ARCH,
    ['llama.block_count', scalar('uint32', 2)],
    ['general.alignment', scalar('uint32', 64)],
    ['llama.wide', scalar('uint64', 7)],
    ['llama.epsilon', scalar('float64', 1e-5)],
    ['tokenizer.ggml.model', text('plamo2')],
    ['tokenizer.ggml.tokens', array('string', ['<unk>', '<0x00>', 'a', 'b'])],
    ['tokenizer.ggml.scores', array('float32', [-1, -2.5, 3, 4])],
  ],
  alignment: 64,
  tensors: [
    { name: 'blk.0.w.lora_a', dims: [64, 8, 2] },
    { name: 'blk.0.w.lora_b', dims: [8, 64, 2], type: Q4_0 },
    { name: 'output_norm.weight', dims: [64] },
  ],
}
const ROUNDS = 2_000

describe('a GGUF file that was damaged by chance', () => {
  it(`ends within its bytes, whatever is overwritten, moved or cut (seed ${SEED})`, async () => {
    const whole = buildGguf(RICH)
    const next = seeded(SEED)
    for (let round = 0; round < ROUNDS; round += 1) {
      const damaged = round % 2 === 0 ? damage(whole, next) : turnBits(whole, next)
      const { actions, bytesRead, verdict, isWhole } = await judgeBytes(scanGguf, damaged, 'x.gguf')

      expect(actions.length).toBeLessThanOrEqual(MAX_LOAD_ACTIONS)
      expect(bytesRead).toBeLessThan(1_048_576)
      // What could not be walked to its end is never clean.
      if (!isWhole) expect({ round, verdict }).not.toEqual({ round, verdict: 'clean' })
    }
  })

  it('of sixteen thousand keys that are one key tells it once', async () => {
    const keys = Array.from({ length: 16_000 }, () => ['k', scalar('uint8', 1)] as const)
    const { actions } = await judgeBytes(scanGguf, buildGguf({ kv: keys }), 'x.gguf')

    expect(actions).toEqual([expect.objectContaining({ name: 'gguf-duplicate-key', count: 15_999 })])
  })
})

// Every row of shared/notes/corpora.md section 4 as the file that it needs: the finding names the weakness it aims at. And what is no
// attack: cut downloads, transfers as text, ordinary files.
import { describe, expect, it } from '@jest/globals'
import { scanGguf } from '../../../../agent/read/scan/scan-gguf.ts'
import { scanners } from '../../../../agent/read/scan/scanners.ts'
import { type GgufSpec, array, buildGguf, nestedArray, rawValue, scalar, text } from '../../../build-gguf.ts'
import { judgeBytes } from './judge-bytes.ts'

const ARCH = ['general.architecture', text('llama')] as const
const Q4_0 = 2
const I8 = 24
const INT64_MAX = (1n << 63n) - 1n
const INT32_MAX = (1n << 31n) - 1n

interface Row {
  readonly row: string
  readonly action: string
  readonly ids: readonly string[]
  /** What is malformed and aims where an accident may lead as well stays malformed. */
  readonly verdict: 'malicious' | 'malformed' | 'suspicious'
  readonly spec: GgufSpec
}

function kv(...keys: NonNullable<GgufSpec['kv']>): GgufSpec {
  return { kv: [ARCH, ...keys] }
}
function tensors(...dims: readonly (readonly (number | bigint)[])[]): GgufSpec {
  return { kv: [ARCH], tensors: dims.map((each, index) => ({ name: `w${index}`, dims: each })) }
}

const LLAMA = 'ggml-org/llama.cpp#'
const ROWS: readonly Row[] = [
  {
    row: 'CVE-2024-21802, ne[] whose product wraps',
    action: 'gguf-ne-wrap',
    ids: ['CVE-2024-21802'],
    verdict: 'malicious',
    spec: tensors([1n << 32n, 1n << 32n]),
  },
  {
    row: 'CVE-2024-21802, more dimensions than places',
    action: 'gguf-dimension-count',
    ids: ['CVE-2024-21802'],
    verdict: 'malformed',
    spec: tensors([2, 2, 2, 2, 2]),
  },
  {
    row: 'CVE-2024-21825, array count',
    action: 'gguf-array-count-wrap',
    ids: ['CVE-2024-21825'],
    verdict: 'malicious',
    spec: kv(['llama.rope', array('float32', [1], { declaredCount: (1n << 62n) + 1n })]),
  },
  {
    row: 'CVE-2024-21836, n_tensors',
    action: 'gguf-tensor-count-wrap',
    ids: ['CVE-2024-21836'],
    verdict: 'malicious',
    spec: { kv: [ARCH], tensorCount: (1n << 64n) - 1n },
  },
  {
    row: 'CVE-2024-23496, string length',
    action: 'gguf-string-length-wrap',
    ids: ['CVE-2024-23496'],
    verdict: 'malicious',
    spec: kv(['general.name', text('x', (1n << 64n) - 1n)]),
  },
  {
    row: 'CVE-2024-23605, n_kv',
    action: 'gguf-key-count-wrap',
    ids: ['CVE-2024-23605'],
    verdict: 'malicious',
    spec: { kv: [ARCH], kvCount: (1n << 64n) / 24n },
  },
  {
    row: 'Databricks 2024, element type of an array',
    action: 'gguf-array-type',
    ids: [],
    verdict: 'malformed',
    spec: kv(['llama.x', array('uint8', [1], { elementType: 77 })]),
  },
  {
    row: 'PR 14595 and CVE-2025-53630, sizes that wrap together',
    action: 'gguf-sizes-wrap',
    ids: ['CVE-2025-53630', `${LLAMA}14595`],
    verdict: 'malicious',
    spec: tensors(...[0, 1, 2, 3].map(() => [(1n << 60n) + 8n])),
  },
  {
    row: 'CVE-2026-27940, sizes and overhead wrap',
    action: 'gguf-context-wrap',
    ids: ['CVE-2026-27940', 'GHSA-3p4r-fq3f-q74v'],
    verdict: 'malicious',
    spec: tensors([(1n << 61n) - 8n], [(1n << 61n) - 8n]),
  },
  {
    row: 'CVE-2026-27940, n_tensors x overhead wraps',
    action: 'gguf-tensor-count-wrap',
    ids: ['CVE-2026-27940'],
    verdict: 'malicious',
    spec: { kv: [ARCH], tensorCount: (1n << 64n) / 368n },
  },
  {
    row: 'CVE-2026-33298, ne[] of a quantized tensor',
    action: 'gguf-quantized-size-wrap',
    ids: ['CVE-2026-33298', 'GHSA-96jg-mvhq-q7q7'],
    verdict: 'malicious',
    spec: { kv: [ARCH], tensors: [{ name: 'w', dims: [1n << 30n, 1n << 31n], type: Q4_0 }] },
  },
  {
    row: 'GHSA-vgg9-87g3-85w8, data section size',
    action: 'gguf-sizes-wrap',
    ids: ['GHSA-vgg9-87g3-85w8'],
    verdict: 'malicious',
    spec: tensors([(1n << 61n) - 1n], [(1n << 61n) - 1n]),
  },
  {
    row: 'PR 24759, ne[0] = SIZE_MAX/4',
    action: 'gguf-padding-wrap',
    ids: [`${LLAMA}24759`],
    verdict: 'malicious',
    spec: tensors([((1n << 64n) - 1n) / 4n]),
  },
  {
    row: 'PR 18674, dim[1] = 2^42+1',
    action: 'gguf-dimension-wrap',
    ids: [`${LLAMA}18674`],
    verdict: 'malicious',
    spec: tensors([64, (1n << 42n) + 1n]),
  },
  {
    row: 'issue 15711, n_tensors below INT64_MAX / sizeof(info)',
    action: 'gguf-tensor-count-wrap',
    ids: [`${LLAMA}15711`],
    verdict: 'malicious',
    spec: { kv: [ARCH], tensorCount: INT64_MAX / 344n - 1n },
  },
  {
    row: 'issue 27203, ne = (INT64_MAX, 2) of I8',
    action: 'gguf-ne-negative',
    ids: [`${LLAMA}27203`],
    verdict: 'malicious',
    spec: { kv: [ARCH], tensors: [{ name: 'w', dims: [INT64_MAX, 2], type: I8 }] },
  },
  {
    row: 'PR 19856, string longer than the file',
    action: 'gguf-string-past-end',
    ids: [`${LLAMA}19856`],
    verdict: 'malformed',
    spec: kv(['general.name', text('x', 1n << 40n)]),
  },
  {
    row: 'PR 19856, array without its data',
    action: 'gguf-array-past-end',
    ids: [`${LLAMA}19856`],
    verdict: 'malformed',
    spec: kv(['llama.x', array('uint8', [1], { declaredCount: 1n << 40n })]),
  },
  {
    row: 'PR 19856, negative tensor type',
    action: 'gguf-tensor-type-negative',
    ids: [`${LLAMA}19856`],
    verdict: 'malicious',
    spec: { kv: [ARCH], tensors: [{ name: 'w', dims: [8], type: 0xffff_ffff }] },
  },
  ...[0, 24].map((alignment) => ({
    row: `PR 19856, alignment ${alignment}`,
    action: 'gguf-alignment',
    ids: [`${LLAMA}19856`],
    verdict: 'malformed' as const,
    spec: kv(['general.alignment', scalar('uint32', alignment)]),
  })),
  {
    row: 'PR 19856, duplicate keys',
    action: 'gguf-duplicate-key',
    ids: [`${LLAMA}19856`],
    verdict: 'malformed',
    spec: kv(['general.name', text('a')], ['general.name', text('b')]),
  },
  {
    row: 'PR 24997, alignment 0x80000000',
    action: 'gguf-alignment-wrap',
    ids: [`${LLAMA}24997`],
    verdict: 'malicious',
    spec: kv(['general.alignment', scalar('uint32', 0x8000_0000)]),
  },
  {
    row: 'PR 26318, alignment of another type',
    action: 'gguf-alignment-type',
    ids: [`${LLAMA}26318`],
    verdict: 'malformed',
    spec: kv(['general.alignment', text('32')]),
  },
  {
    row: 'PR 25821 and 26051, block_count above 512',
    action: 'gguf-block-count',
    ids: [`${LLAMA}25821`, `${LLAMA}26051`],
    verdict: 'malformed',
    spec: kv(['llama.block_count', scalar('uint32', 0xffff)]),
  },
  {
    row: 'issue 27226 and lmstudio issue 2289, token <0x-1> of plamo2',
    action: 'gguf-token-hex-negative',
    ids: [`${LLAMA}27226`, 'lmstudio-ai/lmstudio-bug-tracker#2289'],
    verdict: 'malicious',
    spec: kv(
      ['tokenizer.ggml.tokens', array('string', ['<unk>', '<0x00>', '<0x-1>'])],
      ['tokenizer.ggml.model', text('plamo2')],
    ),
  },
  {
    row: 'issue 29128, experts of an adapter',
    action: 'gguf-adapter-experts',
    ids: [`${LLAMA}29128`],
    verdict: 'suspicious',
    spec: {
      kv: [ARCH, ['general.type', text('adapter')]],
      tensors: [
        { name: 'blk.0.ffn_up_exps.weight.lora_a', dims: [8, 4, 2] },
        { name: 'blk.0.ffn_up_exps.weight.lora_b', dims: [4, 8, 3] },
      ],
    },
  },
  {
    row: 'CVE-2026-7482, tensor beyond the end',
    action: 'gguf-tensor-past-end',
    ids: ['CVE-2026-7482'],
    verdict: 'malformed',
    spec: {
      kv: [ARCH],
      tensors: [
        { name: 'a', dims: [1 << 20], data: Buffer.alloc(32) },
        { name: 'b', dims: [8] },
      ],
    },
  },
  {
    row: 'CVE-2025-0315, huge counts',
    action: 'gguf-huge-counts',
    ids: ['CVE-2025-0315'],
    verdict: 'malformed',
    spec: { kv: [ARCH], kvCount: 1n << 40n },
  },
  {
    row: 'CVE-2025-0317, block_count 0',
    action: 'gguf-block-count-zero',
    ids: ['CVE-2025-0317'],
    verdict: 'malformed',
    spec: { ...tensors([8]), kv: [ARCH, ['llama.block_count', scalar('uint32', 0)]] },
  },
  {
    row: 'gguf-py, nested arrays',
    action: 'gguf-nested-arrays',
    ids: [],
    verdict: 'malformed',
    spec: kv(['llama.x', nestedArray(600)]),
  },
  {
    row: 'CVE-2025-49847, length of a token',
    action: 'gguf-token-length',
    ids: ['CVE-2025-49847'],
    verdict: 'malicious',
    spec: kv([
      'tokenizer.ggml.tokens',
      rawValue(9, Buffer.from('08000000' + '0100000000000000' + '0000008000000000' + '6162', 'hex')),
    ]),
  },
  {
    row: 'GHSA-7rxv-5jhh-j6xx, number of tokens',
    action: 'gguf-token-count',
    ids: ['GHSA-7rxv-5jhh-j6xx'],
    verdict: 'malicious',
    spec: kv(['tokenizer.ggml.tokens', array('string', ['x'], { declaredCount: INT32_MAX + 1n })]),
  },
]

describe('a GGUF file that aims at', () => {
  it.each(ROWS)('$row is told as $action', async ({ action, ids, verdict, spec }) => {
    const before = process.memoryUsage().rss
    const judged = await judgeBytes(scanGguf, buildGguf(spec), 'x.gguf')

    expect(judged.format).toBe('gguf')
    expect(judged.actions.map(({ name }) => name)).toContain(action)
    expect(judged.threats.find(({ id }) => id === action)?.ids ?? []).toEqual(expect.arrayContaining([...ids]))
    expect(judged.verdict).toBe(verdict)
    expect(judged.bytesRead).toBeLessThan(1_048_576)
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1_048_576)
  })

  it('CVE-2024-34359 (a template that walks into Python) has a scanner of its own', () => {
    expect(scanners.filter(({ formats }) => formats.includes('gguf')).map(({ id }) => id)).toEqual(
      expect.arrayContaining(['gguf', 'gguf-template']),
    )
  })

  it('a big-endian loader is told the same', async () => {
    const spec = { ...tensors([(1n << 61n) - 8n], [(1n << 61n) - 8n]), isBigEndian: true }

    expect((await judgeBytes(scanGguf, buildGguf(spec))).actions.map(({ name }) => name)).toEqual(['gguf-context-wrap'])
  })
})

const ORDINARY: GgufSpec = {
  kv: [
    ARCH,
    ['llama.block_count', scalar('uint32', 2)],
    ['general.alignment', scalar('uint32', 64)],
    ['tokenizer.ggml.model', text('plamo2')],
    ['tokenizer.ggml.tokens', array('string', ['<unk>', '<0x00>', '<0xFF>', '-', '<0x-'])],
    ['llama.scores', array('float32', [-1, -2.5, 3])],
  ],
  alignment: 64,
  tensors: [
    { name: 'token_embd.weight', dims: [64, 8] },
    { name: 'blk.0.attn_q.weight', dims: [64, 64], type: Q4_0 },
    { name: 'output_norm.weight', dims: [64] },
  ],
}

describe('an ordinary GGUF file', () => {
  it.each([
    ['of version 3', ORDINARY],
    ['of version 2', { ...ORDINARY, version: 2 }],
    ['of version 1', { ...ORDINARY, version: 1 }],
    ['in the other byte order', { ...ORDINARY, isBigEndian: true }],
    // stable-diffusion.cpp writes such files; that Ollama once crashed on them (CVE-2025-0312) makes them no attack.
    ['without keys', { tensors: [{ name: 'w', dims: [8] }] }],
    ['of a vocabulary without layers', kv(['llama.block_count', scalar('uint32', 0)])],
  ] as const)('%s is clean', async (_name, spec) => {
    const { verdict, actions } = await judgeBytes(scanGguf, buildGguf(spec))

    expect({ verdict, actions }).toEqual({ verdict: 'clean', actions: [] })
  })

  it('is never said to aim at anything when it was cut, wherever', async () => {
    const whole = buildGguf(ORDINARY)
    const told = new Set<string>()
    for (let size = 4; size < whole.length; size += 1) {
      const { threats, verdict } = await judgeBytes(scanGguf, whole.subarray(0, size), 'x.gguf')
      for (const { id } of threats) told.add(id)
      // Padding behind the last tensor may be missing.
      if (size < whole.length - 64) expect({ size, verdict }).toEqual({ size, verdict: 'malformed' })
    }

    expect([...told].sort()).toEqual(['gguf-data-missing', 'gguf-magic-only'])
  })

  it('of which another tensor was changed is still a cut one, where the lost tensors fit one another', async () => {
    const changed = [{ name: 'a', dims: [0, 8], data: Buffer.alloc(4096) }, ...(ORDINARY.tensors ?? [])]
    const whole = buildGguf({ ...ORDINARY, tensors: changed })
    const { threats } = await judgeBytes(scanGguf, whole.subarray(0, whole.length - 2048), 'x.gguf')

    expect(threats.map(({ id }) => id)).toEqual(['gguf-data-missing'])
  })

  it('is told as damaged when it was carried as text', async () => {
    const spec = {
      ...ORDINARY,
      kv: [ARCH, ['llama.epsilon', scalar('float32', -1e-5)], ...(ORDINARY.kv ?? [])],
    } as const
    const carried = Buffer.from(buildGguf(spec).toString('utf8'))
    const { threats, verdict } = await judgeBytes(scanGguf, carried, 'x.gguf')

    expect({ verdict, ids: threats.map(({ id }) => id) }).toEqual({ verdict: 'malformed', ids: ['gguf-damaged'] })
  })

  it('is told as damaged when a block of it was overwritten', async () => {
    const damaged = buildGguf(ORDINARY)
    damaged.fill(0xff, 64, 192)

    expect((await judgeBytes(scanGguf, damaged)).threats.map(({ id }) => id)).toEqual(['gguf-damaged'])
  })

  it('of a hole of zeros repeats no key', async () => {
    const damaged = buildGguf({ ...kv(), kvCount: 5, trailing: Buffer.alloc(96) })

    expect((await judgeBytes(scanGguf, damaged)).actions).toEqual([])
  })
})

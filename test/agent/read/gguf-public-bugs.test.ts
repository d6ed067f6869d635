// The rows of shared/notes/corpora.md section 4 that gguf-malformed.test.ts does not have, and the rest of test-gguf.cpp's cases.
import { describe, expect, it } from '@jest/globals'
import { type GgufSpec, array, buildGguf, scalar, text } from '../../build-gguf.ts'
import { readBytes } from './read-bytes.ts'

const ARCH = ['general.architecture', text('llama')] as const
const INT32_MAX = 0x7fff_ffff

const CASES: readonly (readonly [name: string, code: string, spec: GgufSpec])[] = [
  [
    'n_tensors x overhead that wraps (CVE-2026-27940)',
    'GNO_READ_LIMIT',
    { kv: [ARCH], tensorCount: (1n << 64n) / 368n },
  ],
  [
    'padded sizes that accumulate past the file (GHSA-vgg9-87g3-85w8)',
    'GNO_READ_LIMIT',
    { kv: [ARCH], tensors: [0, 1].map((index) => ({ name: `w${index}`, dims: [(1n << 61n) - 1n], offset: 0 })) },
  ],
  ['huge counts in a few bytes (CVE-2025-0315)', 'GNO_READ_LIMIT', { tensorCount: 1n << 62n, kvCount: 1n << 62n }],
  [
    'a token of more than INT32_MAX bytes (CVE-2025-49847)',
    'GNO_READ_TRUNCATED',
    { kv: [ARCH, ['general.name', text('x', INT32_MAX + 1)]] },
  ],
  [
    'more than INT32_MAX tokens (GHSA-7rxv-5jhh-j6xx)',
    'GNO_READ_TRUNCATED',
    { kv: [ARCH, ['tokenizer.ggml.tokens', array('string', ['x'], { declaredCount: INT32_MAX + 1 })]] },
  ],
  [
    'an alignment that its tensors do not keep (INCONSISTENT_ALIGN)',
    'GNO_READ_INVALID',
    {
      kv: [ARCH, ['general.alignment', scalar('uint32', 64)]],
      alignment: 32,
      tensors: [0, 1].map((index) => ({ name: `w${index}`, dims: [8] })),
    },
  ],
]

describe('a lying GGUF file', () => {
  it.each(CASES)('with %s is malformed: %s', (_name, code, spec) => {
    const { format, verdict, codes } = readBytes(buildGguf(spec))

    expect({ format, verdict }).toEqual({ format: 'gguf', verdict: 'malformed' })
    expect(codes).toContain(code)
  })

  it('without any key still tells its tensors (CVE-2025-0312)', () => {
    const { verdict, weights } = readBytes(buildGguf({ tensors: [{ name: 'w', dims: [8] }] }))

    expect({ verdict, names: weights?.tensors.map(({ name }) => name) }).toEqual({ verdict: 'unchecked', names: ['w'] })
  })

  it('with another magic is known by the rest of its header, and told as damaged (BAD_MAGIC)', () => {
    expect(readBytes(buildGguf({ magic: 'FUGG', kv: [ARCH] }))).toMatchObject({ format: 'gguf', verdict: 'malformed' })
  })

  it('keeps the digest of a chat template and never the template (CVE-2024-34359)', () => {
    const template = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    const { weights, verdict } = readBytes(buildGguf({ kv: [ARCH, ['tokenizer.chat_template', text(template)]] }))

    expect(verdict).toBe('unchecked')
    expect(weights?.claims.chatTemplateDigest).toMatch(/^tpl1:/)
    expect(JSON.stringify([weights?.claims, [...(weights?.facts ?? [])]])).not.toContain('__class__')
  })
})

// Secrets in the metadata of files: told with their place, without their value, and no reason to call the file suspicious.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { GapList } from '../../../../agent/read/gap-list.ts'
import { scanSideSecrets } from '../../../../agent/read/scan/scan-side-secrets.ts'
import { SECRET_FORMATS, scanMetadata } from '../../../../agent/read/scan/scan-metadata.ts'
import { scanGguf } from '../../../../agent/read/scan/scan-gguf.ts'
import { scanners } from '../../../../agent/read/scan/scanners.ts'
import { buildGguf, text } from '../../../build-gguf.ts'
import { openForTest } from '../open-candidate.ts'
import { buildOnnx, len } from '../../../build-protobuf.ts'
import { judgeBytes } from './judge-bytes.ts'
import { judgeFile } from './judge-file.ts'

/** Put together here, so that no scanner of repositories takes this file for a leak. */
const TOKEN = ['h', 'f_aB3dE6gH9jK2mN5pQ8sT1vW4xY7zC0fG3hJ'].join('')

function safetensors(metadata: Readonly<Record<string, string>>): Buffer {
  const header = Buffer.from(
    JSON.stringify({ __metadata__: metadata, w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }),
  )
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header, Buffer.alloc(8)])
}

describe('a secret in metadata', () => {
  it('of safetensors is told and the file stays clean', async () => {
    const bytes = safetensors({ ss_args: `--push ${TOKEN} --out /home/alice/x` })
    const { format, actions, threats, verdict } = await judgeBytes(scanMetadata, bytes, 'x.safetensors')

    expect({ format, verdict }).toEqual({ format: 'safetensors', verdict: 'clean' })
    expect(actions.map(({ name, at }) => ({ name, at }))).toEqual([
      { name: 'secret-huggingface-token', at: bytes.indexOf(TOKEN) },
      { name: 'personal-path', at: bytes.indexOf('/home/') },
    ])
    expect(threats.map(({ id, effect }) => ({ id, effect }))).toEqual([
      { id: 'secret-service-token', effect: 'notable' },
      { id: 'personal-path', effect: 'notable' },
    ])
    expect(JSON.stringify(threats)).not.toMatch(/alice|hf_aB/)
  })

  it('of GGUF is told by its value and by its key', async () => {
    const bytes = buildGguf({
      kv: [
        ['general.architecture', text('llama')],
        ['general.source.url', text(`https://me:${TOKEN.slice(3, 20)}@git.company.com/x`)],
        ['general.hub_token', text('9f8a7b6c5d4e3f2a1b0c')],
        ['general.name', text('Llama 3 8B Instruct')],
      ],
    })
    const { actions, verdict } = await judgeBytes(scanGguf, bytes, 'x.gguf')

    expect(verdict).toBe('clean')
    expect(actions.map(({ name, at }) => ({ name, at }))).toEqual([
      { name: 'secret-in-address', at: bytes.indexOf('https://me') },
      { name: 'secret-named-value', at: bytes.indexOf('9f8a7b') },
    ])
  })

  it('at the end of a large file is found', async () => {
    const bytes = Buffer.concat([safetensors({}), Buffer.alloc(3_000_000), Buffer.from(TOKEN)])
    const { actions } = await judgeBytes(scanMetadata, bytes, 'x.safetensors')

    expect(actions.map(({ name }) => name)).toEqual(['secret-huggingface-token'])
  })

  it('is looked for only where a scanner knows the format, since it alone can call no file clean', () => {
    const known = new Set(scanners.flatMap(({ formats }) => formats))

    expect([...SECRET_FORMATS].filter((format) => !known.has(format))).toEqual([])
  })

  it('beside the weights is told with its file, and not where the vocabulary is', () => {
    const folder = mkdtempSync(join(tmpdir(), 'gnomon-secrets-'))
    try {
      writeFileSync(join(folder, 'model.safetensors'), 'x')
      writeFileSync(join(folder, 'README.md'), `Run it with ${TOKEN}.`)
      writeFileSync(join(folder, 'config.json'), '{"_name_or_path": "/home/alice/base"}')
      writeFileSync(join(folder, 'vocab.json'), JSON.stringify({ [TOKEN]: 1 }))
      const anchor = openForTest(join(folder, 'model.safetensors'))
      const scan = scanSideSecrets(anchor, new GapList(folder))
      anchor.close()

      expect(scan?.actions).toEqual([
        {
          kind: 'metadata',
          name: 'secret-huggingface-token',
          shown: `hf_a… (${TOKEN.length} characters)`,
          at: 12,
          member: 'README.md',
        },
        { kind: 'metadata', name: 'personal-path', shown: '/home/…/', at: 19, member: 'config.json' },
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

describe('metadata beyond what is looked at', () => {
  it('of safetensors is a gap, and the file is not clean', async () => {
    const judged = await judgeFile('x.safetensors', safetensors({ notes: 'words '.repeat(200_000) }))
    const many = await judgeFile(
      'x.safetensors',
      safetensors(Object.fromEntries([1, 2, 3].map((each) => [`note${each}`, 'words '.repeat(150_000)]))),
    )
    const tags = await judgeFile('x.safetensors', safetensors({ ss_tag_frequency: 'words '.repeat(100_000) }))

    expect([judged.verdict, many.verdict, tags.verdict]).toEqual(['suspicious', 'suspicious', 'clean'])
  })

  it('of GGUF is a gap, and the file is not clean', async () => {
    const kv = (long: string): Buffer =>
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['general.description', text(long)],
        ],
      })
    const long = await judgeFile('x.gguf', kv('words '.repeat(200_000)))
    const short = await judgeFile('x.gguf', kv('words '.repeat(100)))

    expect([long.isWhole, short.isWhole]).toEqual([false, true])
  })

  it('of ONNX is a gap, and the file is not clean', async () => {
    const entry = (value: string): Buffer => len(14, Buffer.concat([len(1, 'names'), len(2, value)]))
    const long = await judgeFile('x.onnx', Buffer.concat([buildOnnx(), entry('words '.repeat(200_000))]))
    const labels = await judgeFile('x.onnx', Buffer.concat([buildOnnx(), entry('words '.repeat(80_000))]))

    expect([long.verdict, labels.verdict]).toEqual(['suspicious', 'clean'])
  })
})

// A GGUF file whose first four bytes somebody changed is still one, and says that it was changed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { memoryBytes } from '../../../agent/read/cursor.ts'
import { Look } from '../../../agent/read/look.ts'
import { findReader } from '../../../agent/read/sniff-format.ts'
import { buildGguf, scalar, text } from '../../build-gguf.ts'
import { inspectPath } from '../../hostile/inspect-for-test.ts'
import { FAMILIES, ggufDecoder } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-magic-'))
afterAll(() => rmSync(root, { recursive: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const altered = (bytes: Buffer, magic: string): Buffer => {
  const copy = Buffer.from(bytes)
  copy.write(magic, 0, 'latin1')
  return copy
}
const idOf = (bytes: Uint8Array): string | null => findReader(new Look(memoryBytes(bytes), 'x'))?.id ?? null

describe('GGUF behind other bytes', () => {
  const model = buildGguf(ggufDecoder(family))

  it.each([
    ['zeros', '\0\0\0\0'],
    ['a program', '\u007fELF'],
    ['an image', '\u0089PNG'],
    ['a zip archive', 'PK\u0003\u0004'],
    ['a document', '%PDF'],
    ['noise', '\u00d7\u0013\u009a\u0001'],
  ])('is found behind those of %s, and told as changed', async (_name, magic) => {
    const path = join(root, 'x.dat')
    writeFileSync(path, altered(model, magic))
    const { format, verdict, fingerprint, gaps } = await inspectPath(path)

    expect({ format, verdict, layers: fingerprint.structure?.layers }).toMatchObject({
      format: 'gguf',
      verdict: 'malformed',
    })
    expect(fingerprint.structure?.architectureDigest).toBeDefined()
    expect(gaps.map(({ detail }) => detail).join()).toContain('the first four bytes are')
  })

  it('is found in big-endian order too', () => {
    expect(idOf(altered(buildGguf({ ...ggufDecoder(family), isBigEndian: true }), 'XXXX'))).toBe('gguf')
  })

  it.each([
    ['another version', (bytes: Buffer) => bytes.writeUInt32LE(9, 4)],
    ['no keys', (bytes: Buffer) => bytes.writeUInt32LE(0, 16)],
    ['a count of a billion', (bytes: Buffer) => bytes.writeUInt32LE(1, 12)],
    ['a key that is no word', (bytes: Buffer) => bytes.write('\u0001', 32, 'latin1')],
    ['a key of a megabyte', (bytes: Buffer) => bytes.writeUInt32LE(1_048_576, 24)],
    ['a value of no type', (bytes: Buffer) => bytes.writeUInt32LE(99, 32 + 'general.architecture'.length)],
  ])('is not believed with %s', (_name, damage) => {
    const bytes = altered(
      buildGguf({
        kv: [
          ['general.architecture', text('llama')],
          ['llama.block_count', scalar('uint32', 2)],
        ],
      }),
      'XXXX',
    )
    damage(bytes)

    expect(idOf(bytes)).not.toBe('gguf')
  })
})

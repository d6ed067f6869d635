// What the decoy of the fire drill promises: a valid model, known before it is written, and never written over something else.
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gguf } from '@huggingface/gguf'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { decoyVocabulary } from '../../../agent/simulate/decoy-tokenizer.ts'
import { describeDecoy, writeDecoy } from '../../../agent/simulate/write-decoy.ts'

const never = new AbortController().signal
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'gnomon-test-decoy-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('the decoy', () => {
  it('is, byte for byte, what was described before it was written', async () => {
    const path = join(folder, 'described')

    const announced = describeDecoy('nonce-a')
    const written = await writeDecoy(path, 'nonce-a', never)

    const bytes = readFileSync(path)
    expect(written).toEqual({ ok: true, value: announced })
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(announced.sha256)
    expect(bytes.length).toBe(announced.sizeBytes)
  })

  it('is the same for the same nonce and another file for another nonce', () => {
    const first = describeDecoy('nonce-a')

    expect(describeDecoy('nonce-a')).toEqual(first)
    expect(describeDecoy('nonce-b').sha256).not.toBe(first.sha256)
  })

  it('has 1 to 5 MB, also with a long nonce', () => {
    for (const nonce of ['n', 'x'.repeat(500)]) {
      const { sizeBytes } = describeDecoy(nonce)

      expect(sizeBytes).toBeGreaterThan(1_000_000)
      expect(sizeBytes).toBeLessThan(5_000_000)
    }
  })

  it('is readable by its owner alone', async () => {
    const path = join(folder, 'private')

    await writeDecoy(path, 'nonce-a', never)

    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('is a Llama model for an independent GGUF reader, with tensors that fill the file exactly', async () => {
    const path = join(folder, 'independent')
    await writeDecoy(path, 'nonce-a', never)

    const { metadata, tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true })

    const values = tensorInfos.reduce((sum, tensor) => sum + tensor.shape.reduce((a, b) => a * Number(b), 1), 0)
    expect(metadata).toMatchObject({
      version: 3,
      'general.architecture': 'llama',
      'general.uuid': 'nonce-a',
      'llama.block_count': 4,
      'tokenizer.ggml.model': 'llama',
    })
    expect(tensorInfos).toHaveLength(2 + 4 * 9 + 1)
    expect(Number(tensorDataOffset) + values * 4).toBe(statSync(path).size)
  })

  it('has norms around 1 that are not all equal', async () => {
    const path = join(folder, 'norms')
    await writeDecoy(path, 'nonce-a', never)
    const { tensorInfos, tensorDataOffset } = await gguf(path, { allowLocalFile: true })
    const bytes = readFileSync(path)

    const norms = tensorInfos.filter((tensor) => tensor.name.endsWith('_norm.weight'))

    expect(norms).toHaveLength(9)
    for (const norm of norms) {
      const start = Number(tensorDataOffset) + Number(norm.offset)
      const values = Array.from({ length: 128 }, (_, index) => bytes.readFloatLE(start + index * 4))
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length
      expect(mean).toBeGreaterThan(0.9)
      expect(mean).toBeLessThan(1.1)
      expect(new Set(values).size).toBeGreaterThan(100)
    }
  })

  it('refuses a name that is taken, and leaves what stands there', async () => {
    const path = join(folder, 'taken')
    writeFileSync(path, 'mine')

    const written = await writeDecoy(path, 'nonce-a', never)

    expect(written).toMatchObject({ ok: false, failure: { code: 'GNO_SIMULATION_FAILED' } })
    expect(readFileSync(path, 'utf8')).toBe('mine')
  })

  it('does not write through a symbolic link', async () => {
    const target = join(folder, 'target')
    const path = join(folder, 'link')
    symlinkSync(target, path)

    const written = await writeDecoy(path, 'nonce-a', never)

    expect(written.ok).toBe(false)
    expect(existsSync(target)).toBe(false)
  })

  it('stops at once when it is aborted', async () => {
    const written = await writeDecoy(join(folder, 'aborted'), 'nonce-a', AbortSignal.abort())

    expect(written).toMatchObject({ ok: false, failure: { code: 'GNO_SIMULATION_FAILED' } })
    expect(statSync(join(folder, 'aborted')).size).toBe(0)
  })
})

describe('the vocabulary of the decoy', () => {
  it('has the structure of a SentencePiece vocabulary', () => {
    const vocabulary = decoyVocabulary()

    const texts = vocabulary.map((token) => token.text)
    expect(texts.slice(0, 4)).toEqual(['<unk>', '<s>', '</s>', '<0x00>'])
    expect(vocabulary.filter((token) => token.type === 6)).toHaveLength(256)
    expect(vocabulary.filter((token) => token.type === 1).length).toBeGreaterThan(200)
    expect(new Set(texts).size).toBe(texts.length)
  })

  it('can reach every piece by merging an earlier piece and one character', () => {
    const ordinary = new Set(decoyVocabulary().flatMap((token) => (token.type === 1 ? token.text : [])))

    for (const text of ordinary) {
      if (text.length === 1) continue
      expect(ordinary).toContain(text.slice(0, -1))
      expect(ordinary).toContain(text.slice(-1))
    }
  })
})

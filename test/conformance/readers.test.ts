// Holds for every member of agent/read/formats.ts, so that a new format brings most of its tests with it.
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { Cursor } from '../../agent/read/cursor.ts'
import { formats } from '../../agent/read/formats.ts'
import { GapList } from '../../agent/read/gap-list.ts'
import type { WeightsPart } from '../../agent/read/weights.ts'
import { openForTest } from '../agent/read/open-candidate.ts'

const folder = mkdtempSync(join(tmpdir(), 'gnomon-readers-'))
afterAll(() => rmSync(folder, { recursive: true }))
const corpus = join(import.meta.dirname, '../corpus/read')
const HEAD_BYTES = 4096

function samplesOf(format: string): readonly { readonly name: string; readonly bytes: Buffer }[] {
  return readdirSync(join(corpus, format))
    .filter((name) => !name.endsWith('.md'))
    .map((name) => ({ name, bytes: readFileSync(join(corpus, format, name)) }))
}

function read(
  reader: (typeof formats)[number],
  bytes: Uint8Array,
): { readonly part: WeightsPart; readonly gaps: GapList; readonly bytesRead: number } {
  const path = join(folder, 'sample')
  writeFileSync(path, bytes)
  const file = openForTest(path)
  const gaps = new GapList(path)
  const cursor = new Cursor(file)
  const part = reader.read(cursor, gaps)
  file.close()
  return { part, gaps, bytesRead: cursor.bytesRead }
}

it('no two formats claim the same file', () => {
  for (const { id } of formats) {
    for (const { bytes } of samplesOf(id)) {
      const claimed = formats.filter((format) => format.recognise(bytes.subarray(0, HEAD_BYTES), bytes.length))
      expect(claimed.map((format) => format.id)).toEqual([id])
    }
  }
})

describe.each(formats.map((format) => [format.id, format] as const))('%s', (id, format) => {
  const samples = samplesOf(id)

  it('has samples in test/corpus/read, and describes them without blame', () => {
    expect(samples.length).toBeGreaterThan(0)

    for (const { name, bytes } of samples) {
      const { part, gaps } = read(format, bytes)

      expect({ name, verdict: gaps.verdict(), isModel: part.isModel }).toEqual({
        name,
        verdict: 'unchecked',
        isModel: true,
      })
    }
  })

  it('does not recognise nothing, zeros, text or noise', () => {
    const noise = Buffer.from(Array.from({ length: HEAD_BYTES }, (_, index) => (index * 73 + 41) & 0xff))

    for (const head of [Buffer.alloc(0), Buffer.alloc(HEAD_BYTES), Buffer.from('plain text\n'.repeat(300)), noise]) {
      expect(format.recognise(head, head.length)).toBe(false)
    }
  })

  it('answers for a sample cut at every byte, without believing a tensor outside the file', () => {
    for (const { bytes } of samples) {
      const stride = Math.max(1, Math.floor(bytes.length / 700))
      for (let size = 1; size < bytes.length; size += stride) {
        const { part } = read(format, bytes.subarray(0, size))

        const ends = part.tensors.map((tensor) => tensor.offset + (tensor.bytes ?? 0))
        expect(ends.filter((end) => end > size)).toEqual([])
      }
    }
  })

  it('reads no more than a few times the file, whatever byte is turned', () => {
    for (const { bytes } of samples) {
      const stride = Math.max(1, Math.floor(bytes.length / 400))
      for (let at = 0; at < bytes.length; at += stride) {
        const turned = Buffer.from(bytes)
        turned[at] = (turned[at] ?? 0) ^ 0xff

        const { bytesRead } = read(format, turned)

        expect(bytesRead).toBeLessThanOrEqual(bytes.length * 4)
      }
    }
  })

  it('gives the same answer twice', () => {
    for (const { bytes } of samples) expect(read(format, bytes).part).toEqual(read(format, bytes).part)
  })
})

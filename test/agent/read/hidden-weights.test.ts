// Models inside files of other kinds: found behind hosts that say where they end, by their texture in all others, and bounded whatever
// the file holds.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { memoryBytes, type ByteSource } from '../../../agent/read/cursor.ts'
import { type SearchOutcome, searchEmbedded } from '../../../agent/read/embedded-weights.ts'
import { createHiddenMemory } from '../../../agent/read/hidden-weights.ts'
import { Look } from '../../../agent/read/look.ts'
import { sniffFormat } from '../../../agent/read/read-candidates.ts'
import type { Gap } from '../../../contract/wire.ts'
import {
  buildElf,
  buildJpeg,
  buildMatroska,
  buildMp4,
  buildPe,
  buildPng,
  buildSqlite,
  buildWav,
  bellNumbers,
} from '../../build-hosts.ts'
import { TENSOR_TYPE, buildGguf, patternBytes, scalar, text } from '../../build-gguf.ts'
import { buildLlamafile } from '../../build-llamafile.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { buildTinyModel } from '../../build-tiny-model.ts'
import { linearCheckpoint } from '../../build-torch-archives.ts'
import { type Quantization, quantize } from '../../lineage/quantize.ts'
import { inspectFile, openForTest, readFolder } from './open-candidate.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-hidden-'))
afterAll(() => rmSync(root, { recursive: true }))
const MiB = 1_048_576
const tiny = buildTinyModel({ seed: 21 })

let made = 0
function plant(name: string, ...pieces: readonly Uint8Array[]): string {
  made += 1
  const folder = mkdtempSync(join(root, `${made}-`))
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat(pieces))
  return path
}

function search(source: ByteSource, bytes = Number.MAX_SAFE_INTEGER): SearchOutcome & { readonly read: number } {
  const spent = { read: 0 }
  const counting: ByteSource = {
    sizeBytes: source.sizeBytes,
    read: (position, target) => {
      spent.read += target.length
      return source.read(position, target)
    },
  }
  const steps = searchEmbedded(new Look(counting, ''), { bytes })
  for (;;) {
    const step = steps.next()
    if (step.done === true) return { ...step.value, read: spent.read }
  }
}

/** Made once of each type, and repeated: quantizing takes longer than searching. */
function repeated(how: Quantization, bytes: number): Buffer {
  const { bytes: pattern } = quantize(bellNumbers(256 * 128, 9), how)
  return Buffer.alloc(bytes, pattern)
}

/** One tensor of the given type, so that its texture is that of a real file. */
function quantizedModel(how: Quantization, repeats: number): Buffer {
  const { type, bytes } = quantize(bellNumbers(256 * 128, 9), how)
  const tensor = { name: 'blk.0.attn_q.weight', dims: [256, 128 * repeats], type }
  const data = Buffer.alloc(bytes.length * repeats, bytes)
  return buildGguf({ kv: [['general.architecture', text('llama')]], tensors: [{ ...tensor, data }] })
}

describe('a model behind another file', () => {
  const hosts = [
    ['a PNG image', buildPng()],
    ['a JPEG image', buildJpeg()],
    ['a JPEG image', buildJpeg(false)],
    ['a WAV recording', buildWav()],
    ['an MP4 recording or image', buildMp4([{ kind: 'mdat', data: patternBytes(40_000, 2) }])],
    ['a Matroska video', buildMatroska()],
    ['a program', buildElf()],
    ['a program', buildPe()],
    ['an SQLite database', buildSqlite()],
    ['a PDF document', Buffer.from(`%PDF-1.7\n${'1 0 obj <<>> endobj\n'.repeat(9_000)}%%EOF\n`)],
    ['plain text', Buffer.from('dear diary today nothing happened\n'.repeat(5_000))],
  ] as const

  it.each(hosts)('is told as the model that it is, in %s', async (container, host) => {
    const path = plant('holiday.dat', host, tiny)
    const alone = await inspectFile(plant('alone.gguf', tiny), { deep: true })

    const [draft, ...others] = await readFolder(join(path, '..'), { deep: true })

    expect(others).toEqual([])
    expect(draft).toMatchObject({ path, kind: 'file', format: 'gguf', verdict: alone.verdict, sizeBytes: tiny.length })
    expect(draft?.parts).toMatchObject([{ path, offsetBytes: host.length, sizeBytes: tiny.length }])
    expect(draft?.fingerprint).toEqual({
      ...alone.fingerprint,
      container: { inside: container, insideAtByte: host.length },
    })
  })

  it('is found behind padding to a page', async () => {
    const host = buildPng(patternBytes(70_001, 5))
    const padding = Buffer.alloc(4_096 - (host.length % 4_096))

    const draft = await inspectFile(plant('a.png', host, padding, tiny))

    expect(draft).toMatchObject({ format: 'gguf', parts: [{ offsetBytes: host.length + padding.length }] })
  })

  it.each(['F16', 'BF16', 'Q8_0', 'Q6_K', 'Q5_K', 'Q4_K', 'Q4_0', 'Q3_K', 'Q2_K'] as const)(
    'is found by the texture of %s, amid 40 MiB of noise',
    (how) => {
      const model = quantizedModel(how, 300)
      const start = 20 * MiB + 12_345
      const bytes = Buffer.alloc(40 * MiB, patternBytes(100_003, 3))
      model.copy(bytes, start)

      const { embedded, read } = search(memoryBytes(bytes))

      expect(embedded).toMatchObject({ start, format: 'gguf', sizeBytes: model.length })
      expect(read).toBeLessThan(110 * MiB)
    },
  )

  it('is found whether it is safetensors, PyTorch in a zip, or big-endian GGUF', async () => {
    const data = repeated('F16', 131_072)
    const tensor = { name: 'model.layers.0.self_attn.q_proj.weight', dtype: 'F16', shape: [256, 256] }
    const jpeg = buildJpeg()
    const big = buildGguf({
      isBigEndian: true,
      kv: [['general.architecture', text('llama')]],
      tensors: [{ name: 'a.weight', dims: [256, 256], type: TENSOR_TYPE.F16, data }],
    })

    const safetensors = await inspectFile(plant('a.jpg', jpeg, buildSafetensors({ tensors: [tensor], data })))
    const torch = await inspectFile(plant('b.jpg', jpeg, linearCheckpoint()))
    const turned = await inspectFile(plant('c.jpg', jpeg, big))

    expect(safetensors).toMatchObject({
      format: 'safetensors',

      parts: [{ offsetBytes: jpeg.length }],
    })
    expect(torch).toMatchObject({ format: 'pytorch-zip', parts: [{ offsetBytes: jpeg.length }] })
    expect(turned).toMatchObject({ format: 'gguf', parts: [{ offsetBytes: jpeg.length }] })
  })

  it('is malformed where it is damaged', async () => {
    const draft = await inspectFile(plant('cut.png', buildPng(), tiny.subarray(0, tiny.length - 200_000)))

    expect(draft).toMatchObject({ format: 'gguf', verdict: 'malformed' })
  })

  it('is told as the larger one of two, whichever comes first', async () => {
    const small = buildGguf({ kv: [['general.name', text('decoy')]], tensors: [{ name: 'a', dims: [64] }] })
    const host = buildPng()

    const first = await inspectFile(plant('first.png', host, small, tiny))
    const twice = await inspectFile(plant('twice.png', host, tiny, tiny))

    expect(first).toMatchObject({ parts: [{ offsetBytes: host.length + small.length }] })
    expect(twice).toMatchObject({ parts: [{ offsetBytes: host.length }] })
  })

  it('is seen by whoever sniffs a file that a process maps', () => {
    const file = openForTest(plant('mapped.png', buildPng(), tiny))
    try {
      expect(sniffFormat(file)).toBe('gguf')
    } finally {
      file.close()
    }
  })
})

describe('a file that hides nothing', () => {
  it('stays what it is', async () => {
    const llamafile = await inspectFile(plant('model.llamafile', buildLlamafile()))
    const picture = await inspectFile(plant('a.png', buildPng()))

    expect(llamafile).toMatchObject({ format: 'llamafile' })
    expect(llamafile.parts.every(({ offsetBytes }) => offsetBytes === undefined)).toBe(true)
    expect(picture).toMatchObject({ verdict: 'not-a-model', format: null })
  })

  it('is no model for its texture alone, nor for the words of a header', () => {
    const weights = repeated('F32', 2 * MiB)
    const words = Buffer.alloc(400_000, 'GGUF')
    const atTheEnd = Buffer.concat([weights, Buffer.from('GGUF')])

    for (const bytes of [weights, Buffer.concat([words, weights]), atTheEnd]) {
      expect(search(memoryBytes(bytes))).toMatchObject({ embedded: null, unfinished: null })
    }
  })

  it('is tried at a bounded number of places, and says that there were more', () => {
    const fake = buildGguf({ tensorCount: 3, kvCount: 1, kv: [['a.b', scalar('uint32', 1)]], hasData: false })
    const many = Buffer.concat([...Array.from({ length: 100_000 }, () => fake), repeated('F32', 8 * MiB)])

    const outcome = search(memoryBytes(many))

    expect(outcome).toMatchObject({ embedded: null, unfinished: 'trials' })
    expect(outcome.read).toBeLessThan(many.length + 400 * MiB)
  })
})

describe('the work of looking', () => {
  /** One tebibyte without a single byte on the disk. */
  function plantSparse(): string {
    const path = join(mkdtempSync(join(root, 'sparse-')), 'disk.img')
    const fd = openSync(path, 'wx')
    try {
      ftruncateSync(fd, 2 ** 40)
    } finally {
      closeSync(fd)
    }
    return path
  }

  it('is a few samples where nothing looks like weights, even of a tebibyte', async () => {
    const drafts = await readFolder(join(plantSparse(), '..'))
    const nothing = search({ sizeBytes: 2 ** 40, read: (_, target) => target.fill(0).length })

    expect(drafts).toEqual([])
    expect(nothing.embedded).toBeNull()
    expect(nothing.read).toBeLessThan(100_000)
  })

  it('ends where everything of a tebibyte looks like weights', () => {
    const pattern = repeated('F32', 1_000_000)
    const read = (position: number, target: Uint8Array): number => {
      for (let at = 0; at < target.length; ) {
        const start = (position + at) % pattern.length
        const piece = pattern.subarray(start, start + target.length - at)
        target.set(piece, at)
        at += piece.length
      }
      return target.length
    }

    const outcome = search({ sizeBytes: 2 ** 40, read })

    expect(outcome.embedded).toBeNull()
    expect(outcome.read).toBeLessThan(400 * MiB)
  })

  it('is done once for a file that stays what it is, and again for one that changed', async () => {
    const path = plant('a.jpg', buildJpeg(), tiny)
    const hidden = createHiddenMemory()
    const folder = join(path, '..')
    await readFolder(folder, { hidden })
    const left = hidden.room.bytes

    const [again] = await readFolder(folder, { hidden })
    writeFileSync(path, buildJpeg(true, 4 * MiB))

    expect(again).toMatchObject({ format: 'gguf' })
    expect(hidden.room.bytes).toBe(left)
    expect(await readFolder(folder, { hidden })).toEqual([])
  })

  it('is put off when a sweep has searched as much as it may, and says so', async () => {
    const path = plant('a.jpg', buildJpeg(), tiny)
    const hidden = createHiddenMemory()
    hidden.room.bytes = 1_000
    const gaps: Gap[] = []

    const drafts = await readFolder(join(path, '..'), { hidden, onGap: (gap) => gaps.push(gap) })

    expect(drafts).toEqual([])
    expect(gaps).toMatchObject([{ code: 'GNO_READ_SKIPPED', place: path }])
    expect(hidden.found.size).toBe(0)
  })

  it('ends when it is stopped', async () => {
    const stopped = new AbortController()
    stopped.abort()

    expect(await readFolder(join(plant('a.jpg', buildJpeg(), tiny), '..'), { signal: stopped.signal })).toEqual([])
  })
})

// Every rung of the ladder is there, or says why it is not; the id of an artifact follows from its content alone.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { artifactSchema } from '../../../contract/artifact.ts'
import { type GgufSpec, buildGguf, scalar } from '../../build-gguf.ts'
import { buildSafetensors } from '../../build-safetensors.ts'
import { inspectFile, readFolder } from './open-candidate.ts'
import { FAMILIES, ggufDecoder, hfTensors } from './sample-models.ts'

const root = mkdtempSync(join(tmpdir(), 'gnomon-rungs-'))
afterAll(() => rmSync(root, { recursive: true }))

const family = FAMILIES[0] ?? { gguf: 'llama', hf: 'llama' }
const model = ggufDecoder(family)

let made = 0
function makeFolder(files: Readonly<Record<string, Uint8Array | string>>): string {
  made += 1
  const folder = join(root, `folder-${made}`)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
  return folder
}

function shard(index: number, count: number, spec: GgufSpec): Buffer {
  const split = [
    ['split.no', scalar('uint16', index)],
    ['split.count', scalar('uint16', count)],
    ['split.tensors.count', scalar('int32', model.tensors.length)],
  ] as const
  return buildGguf({ ...spec, kv: [...(spec.kv ?? []), ...split] })
}
describe('rungs', () => {
  it('that are absent each have a gap that says why', async () => {
    const folder = makeFolder({ x: buildGguf(model) })

    const draft = await inspectFile(join(folder, 'x'))

    const details = draft.gaps.map((gap) => gap.detail)
    for (const rung of [3, 6]) expect(details.some((detail) => detail.startsWith(`rung ${rung}:`))).toBe(true)
    expect(draft.gaps.every((gap) => gap.code === 'GNO_READ_SKIPPED')).toBe(true)
  })

  it('fit the contract', async () => {
    const folder = makeFolder({ x: buildGguf(model), y: buildSafetensors({ tensors: hfTensors(family) }) })

    for (const draft of await readFolder(folder, { deep: true })) {
      const { identities: _identities, ...wire } = draft
      expect(artifactSchema.safeParse({ ...wire, identifications: [], simulated: false }).error).toBeUndefined()
    }
  })

  it('6 is the SHA-256 of the file, part by part for shards', async () => {
    const first = shard(0, 2, model)
    const second = shard(1, 2, {})
    const folder = makeFolder({ one: buildGguf(model) })
    const shards = makeFolder({ a: first, b: second })
    const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

    const [single] = await readFolder(folder, { deep: true })
    const [split] = await readFolder(shards, { deep: true })

    expect(single?.fingerprint.content?.sha256).toBe(sha256(buildGguf(model)))
    expect(split?.fingerprint.content).toBeUndefined()
    expect(split?.parts.map((part) => part.sha256)).toEqual([sha256(first), sha256(second)])
  })
})

describe('artifactId and barcode', () => {
  it('are the same for the same bytes in another place and change with one sampled byte', async () => {
    const bytes = buildGguf(model)
    const edited = Buffer.from(bytes)
    edited[edited.length - 40] = (edited[edited.length - 40] ?? 0) ^ 1
    const folder = makeFolder({ 'a/x': bytes, 'b/y': bytes, 'c/z': edited })

    const [first, second, third] = await Promise.all(
      ['a/x', 'b/y', 'c/z'].map((name) => inspectFile(join(folder, name))),
    )

    expect(first?.artifactId).toMatch(/^art1:[0-9a-f]{64}$/)
    expect(second?.artifactId).toBe(first?.artifactId)
    expect(third?.artifactId).not.toBe(first?.artifactId)
    expect(first?.fingerprint.barcode?.isComplete).toBe(true)
    expect(third?.fingerprint.barcode?.digest).not.toBe(first?.fingerprint.barcode?.digest)
  })

  it('stay within the budget for a model of two thousand tensors, and say that they were thinned', async () => {
    const data = Buffer.alloc(8192)
    const tensors = Array.from({ length: 2000 }, (_, index) => ({ name: `w${index}`, dims: [2048], data }))
    const folder = makeFolder({ x: buildGguf({ kv: model.kv, tensors }) })

    const draft = await inspectFile(join(folder, 'x'))

    expect(draft.fingerprint.barcode?.isComplete).toBe(false)
    expect(draft.fingerprint.barcode?.bytesSampled).toBeLessThanOrEqual(6_291_456 + 16_384)
    expect(draft.gaps.map((gap) => gap.detail)).toContain(
      'rung 5: not every tensor has four samples, to keep within the budget or since its bytes lie elsewhere',
    )
  })
})

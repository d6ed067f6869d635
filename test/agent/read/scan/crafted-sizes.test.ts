// Files of nothing but tiny parts: the work they may make is bounded by steps and counts, and what was not finished is never clean.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { Cursor, memoryBytes } from '../../../../agent/read/cursor.ts'
import { readFields } from '../../../../agent/read/protobuf-fields.ts'
import type { Gap } from '../../../../contract/wire.ts'
import { buildOnnx, len, num } from '../../../build-protobuf.ts'
import { buildZip } from '../../../build-zip.ts'
import { candidateOf, readFolder } from '../open-candidate.ts'
import { judgeFile } from './judge-file.ts'

/** Repeats a field as often as it fits. */
function repeated(field: Buffer, times: number): Buffer {
  return Buffer.alloc(field.length * times, field)
}

describe('a crafted file', () => {
  it('of more nodes than a graph has ends at the budget and is not clean', async () => {
    const node = len(1, Buffer.concat([len(1, 'a'), len(2, 'b'), len(4, 'Relu')]))
    const graph = Buffer.concat([repeated(node, 700_000), len(2, 'g')])
    const model = Buffer.concat([num(1, 8), len(2, 'pytorch'), len(7, graph), len(8, num(2, 17))])
    const { format, verdict } = await judgeFile('model.onnx', model)

    expect({ format, verdict }).toEqual({ format: 'onnx', verdict: 'unscannable' })
  })

  it('of a million numbers, one a field, costs an honest graph nothing of that', () => {
    const cursor = new Cursor(memoryBytes(repeated(num(7, 5), 1_000_000)), { bytes: 1 << 28, steps: 1_200_000 })

    expect([...readFields(cursor, undefined, new Set([1]))]).toEqual([])
    expect(() => [...readFields(cursor)]).toThrow(/steps used/)
  })

  it('that is an honest small graph stays clean', async () => {
    const { verdict } = await judgeFile('model.onnx', buildOnnx())

    expect(verdict).toBe('clean')
  })

  it('of more members than are asked what they are is not clean', async () => {
    const data = Buffer.from([1, 0, 2, 0, 3])
    const parts = Array.from({ length: 5_200 }, (_, index) => ({ name: `n${index}.bin`, data }))
    const { verdict, isWhole } = await judgeFile('parts.zip', buildZip(parts))
    const few = await judgeFile('parts.zip', buildZip(parts.slice(0, 2_000)))

    expect({ verdict, isWhole }).toEqual({ verdict: 'suspicious', isWhole: false })
    expect(few.verdict).toBe('clean')
  })

  it('of archives six deep is suspicious or worse by itself, and a gap in a sweep', async () => {
    let inner: Buffer = Buffer.concat([Buffer.from([0x80, 2, 0x7d, 0x2e])])
    for (let depth = 0; depth < 6; depth += 1) {
      inner = buildZip([{ name: depth === 0 ? 'data.pkl' : 'inner.pt.zip', data: inner }])
    }
    const { isWhole, verdict } = await judgeFile('deep.zip', inner)
    const folder = mkdtempSync(join(tmpdir(), 'gnomon-deep-'))
    const gaps: Gap[] = []
    try {
      writeFileSync(join(folder, 'deep.zip'), inner)
      const drafts = await readFolder(folder, { tellsData: 'acting', onGap: (gap) => gaps.push(gap) })

      expect(candidateOf(join(folder, 'deep.zip')).name).toBe('deep.zip')
      expect(drafts.filter(({ isData }) => isData !== true)).toEqual([])
    } finally {
      rmSync(folder, { recursive: true })
    }
    expect(isWhole).toBe(false)
    expect(['suspicious', 'malformed']).toContain(verdict)
    expect(gaps.map(({ detail }) => detail)).toContain('containers lie more than 3 deep in one another')
  })
})

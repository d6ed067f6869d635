import { createHash } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { openDigestTable } from '../../rules/digest-table.ts'
import { decodeBase64, encodeBase64 } from '../../rules/base64.ts'
import { buildDigestTable } from '../../rules/workbench/build-digest-table.ts'
import { realBody, realPack, realTree } from './real-pack.ts'

const ALGORITHMS = ['sha256', 'sha384', 'sha1', 'md5'] as const

describe('the table of known files', () => {
  it('finds every one of the 10,081 digests with its names, family, format and size', () => {
    let found = 0
    const wrong: string[] = []
    const stored = realTree.digests.flatMap((row) =>
      ALGORITHMS.map((algorithm) => ({ row, algorithm, hex: row[algorithm] })),
    )
    for (const { row, algorithm, hex } of stored) {
      if (hex === undefined) continue
      const known = realPack.digests.find(algorithm, hex)
      const got = [
        known?.models[0],
        known?.family,
        known?.format,
        known?.repo,
        known?.license,
        known?.quantization,
        known?.sizeBytes,
      ]
      const wanted = [row.model, row.family, row.format, row.repo, row.license, row.quant, row.size]
      found += known === null ? 0 : 1
      if (JSON.stringify(got) !== JSON.stringify(wanted)) wrong.push(hex)
    }

    expect(wrong).toEqual([])
    expect(found).toBe(10_081)
    expect(realPack.digests.count).toBe(10_081)
  })

  it('finds no other digest: 20,000 of ordinary text, and every known one with its last digit changed', () => {
    const strangers = Array.from({ length: 20_000 }, (_, index) =>
      createHash('sha256').update(`stranger ${index}`).digest('hex'),
    )
    const neighbours = realTree.digests.flatMap((row) => {
      const last = row.sha256?.at(-1)
      return row.sha256 === undefined ? [] : `${row.sha256.slice(0, -1)}${last === '0' ? '1' : '0'}`
    })

    const found = [...strangers, ...neighbours].filter((hex) => realPack.digests.find('sha256', hex) !== null)

    expect(found).toEqual([])
  })

  it('names a disputed file by all its names', () => {
    const disputed = realTree.digests.filter((row) => row.disputed === true && row.sha256 !== undefined)

    const counts = disputed.map((row) => realPack.digests.find('sha256', row.sha256 ?? '')?.models.length ?? 0)

    expect(disputed.length).toBeGreaterThan(50)
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(1)
    expect(counts.filter((count) => count > 1).length).toBeGreaterThan(50)
  })

  it('stays below 1 MB in memory', () => {
    expect(realPack.digests.residentBytes()).toBeLessThan(1_000_000)
  })

  it.each(['', 'zz', 'A'.repeat(64), 'a'.repeat(63), 'a'.repeat(65), '__proto__', '../'.repeat(22).slice(0, 64)])(
    'answers null for %p',
    (hex) => {
      expect(realPack.digests.find('sha256', hex)).toBeNull()
    },
  )

  it('does not depend on the order of the lines', () => {
    const backwards = buildDigestTable([...realTree.digests].reverse())

    expect(backwards.base64 === realBody.digests.base64).toBe(true)
  })

  it('is refused when it was cut, counted wrongly or is no Base64', () => {
    const small = buildDigestTable(realTree.digests.slice(0, 3))
    const bytes = decodeBase64(small.base64)

    const opened = Array.from({ length: bytes?.length ?? 0 }, (_, cut) =>
      openDigestTable(encodeBase64(bytes?.subarray(0, cut) ?? new Uint8Array()), 3),
    )

    expect(opened.length).toBeGreaterThan(100)
    expect(opened.filter((table) => table !== null)).toEqual([])
    expect(openDigestTable(small.base64, 4)).toBeNull()
    expect(openDigestTable(`${small.base64.slice(0, -4)}é===`, 3)).toBeNull()
    expect(openDigestTable(encodeBase64(new Uint8Array(64).fill(255)), 0)).toBeNull()
  })

  it('decodes what Node encodes, and the other way round', () => {
    for (const length of [0, 1, 2, 3, 4, 255, 256, 1000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37) % 256)
      expect(encodeBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
      expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes)
    }
  })
})

// docs/evasion.md is what the committed result says, and the result is of the matrix as it stands.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { HIDING_WAYS, NOT_DETECTED, ORDINARY } from './matrix.ts'
import { renderDocument, resultSchema } from './render-document.ts'

const result = resultSchema.parse(JSON.parse(readFileSync(join(import.meta.dirname, 'result.json'), 'utf8')))

describe('docs/evasion.md', () => {
  it('is the committed result, word by word', () => {
    const document = readFileSync(join(import.meta.dirname, '../../../docs/evasion.md'), 'utf8')

    expect(document).toBe(renderDocument(result))
  })

  it('has a result for every case, and says no where the matrix does', () => {
    expect(result.outcomes.map(({ id }) => id)).toEqual(HIDING_WAYS.map(({ id }) => id))
    expect(result.ordinary.map(({ id }) => id)).toEqual(ORDINARY.map(({ id }) => id))
    const missed = result.outcomes.filter(({ isDetected }) => !isDetected).map(({ id }) => id)
    expect(missed.sort()).toEqual(Object.keys(NOT_DETECTED).sort())
  })

  it('keeps the promise: of thirty ways at least twenty-seven are detected', () => {
    const promised = HIDING_WAYS.filter(({ isHarder }) => !isHarder)

    expect(promised).toHaveLength(30)
    expect(promised.filter(({ id }) => NOT_DETECTED[id] === undefined).length).toBeGreaterThanOrEqual(27)
  })

  it('measured every running model within two intervals', () => {
    const slowest = Math.max(...result.outcomes.map(({ seconds }) => seconds ?? 0))

    expect(slowest).toBeGreaterThan(0)
    expect(slowest).toBeLessThanOrEqual(2 * result.intervalSeconds)
  })
})

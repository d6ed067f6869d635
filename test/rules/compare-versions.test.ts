import { describe, expect, it } from '@jest/globals'
import { compareVersions } from '../../rules/compare-versions.ts'

describe('versions', () => {
  it.each<[string, 'older than' | 'newer than' | 'the same as', string]>([
    ['0.17.0', 'older than', '0.17.1'],
    ['0.9.6', 'older than', '0.17.1'],
    ['v0.16.9', 'older than', '0.17.1'],
    ['0.17', 'older than', '0.17.1'],
    ['0.17.1', 'the same as', '0.17.1'],
    ['0.17.1.0', 'the same as', '0.17.1'],
    ['0.17.10', 'newer than', '0.17.9'],
    ['1.0.0', 'newer than', '0.17.1'],
    ['0.17.1-rc0', 'older than', '0.17.1'],
    ['0.17.1rc2', 'older than', '0.17.1'],
    ['0.17.1.dev3+g1a2b3c', 'older than', '0.17.1'],
    ['0.17.2-beta.1', 'newer than', '0.17.1'],
    ['2.6.0+cu124', 'the same as', '2.6.0'],
    ['0.17.0-1ubuntu2', 'older than', '0.17.1'],
    ['b8145', 'older than', 'b8146'],
    ['b8146-1a2b3c4', 'the same as', 'b8146'],
    ['b999', 'older than', 'b8146'],
    ['b10252', 'newer than', 'b8146'],
    [' 0.17.0\n', 'older than', '0.17.1'],
  ])('%s is %s %s', (left, relation, right) => {
    const sign = Math.sign(compareVersions(left, right) ?? Number.NaN)

    expect(sign).toBe({ 'older than': -1, 'newer than': 1, 'the same as': 0 }[relation])
  })

  it.each([
    ['', '0.17.1'],
    ['0.0.0', '0.17.1'],
    ['b0', 'b8146'],
    ['17', '0.17.1'],
    ['8145', 'b8146'],
    ['0.17.0', 'b8146'],
    ['b8145', '0.17.1'],
    ['0.17.0-5-g1a2b3c4', '0.17.1'],
    ['0.17.x', '0.17.1'],
    ['0.17.0 or so', '0.17.1'],
    ['latest', '0.17.1'],
    ['main', 'b8146'],
    ['-1.0', '0.17.1'],
    ['1e3.0', '0.17.1'],
    [`0.${'9'.repeat(4000)}`, '0.17.1'],
    ['0.17.0'.repeat(20), '0.17.1'],
  ])('%j and %s cannot be compared', (left, right) => {
    expect(compareVersions(left, right)).toBeNull()
  })
})

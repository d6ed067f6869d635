import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { containerOf } from '../../../../agent/sense/linux/container-of.ts'
import type { ContainerMark } from '../../../../contract/observation.ts'

interface Sample {
  readonly origin: string
  readonly text: string
  readonly container: ContainerMark | null
}
const corpus = join(import.meta.dirname, '../../../corpus/sense/linux/control-groups.json')
const samples = JSON.parse(readFileSync(corpus, 'utf8')) as readonly Sample[]

describe('containerOf', () => {
  it.each(samples)('$origin', ({ text, container }) => {
    expect(containerOf(text)).toEqual(container)
  })

  it('takes any text without an error', () => {
    const long = `0::/${'a/'.repeat(40_000)}docker-${'0'.repeat(64)}.scope`

    expect(containerOf(long)).toBeNull()
    expect(containerOf('')).toBeNull()
    expect(containerOf('\0\n:::\n0::')).toBeNull()
  })
})

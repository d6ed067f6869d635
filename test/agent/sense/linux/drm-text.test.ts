import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { type EngineCount, parseDrmClient } from '../../../../agent/sense/linux/drm-text.ts'

interface Sample {
  readonly origin: string
  readonly text: string
  readonly client: { readonly engines: Readonly<Record<string, EngineCount>> } | null
}
const corpus = join(import.meta.dirname, '../../../corpus/sense/linux/gpu/fdinfo.json')
const samples = JSON.parse(readFileSync(corpus, 'utf8')) as readonly Sample[]

describe('parseDrmClient', () => {
  it.each(samples)('$origin', ({ text, client }) => {
    const seen = parseDrmClient(text)

    expect(seen === null ? null : { ...seen, engines: Object.fromEntries(seen.engines) }).toEqual(client)
  })

  it('takes a text that was cut at any place', () => {
    for (const { text } of samples) {
      for (let end = 0; end < text.length; end += 1) expect(() => parseDrmClient(text.slice(0, end))).not.toThrow()
    }
  })
})

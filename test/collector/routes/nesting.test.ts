// The depth of JSON from its bytes: brackets in texts do not count, whatever is escaped there.
import { describe, expect, it } from '@jest/globals'
import { nestsDeeper } from '../../../collector/routes/nesting.ts'

const deep = (depth: number): string => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`

describe('nesting', () => {
  it.each([
    ['at the limit', deep(64), false],
    ['beyond it', deep(66), true],
    ['side by side', `[${'[],'.repeat(1_000)}[]]`, false],
    ['in a text', JSON.stringify({ a: `\\"${'['.repeat(1_000)}\\` }), false],
    ['after a text that ends in a backslash', `["\\\\",${deep(66)}]`, true],
    ['never closed', '['.repeat(4_000_000), true],
  ])('%s', (_name, text, isDeeper) => {
    expect(nestsDeeper(Buffer.from(text), 64)).toBe(isDeeper)
  })
})

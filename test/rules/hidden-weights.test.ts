// What a finding says of a model inside another file, and when it is one.
import { describe, expect, it } from '@jest/globals'
import { contentReason, hidingPlace } from '../../rules/hidden-weights.ts'

const part = { path: '/home/a/b.png', sizeBytes: 3_000_000, role: 'weights' } as const

describe('a model inside another file', () => {
  it('is told with the byte at which it begins', () => {
    const hidden = {
      format: 'gguf',
      parts: [{ ...part, offsetBytes: 300_013 }],
      fingerprint: { container: { inside: 'a PNG image', insideAtByte: 300_013 } },
    }

    expect(hidingPlace(hidden)).toEqual({ host: 'a PNG image', offsetBytes: 300_013 })
    expect(contentReason(hidden)).toBe('weights (gguf) begin at byte 300013 of a file that begins as a PNG image')
  })

  it('is not one in a file of its own, in a cache entry, or in a neighbour that is no weights', () => {
    const config = { path: '/home/a/c.json', sizeBytes: 30, role: 'config', offsetBytes: 4 } as const
    const own = { format: 'gguf', parts: [part], fingerprint: {} }
    const cached = { ...own, fingerprint: { container: { inside: 'chromium-cache-entry' } } }

    expect(hidingPlace(own)).toBeNull()
    expect(hidingPlace(cached)).toBeNull()
    expect(hidingPlace({ ...cached, parts: [part, config] })).toBeNull()
    expect(contentReason(own)).toBe('its first bytes and structure are gguf, whatever its name says')
  })
})

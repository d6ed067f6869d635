import { describe, expect, it } from '@jest/globals'
import { checkCollectorUrl } from '../../../agent/report/collector-url.ts'

describe('a collector address', () => {
  for (const [text, expected] of [
    ['https://collector.example:8443', 'https://collector.example:8443'],
    ['https://collector.example/gnomon/', 'https://collector.example/gnomon'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['http://127.1:8080', 'http://127.0.0.1:8080'],
    ['http://localhost:8080/', 'http://localhost:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ] as const) {
    it(`may be ${text}`, () => {
      const result = checkCollectorUrl(text)

      expect(result).toEqual({ ok: true, value: expected })
    })
  }

  for (const text of [
    '',
    'collector.example',
    'http://collector.example',
    'http://10.0.0.5:8080',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://0.0.0.0:8080',
    'ftp://collector.example',
    'file:///etc/passwd',
    'https://user:secret@collector.example',
    'https://collector.example/?x=1',
    'javascript:alert(1)',
  ]) {
    it(`may not be "${text}"`, () => {
      const result = checkCollectorUrl(text)

      expect(result).toMatchObject({ ok: false, failure: { code: 'GNO_SETTINGS_INVALID' } })
    })
  }
})

import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from '@jest/globals'
import { AGENT_VERSION } from '../../agent/version.ts'

it('is the version that the package has', () => {
  const { version } = JSON.parse(readFileSync(join(dirname(dirname(import.meta.dirname)), 'package.json'), 'utf8')) as {
    version: string
  }

  expect(AGENT_VERSION).toBe(version)
})

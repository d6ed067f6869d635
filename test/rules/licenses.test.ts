// Licence ids of the vocabulary against the list of SPDX, which is read from shared/schemas and not copied.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { realPack } from './real-pack.ts'

const list = join(import.meta.dirname, '../../../shared/schemas/cyclonedx/spdx.schema.json')
const isPresent = existsSync(list)
if (!isPresent) console.warn(`schemas: absent, ${list} is not there, so the ids of licences are not checked`)
const check = isPresent ? it : it.skip

describe('licences', () => {
  check('have ids that SPDX knows, where they have one', () => {
    const known = new Set((JSON.parse(readFileSync(list, 'utf8')) as { readonly enum: readonly string[] }).enum)
    const given = [...(realPack.vocabulary.get('licenses')?.values() ?? [])].flatMap(({ spdx }) => spdx ?? [])

    expect(given.filter((id) => !known.has(id))).toEqual([])
    expect(given.length).toBeGreaterThan(12)
  })

  it('stand behind every model: a fact only with its source, and named in the vocabulary', () => {
    const words = realPack.vocabulary.get('licenses')
    const candidates = realPack.models.flatMap((entry) => entry.candidates)

    expect(candidates.filter(({ license }) => license !== undefined && words?.has(license) !== true)).toEqual([])
    expect(
      candidates.filter(({ license, licenseSource }) => license === undefined && licenseSource !== undefined),
    ).toEqual([])
    expect(new Set(candidates.map(({ repo }) => repo)).size).toBe(577)
  })
})

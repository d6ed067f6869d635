// Ids that threats carry are those of the catalogues they name: an analyst looks them up.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { realTree } from './real-pack.ts'

const schemas = join(import.meta.dirname, '../../../shared/schemas')
const isHere = existsSync(schemas)
if (!isHere) console.warn(`skipped: ids are looked up in ${schemas}, which is not here`)
const whereSchemas = isHere ? describe : describe.skip

const ids = new Map(realTree.threats.map(({ id, ids: told = [] }) => [id, told]))
const all = [...new Set([...ids.values()].flat())]
const mitre = (): string =>
  ['mitre-atlas-ids.json', 'mitre-attack-enterprise-ids.json']
    .map((name) => readFileSync(join(schemas, 'mitre', name), 'utf8'))
    .join('\n')

whereSchemas('ids of MITRE', () => {
  it('are those of ATLAS and ATT&CK', () => {
    const known = mitre()
    const named = all.filter((id) => /^(?:AML|T\d)/.test(id))

    expect(named.filter((id) => !known.includes(`"${id}"`))).toEqual([])
    expect(named.length).toBeGreaterThan(5)
  })
})

describe('ids of threats', () => {
  it('are written as their catalogues write them', () => {
    const forms =
      /^(?:AML\.TA?\d{4}(?:\.\d{3})?|T\d{4}(?:\.\d{3})?|LLM(?:0\d|10)|CVE-\d{4}-\d{4,7}|GHSA(?:-[2-9a-z]{4}){3}|[\w.-]+\/[\w.-]+#\d+)$/

    expect(all.filter((id) => !forms.test(id))).toEqual([])
  })

  it('stand with everything that is called malicious', () => {
    const without = realTree.threats.filter(
      ({ id, effect }) => effect === 'malicious' && (ids.get(id)?.length ?? 0) === 0,
    )

    expect(without.map(({ id }) => id)).toEqual([])
  })
})

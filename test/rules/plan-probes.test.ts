// Which metadata requests a candidate is asked, with the pack that ships.
import { describe, expect, it } from '@jest/globals'
import { planProbes } from '../../rules/plan-probes.ts'
import { realPack } from './real-pack.ts'

const idsOf = (entryId: string | null): readonly string[] => planProbes(entryId, realPack).map(({ id }) => id)

describe('planProbes', () => {
  it('asks for imitators before what they imitate', () => {
    const probes = planProbes('ollama', realPack)
    const imitators = new Set(probes.flatMap(({ unless }) => unless ?? []))

    expect(imitators.size).toBeGreaterThan(0)
    expect(
      probes
        .slice(0, imitators.size)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...imitators].sort())
  })

  it('asks an unnamed candidate what tells most products apart, and nothing weak', () => {
    const probes = planProbes(null, realPack)
    const asked = new Set([...new Set(probes.map(({ path }) => path))].slice(0, 12))

    expect(new Set(probes.map(({ strength }) => strength))).toEqual(new Set(['strong']))
    // Of twelve requests the first are those that most products answer each in their own way.
    expect(probes[0]?.path).toBe('/v1/models')
    expect(probes.filter(({ path }) => asked.has(path)).length).toBeGreaterThan(asked.size)
  })

  it('asks nothing of a tool that runs no weights and has no probe', () => {
    const silent = realPack.runtimes.filter(
      ({ probes, runsWeights }) => probes === undefined && runsWeights === 'never',
    )

    expect(silent.length).toBeGreaterThan(0)
    for (const { id } of silent) expect(idsOf(id)).toEqual([])
  })

  it('asks for GET only, of plain paths', () => {
    for (const { method, path } of planProbes(null, realPack)) {
      expect(method).toBe('GET')
      expect(path).toMatch(/^\/[\w./?=&%-]{0,255}$/)
    }
  })
})

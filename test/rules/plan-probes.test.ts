// Which metadata requests a candidate is asked, with the pack that ships.
import { describe, expect, it } from '@jest/globals'
import { planProbes } from '../../rules/plan-probes.ts'
import { realPack } from './real-pack.ts'

/** What a program that serves a model answers, whoever made it (rules/runtimes/engine/unnamed-inference.yaml). */
const ALIKE = [
  'model-list-openai',
  'models-running-ollama',
  'model-list-ollama',
  'server-settings-ggml',
  'model-info-hf',
]
const idsOf = (entryId: string | null): readonly string[] => planProbes(entryId, realPack).map(({ id }) => id)

describe('planProbes', () => {
  it('asks for imitators before what they imitate', () => {
    const probes = planProbes('ollama', realPack)
    const imitators = new Set(probes.flatMap(({ unless }) => unless ?? []))

    expect(imitators.size).toBeGreaterThan(0)
    const before = probes
      .slice(
        0,
        probes.findIndex(({ id }) => id.startsWith('ollama-')),
      )
      .map(({ id }) => id)
    const own = probes.filter(({ id }) => id.startsWith('ollama-')).flatMap(({ unless }) => unless ?? [])
    expect(before.sort()).toEqual([...new Set(own)].sort())
  })

  it('asks a product that runs models what all servers answer alike too, with whoever answers otherwise at the same place', () => {
    for (const id of ['ollama', 'vllm', 'llama-cpp', 'node-llama-cpp', 'ggml-engine', 'unnamed-inference']) {
      expect(idsOf(id)).toEqual(expect.arrayContaining([...ALIKE, 'llama-cpp-models', 'koboldcpp-models', 'tgi-info']))
      expect(new Set(idsOf(id)).size).toBe(idsOf(id).length)
    }
    const client = realPack.runtimes.find(({ probes, runsWeights }) => probes !== undefined && runsWeights === 'never')
    expect(idsOf(client?.id ?? '')).not.toContain('model-list-openai')
  })

  it('asks an unnamed candidate what all servers answer alike, and then what tells most products apart', () => {
    const probes = planProbes(null, realPack)
    const asked = new Set([...new Set(probes.map(({ path }) => path))].slice(0, 12))

    expect(probes.filter(({ strength }) => strength === 'weak').map(({ id }) => id)).toEqual(ALIKE)
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

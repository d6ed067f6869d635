// Adds to the models of a sweep how they stand to one another, and to those that earlier sweeps found.
import type { Artifact } from '../contract/artifact.ts'
import { identifyByKin } from '../rules/identify-artifact.ts'
import { type Relatable, relateArtifacts } from '../rules/relate-artifacts.ts'
import { fitArtifact } from './fit-artifact.ts'
import { relateCheckpoints } from './relate-checkpoints.ts'

/** The same artifacts with their relations, and with what these make of them. Known ones come without samples: they are related by norms and names alone. */
export function relateFound(found: readonly Relatable[], known: Iterable<Artifact>): readonly Artifact[] {
  // A look at the processes alone finds no file; what is known was related when it was found.
  if (found.length === 0) return []
  const paths = new Set(found.map(({ artifact }) => artifact.path))
  const earlier = new Map(
    [...known].filter(({ path }) => !paths.has(path)).map((artifact) => [artifact.path, artifact]),
  )
  const others = [...earlier.values()].map((artifact) => ({ artifact, marks: [] }))
  const relations = relateArtifacts(found, others)
  const runs = relateCheckpoints([...found, ...others].map(({ artifact }) => artifact))
  const byPath = new Map([...earlier, ...found.map(({ artifact }) => [artifact.path, artifact] as const)])
  return found.map(({ artifact }) => {
    const own = relations.get(artifact.path) ?? []
    // What a store or a folder said of its parts stands before what was compared.
    const run = runs.get(artifact.path) ?? []
    const told = [...(artifact.relations ?? []), ...run, ...own].slice(0, MAX_RELATIONS)
    if (told.length === 0) return artifact
    return fitArtifact({ ...artifact, identifications: identifyByKin(artifact, told, byPath), relations: told })
  })
}

/** What the wire carries (contract/artifact.ts). */
const MAX_RELATIONS = 32

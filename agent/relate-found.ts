// Adds to the models of a sweep how they stand to one another, and to those that earlier sweeps found.
import type { Artifact } from '../contract/artifact.ts'
import { type Relatable, relateArtifacts } from '../rules/relate-artifacts.ts'

/** The same artifacts with their relations. Known ones come without samples: they are related by norms and names alone. */
export function relateFound(found: readonly Relatable[], known: Iterable<Artifact>): readonly Artifact[] {
  const paths = new Set(found.map(({ artifact }) => artifact.path))
  const earlier = new Map(
    [...known].filter(({ path }) => !paths.has(path)).map((artifact) => [artifact.path, artifact]),
  )
  const others = [...earlier.values()].map((artifact) => ({ artifact, marks: [] }))
  const relations = relateArtifacts([...found, ...others])
  return found.map(({ artifact }) => {
    const own = relations.get(artifact.path) ?? []
    // What a store or a folder said of its parts stands before what was compared.
    const told = [...(artifact.relations ?? []), ...own].slice(0, MAX_RELATIONS)
    return told.length === 0 ? artifact : { ...artifact, relations: told }
  })
}

/** What the wire carries (contract/artifact.ts). */
const MAX_RELATIONS = 32

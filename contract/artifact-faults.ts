// Where an artifact breaks its schema, in words that need no schema library.
import { artifactSchema } from './artifact.ts'

export interface ArtifactFault {
  /** Keys and indexes that lead to the value. */
  readonly path: readonly PropertyKey[]
  /** The most that may be there, of what is too long or too large. */
  readonly maximum?: number
}

/** Every fault of an artifact; none where the wire takes it. */
export function faultsOf(artifact: unknown): readonly ArtifactFault[] {
  const checked = artifactSchema.safeParse(artifact)
  if (checked.success) return []
  return checked.error.issues.map((issue) =>
    issue.code === 'too_big' ? { path: issue.path, maximum: Number(issue.maximum) } : { path: issue.path },
  )
}

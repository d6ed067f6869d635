// Adds to the models of a look how they came to this machine.
import { isAbsolute } from 'node:path'
import type { Artifact } from '../contract/artifact.ts'
import type { FileIdentity, Platform } from '../contract/observation.ts'
import type { Gap } from '../contract/wire.ts'
import { describeArrivals } from './sense/arrival.ts'

export interface Arrived {
  readonly artifact: Artifact
  readonly identities: readonly FileIdentity[]
}

/** The same models with their arrival, and what could not be asked. The marks of a model of many files are those of its first. */
export async function addArrivals<T extends Arrived>(
  found: readonly T[],
  how: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<{ readonly found: readonly T[]; readonly gaps: readonly Gap[] }> {
  const files = found
    .map(({ artifact, identities }) => ({ path: firstFileOf(artifact), dev: identities[0]?.dev ?? '0' }))
    // A file in a container has no path here.
    .filter(({ path }) => isAbsolute(path))
  const { byPath, gaps } = await describeArrivals(files, how)
  const arrived = found.map((each) => {
    const arrival = byPath.get(firstFileOf(each.artifact))
    return arrival === undefined ? each : { ...each, artifact: { ...each.artifact, arrival } }
  })
  return { found: arrived, gaps }
}

function firstFileOf({ parts, path }: Artifact): string {
  return parts.find(({ role }) => role === 'weights')?.path ?? path
}

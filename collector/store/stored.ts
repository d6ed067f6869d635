// Reading back what the store itself wrote. A body that breaks its schema is a broken promise of our own, so it throws.
import { type Artifact, artifactSchema } from '../../contract/artifact.ts'
import { type Finding, findingSchema } from '../../contract/finding.ts'
import { type Coverage, type Host, coverageSchema, hostSchema } from '../../contract/report.ts'
import { type Runtime, runtimeSchema } from '../../contract/runtime.ts'
import { type Gap, gapSchema } from '../../contract/wire.ts'

/** The artifact of a stored body. */
export function parseArtifact(body: string): Artifact {
  return artifactSchema.parse(JSON.parse(body))
}

/** The runtime of a stored body. */
export function parseRuntime(body: string): Runtime {
  return runtimeSchema.parse(JSON.parse(body))
}

/** The finding of a stored body. */
export function parseFinding(body: string): Finding {
  return findingSchema.parse(JSON.parse(body))
}

/** The host facts of a stored body; null before the first report. */
export function parseHost(body: string | null): Host | null {
  return body === null ? null : hostSchema.parse(JSON.parse(body))
}

/** The coverage list of a stored body. */
export function parseCoverage(body: string): readonly Coverage[] {
  return coverageSchema.array().parse(JSON.parse(body))
}

/** The gaps of a stored body. */
export function parseGaps(body: string): readonly Gap[] {
  return gapSchema.array().parse(JSON.parse(body))
}

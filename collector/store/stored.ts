// Reading back what the store itself wrote. A body that breaks its schema is a broken promise of our own, so it throws.
import { type Artifact, artifactSchema } from '../../contract/artifact.ts'
import { type Finding, findingSchema } from '../../contract/finding.ts'
import { type Coverage, type Host, coverageSchema, hostSchema } from '../../contract/report.ts'
import { type Installation, installationSchema } from '../../contract/installation.ts'
import { type Runtime, runtimeSchema } from '../../contract/runtime.ts'
import { type Gap, gapSchema, sha256Hex } from '../../contract/wire.ts'

/** Older programs let half surrogate pairs in, which no schema takes any more; JSON holds them as escapes. */
function parseBody(body: string): unknown {
  if (!body.includes('\\ud')) return JSON.parse(body)
  return JSON.parse(body, (_key, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value))
}

/** The artifact of a stored body. */
export function parseArtifact(body: string): Artifact {
  return artifactSchema.parse(parseBody(body))
}

/** The runtime of a stored body. */
export function parseRuntime(body: string): Runtime {
  return runtimeSchema.parse(parseBody(body))
}

/** The installation of a stored body. */
export function parseInstallation(body: string): Installation {
  return installationSchema.parse(parseBody(body))
}

/** The finding of a stored body. */
export function parseFinding(body: string): Finding {
  return findingSchema.parse(parseBody(body))
}

/** The host facts of a stored body; null before the first report. */
export function parseHost(body: string | null): Host | null {
  return body === null ? null : hostSchema.parse(parseBody(body))
}

/** The coverage list of a stored body. */
export function parseCoverage(body: string): readonly Coverage[] {
  return coverageSchema.array().parse(parseBody(body))
}

/** The gaps of a stored body. */
export function parseGaps(body: string): readonly Gap[] {
  return gapSchema.array().parse(parseBody(body))
}

/** The ends of branches of a stored chain. */
export function parseTips(body: string): readonly string[] {
  return sha256Hex.array().parse(parseBody(body))
}

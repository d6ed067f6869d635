// A model that begins somewhere inside a file of another kind, as an artifact tells it: in which file, and at which byte.
import type { Artifact } from '../contract/artifact.ts'

export interface HidingPlace {
  /** What the file begins as: `a PNG image`. */
  readonly host: string
  readonly offsetBytes: number
}

/** Null for a model with a file of its own. A cache entry is no hiding place: its part has no offset. */
export function hidingPlace({ parts, fingerprint }: Pick<Artifact, 'parts' | 'fingerprint'>): HidingPlace | null {
  const offsetBytes = parts.find(({ role }) => role === 'weights')?.offsetBytes
  const host = fingerprint.container?.['inside']
  return offsetBytes === undefined || typeof host !== 'string' ? null : { host, offsetBytes }
}

/** The first reason of a finding: what its content is, and where that lies. */
export function contentReason(artifact: Pick<Artifact, 'parts' | 'fingerprint' | 'format'>): string {
  const { format } = artifact
  const hiding = hidingPlace(artifact)
  if (format === null)
    return 'its first bytes are those of no known format; its other content and its neighbours say what it is'
  return hiding === null
    ? `its first bytes and structure are ${format}, whatever its name says`
    : `weights (${format}) begin at byte ${hiding.offsetBytes} of a file that begins as ${hiding.host}`
}

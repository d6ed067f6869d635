// Turns what was read of a model into an artifact: adds who it may be, and whether it is a registered decoy.
import type { Artifact } from '../contract/artifact.ts'
import type { LoadScan } from '../contract/threat.ts'
import { describeModel } from '../rules/describe-model.ts'
import { keepGravest } from '../rules/gravest-actions.ts'
import { identifyArtifact } from '../rules/identify-artifact.ts'
import { judgeThreats } from '../rules/judge-threats.ts'
import { memoryNeedOf } from '../rules/memory-need.ts'
import type { Pack } from '../rules/pack.ts'
import { fitArtifact } from './fit-artifact.ts'
import type { DraftArtifact } from './read/read-candidates.ts'

export interface FinishOptions {
  readonly pack: Pack
  /** Asks the agent's own state; nothing in the file can answer this. */
  readonly isSimulated: (sha256: string) => boolean
}

/** Identifies a draft. The file identities stay behind: they mean nothing on another machine. */
export function finishArtifact(draft: DraftArtifact, options: FinishOptions): Artifact {
  const { identities: _identities, marks: _marks, isData: _isData, ...read } = draft
  const sha256 = draft.fingerprint.content?.sha256
  const { structure } = draft.fingerprint
  const summary = structure === undefined ? undefined : describeModel(structure)
  const memoryNeed = memoryNeedOf(structure, draft.sizeBytes)
  const { scan } = draft
  return fitArtifact({
    ...read,
    ...(scan === undefined ? {} : { scan: withoutListings(keepGravest(scan, options.pack.threats)) }),
    ...(summary === undefined ? {} : { summary }),
    ...(memoryNeed === undefined ? {} : { memoryNeed }),
    identifications: identifyArtifact(draft, options.pack),
    ...judgeThreats(draft.scan, draft.verdict, options.pack),
    simulated: sha256 !== undefined && options.isSimulated(sha256),
  })
}

/** Threats keep the lines around their places; those around harmless calls are of no use to anybody. */
function withoutListings(scan: LoadScan): LoadScan {
  return { ...scan, actions: scan.actions.map(({ listing: _listing, ...action }) => action) }
}

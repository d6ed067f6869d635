// Checkpoints of training belong to the run that wrote them: `checkpoint-N` (transformers) and `global_stepN` (DeepSpeed) lie in the
// folder of their run. The place is all that says so, and the relation says that.
import type { Artifact, Relation } from '../contract/artifact.ts'

const CHECKPOINT = /^(?:checkpoint-|global_step)(\d{1,12})$/

/** For each artifact in the folder of a checkpoint, by path, how it stands to the run around it. */
export function relateCheckpoints(artifacts: readonly Artifact[]): ReadonlyMap<string, readonly Relation[]> {
  const inside = artifacts.flatMap((artifact) => {
    const folder = folderOf(artifact)
    const step = CHECKPOINT.exec(lastOf(folder))?.[1]
    return step === undefined ? [] : [{ artifact, run: parentOf(folder), step }]
  })
  const wanted = new Set(inside.map(({ run }) => run))
  const runs = new Map<string, Artifact>()
  for (const artifact of inside.length === 0 ? [] : artifacts) {
    const folder = folderOf(artifact)
    const known = runs.get(folder)
    // The model that the run ended with says more than its state or its configuration.
    if (wanted.has(folder) && (known === undefined || rank(artifact) < rank(known))) runs.set(folder, artifact)
  }
  return new Map(
    inside.flatMap(({ artifact, run, step }) => {
      const parent = runs.get(run)
      return parent === undefined ? [] : [[artifact.path, [relationTo(parent, step)]]]
    }),
  )
}

function relationTo({ path, artifactId }: Artifact, step: string): Relation {
  return {
    kind: 'checkpoint-of',
    path,
    artifactId,
    because: [`it lies in a checkpoint folder of this run, written at step ${Number(step)}`],
  }
}

function rank({ kind }: Artifact): number {
  if (kind === 'leftover') return 2
  return kind === 'folder' ? 0 : 1
}

/** The folder that an artifact is, or that it lies in. */
function folderOf({ kind, path, parts }: Artifact): string {
  const isFolder = kind === 'folder' && !parts.some((part) => part.path === path)
  return isFolder ? path : parentOf(path)
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'), path.lastIndexOf('\\')))
}

function lastOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
}

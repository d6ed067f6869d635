// What a policy may ask about an artifact, and the reasons that a finding about it will carry.
import type { Artifact } from '../contract/artifact.ts'
import { artifactEvidence, baseName, cut, describeRelations, describeStructure, listOf } from './artifact-evidence.ts'
import { type Contradiction, contradictions } from './contradictions.ts'
import { kindWord } from './describe-model.ts'
import { contentReason, hidingPlace } from './hidden-weights.ts'
import { type JudgeSubject, MAX_LABEL_CHARS, type SubjectModel } from './judge-subject.ts'
import type { FieldValue } from './operators.ts'
import type { Pack } from './pack.ts'

const NO_WEAKNESSES: ReadonlySet<string> = new Set()

/** An artifact, with its contradictions worked out; `weaknesses` are those of programs on the same host, by CVE or advisory id. */
export function artifactSubject(
  artifact: Artifact,
  pack: Pack,
  weaknesses: ReadonlySet<string> = NO_WEAKNESSES,
): JudgeSubject {
  const { structure, claims, content, training } = artifact.fingerprint
  const [best] = artifact.identifications
  const found = contradictions(artifact, pack)
  const fields = new Map<string, readonly FieldValue[]>([
    ['verdict', [artifact.verdict]],
    ['artifactKind', [artifact.kind]],
    ['format', listOf(artifact.format)],
    ['dialect', listOf(artifact.dialect)],
    ['store', listOf(artifact.store?.id)],
    ['trainingKind', listOf(training?.kind)],
    ['hiddenIn', listOf(hidingPlace(artifact)?.host)],
    ['structureKind', listOf(structure?.kind)],
    ['architecture', listOf(structure?.architecture)],
    ['tensorCount', listOf(structure?.tensorCount)],
    ['parameterCount', listOf(structure?.parameterCount)],
    ['sizeBytes', [artifact.sizeBytes]],
    ['family', listOf(best?.family)],
    ['license', [...new Set([...listOf(best?.license), ...listOf(claims?.license)])]],
    ['rung', listOf(best?.rung)],
    ['identificationConfidence', listOf(best?.confidence)],
    ['contradictions', [found.length]],
    ['threat', artifact.threats.map(({ id }) => id)],
    ['aimedWeakness', aimedAt(artifact, weaknesses)],
    ['gapCode', [...new Set(artifact.gaps.map((gap) => gap.code))]],
  ])
  return {
    kind: 'artifact',
    key: artifact.path,
    label: `${describeModel(artifact)} in ${baseName(artifact.path)}`.slice(0, MAX_LABEL_CHARS),
    fields,
    confidence: content !== undefined && best?.confidence === 'certain' ? 'certain' : 'likely',
    because: artifactReasons(artifact, found),
    evidence: artifactEvidence(artifact, found),
    artifactIds: [artifact.artifactId],
    models: [modelOf(artifact)],
    simulated: artifact.simulated,
  }
}

/** The artifact as approvals see it. */
export function modelOf(artifact: Artifact): SubjectModel {
  const [best] = artifact.identifications
  return {
    path: artifact.path,
    digests: weightDigests(artifact),
    family: best?.family,
    license: best?.license ?? artifact.fingerprint.claims?.license,
  }
}

/** Where several files make one model: a file that could not be looked at may be anything. */
const HIDES_A_PART: ReadonlySet<string> = new Set([
  'GNO_READ_PART_MISSING',
  'GNO_READ_DENIED',
  'GNO_READ_VANISHED',
  'GNO_READ_IO',
  'GNO_READ_INTERRUPTED',
])

function isWeights(part: Artifact['parts'][number]): boolean {
  return part.role === 'weights'
}

function weightDigests(artifact: Artifact): readonly (string | undefined)[] {
  const digests = artifact.parts.filter(isWeights).map((part) => part.sha256)
  const told = artifact.parts.reduce((sum, part) => sum + part.sizeBytes, 0)
  const isHidden = artifact.kind !== 'file' && artifact.gaps.some((gap) => HIDES_A_PART.has(gap.code))
  // The list of parts is cut at a limit; the size is that of all of them.
  return isHidden || told !== artifact.sizeBytes ? [...digests, undefined] : digests
}

/** Every artifact by its own path and by those of its weights: a process maps a shard, and not the folder. */
export function weightsByPath(artifacts: readonly Artifact[]): ReadonlyMap<string, Artifact> {
  const byPath = new Map<string, Artifact>()
  for (const artifact of artifacts) {
    for (const { path } of artifact.parts.filter(isWeights)) byPath.set(path, artifact)
  }
  for (const artifact of artifacts) byPath.set(artifact.path, artifact)
  return byPath
}

function describeModel(artifact: Artifact): string {
  const [best] = artifact.identifications
  const { structure } = artifact.fingerprint
  const quantization = structure?.quantization === undefined ? '' : ` ${structure.quantization}`
  if (best !== undefined) return `${best.model}${quantization} (${best.confidence})`
  const { training } = artifact.fingerprint
  if (training !== undefined) return `${training.optimizer ?? training.framework ?? 'training'} ${training.kind}`
  const noun = structure === undefined ? 'model' : kindWord(structure)
  return `${structure?.architecture ?? artifact.format ?? 'unknown'}${quantization} ${noun}`
}

function artifactReasons(artifact: Artifact, found: readonly Contradiction[]): readonly string[] {
  const { structure } = artifact.fingerprint
  const reasons = [contentReason(artifact)]
  if (structure !== undefined) reasons.push(artifact.summary ?? describeStructure(structure))
  reasons.push(...found.map((each) => `${each.claim}, but ${each.observed}`))
  reasons.push(...(artifact.identifications[0]?.because ?? []))
  const related = describeRelations(artifact)
  if (related !== undefined) reasons.push(`on this machine it is: ${related}`)
  if (artifact.verdict === 'malformed') reasons.push(...damageOf(artifact))
  reasons.push(...threatReasons(artifact))
  return reasons.map(cut)
}

/** What would happen, before where it was seen: the first threats tell the story. */
function threatReasons({ threats }: Artifact): readonly string[] {
  return threats.slice(0, 8).map(({ id, title = id, because }) => `${title}: ${because.slice(0, 4).join('; ')}`)
}

function aimedAt({ threats }: Artifact, weaknesses: ReadonlySet<string>): readonly string[] {
  return [...new Set(threats.flatMap(({ ids = [] }) => ids.filter((id) => weaknesses.has(id))))]
}

/** The first damage tells the story; all of it stands in the evidence. */
function damageOf({ gaps }: Artifact): readonly string[] {
  const damage = gaps.filter(({ code }) => code.startsWith('GNO_READ_') && code !== 'GNO_READ_SKIPPED')
  return damage.slice(0, 3).map(({ code, detail }) => `${code}: ${detail}`)
}

// How the models of one machine stand to one another: copies, edits, one ancestry, adapters and their bases (rungs 4 to 6).
import type { Artifact, Relation } from '../contract/artifact.ts'
import type { Structure } from '../contract/fingerprint.ts'
import { type LineageComparison, compareLineage } from './compare-lineage.ts'
import { type TensorMark, mapEdits } from './edit-map.ts'
import { claimedNames } from './name-words.ts'

/** A model with the samples of its tensors. */
export interface Relatable {
  readonly artifact: Artifact
  readonly marks: readonly TensorMark[]
}

/** Most relations of one artifact over the wire. */
const MAX_RELATIONS = 32
/** A pair takes about a millisecond; a machine with hundreds of variants of one model is told the first pairs (CWE-400). */
const MAX_PAIRS = 1_000
/** An edit leaves at least half of the samples as they were; less is another model of the same layout. */
const EDIT_SHARE = 0.5

/** Path -> relations of that artifact. */
export type Relations = ReadonlyMap<string, readonly Relation[]>

/** Relates every artifact of a sweep with the others. */
export function relateArtifacts(found: readonly Relatable[]): Relations {
  const relations = new Map<string, Relation[]>()
  const tell = (of: Artifact, other: Artifact, what: Pick<Relation, 'kind' | 'because' | 'similarity'>): void => {
    const known = relations.get(of.path)
    const relation = { ...describeOther(other), ...what }
    if (known === undefined) relations.set(of.path, [relation])
    else if (known.length < MAX_RELATIONS) known.push(relation)
  }
  for (const pair of pairsOf(found, sameContentKey)) tellBoth(pair, tell, copyOf(pair))
  for (const { artifact } of found) tellBase(artifact, found, tell)
  for (const pair of pairsOf(found, ancestryKey)) relatePair(pair, tell)
  return relations
}

type Tell = (of: Artifact, other: Artifact, what: Pick<Relation, 'kind' | 'because' | 'similarity'>) => void
type Pair = readonly [Relatable, Relatable]

function describeOther(other: Artifact): Pick<Relation, 'path' | 'artifactId' | 'model' | 'license'> {
  const best = other.identifications.find(({ confidence }) => confidence !== 'possible')
  const { path, artifactId } = other
  return {
    path,
    artifactId,
    ...(best === undefined ? {} : { model: best.model }),
    ...(best?.license === undefined ? {} : { license: best.license }),
  }
}

/** Pairs of those that have the same key, in the order they were found; the first so many. */
function pairsOf(found: readonly Relatable[], keyOf: (artifact: Artifact) => string | undefined): readonly Pair[] {
  const groups = new Map<string, Relatable[]>()
  const pairs: Pair[] = []
  for (const each of found) {
    const key = keyOf(each.artifact)
    if (key === undefined) continue
    const group = groups.get(key) ?? []
    groups.set(key, group)
    pairs.push(...group.slice(0, MAX_PAIRS - pairs.length).map((other): Pair => [other, each]))
    group.push(each)
  }
  return pairs
}

function sameContentKey({ artifactId, sizeBytes, fingerprint }: Artifact): string | undefined {
  return fingerprint.structure === undefined ? undefined : `${sizeBytes} ${artifactId}`
}

/** Models of one architecture and width may share blocks, whatever their depth is. */
function ancestryKey({ fingerprint }: Artifact): string | undefined {
  const { structure, lineage } = fingerprint
  if (structure?.kind !== 'text' || lineage === undefined) return undefined
  return `${structure.architecture ?? ''} ${structure.embeddingWidth ?? 0}`
}

function copyOf([{ artifact }, { artifact: other }]: Pair): Pick<Relation, 'kind' | 'because' | 'similarity'> {
  const [one, two] = [artifact.fingerprint.content?.sha256, other.fingerprint.content?.sha256]
  const isProven = one !== undefined && one === two
  const because = isProven ? `both have SHA-256 ${one}` : 'same size and same samples; not all of it was read'
  return { kind: 'same-content', because: [because], similarity: 1 }
}

function tellBoth(
  [{ artifact }, { artifact: other }]: Pair,
  tell: Tell,
  what: Pick<Relation, 'kind' | 'because' | 'similarity'>,
): void {
  tell(artifact, other, what)
  tell(other, artifact, what)
}

function relatePair(pair: Pair, tell: Tell): void {
  const [{ artifact: left, marks: before }, { artifact: right, marks: after }] = pair
  const [a, b] = [left.fingerprint.lineage, right.fingerprint.lineage]
  if (a === undefined || b === undefined || left.artifactId === right.artifactId) return
  const compared = compareLineage(a, b)
  tellRefutedBase(left, right, compared, tell)
  tellRefutedBase(right, left, compared, tell)
  const { relation, similarity, because } = compared
  if (relation === 'unrelated' || relation === 'unknown') return
  const forth = editWords(before, after)
  const back = editWords(after, before)
  const kind = forth === undefined ? relation : 'edit-of'
  tell(right, left, { kind, similarity, because: forth === undefined ? because : [...forth, ...because] })
  tell(left, right, { kind, similarity, because: back === undefined ? because : [...back, ...because] })
}

/** What was edited, where most of the samples are as they were. */
function editWords(before: readonly TensorMark[], after: readonly TensorMark[]): readonly string[] | undefined {
  const { equal, compared, words } = mapEdits(before, after)
  const total = Math.max(before.length, after.length)
  return equal > 0 && compared > 0 && equal >= total * EDIT_SHARE ? words : undefined
}

/** An adapter is linked to the model that it names; where nothing here bears that name, its claim stands alone. */
function tellBase(artifact: Artifact, found: readonly Relatable[], tell: Tell): void {
  if (artifact.fingerprint.structure?.kind !== 'adapter') return
  for (const { artifact: other } of found) {
    if (other === artifact || !isNamedBase(artifact, other)) continue
    const name = baseNames(artifact)[0] ?? ''
    tell(artifact, other, {
      kind: 'adapter-of',
      because: [`it names "${name}" as its base, which the other file calls itself`],
    })
  }
}

function tellRefutedBase(artifact: Artifact, other: Artifact, compared: LineageComparison, tell: Tell): void {
  const { structure } = artifact.fingerprint
  if (compared.relation !== 'unrelated' || !isNamedBase(artifact, other) || !isSameShape(structure, other)) return
  const because = [`it names this as its base, and of one shape their norms are strangers`, ...compared.because]
  tell(artifact, other, { kind: 'refuted-base', similarity: compared.similarity, because })
}

/** A pruned or widened descendant can look like a stranger: only models of one shape are compared to refute. */
function isSameShape(structure: Structure | undefined, { fingerprint }: Artifact): boolean {
  const digest = structure?.architectureDigest
  return digest !== undefined && digest === fingerprint.structure?.architectureDigest
}

function baseNames({ fingerprint }: Artifact): readonly string[] {
  const bases = fingerprint.claims?.baseModels ?? []
  return bases.flatMap(({ name, repoUrl }) => [repoUrl ?? '', name ?? '']).filter((name) => name !== '')
}

function isNamedBase(artifact: Artifact, other: Artifact): boolean {
  const wanted = new Set(baseNames(artifact).map(plainName))
  const claims = other.fingerprint.claims
  const names = [...(claims === undefined ? [] : claimedNames(claims)), other.store?.name ?? '']
  return names.some((name) => name !== '' && wanted.has(plainName(name)))
}

/** `meta-llama/Llama-3.1-8B`, its address and `llama 3.1 8b` are one name. */
function plainName(name: string): string {
  const last = name.toLowerCase().split('/').at(-1) ?? ''
  let plain = ''
  for (const character of last) {
    const isKept = (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character === '.'
    if (isKept) plain += character
  }
  return plain
}

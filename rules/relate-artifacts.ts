// How the models of one machine stand to one another: copies, edits, one ancestry, adapters and their bases (rungs 4 to 6).
import type { Artifact, Relation } from '../contract/artifact.ts'
import type { Structure } from '../contract/fingerprint.ts'
import { type LineageComparison, compareLineage } from './compare-lineage.ts'
import { type EditMap, type TensorMark, mapEdits } from './edit-map.ts'
import { certainOf } from './identify-artifact.ts'
import { findBases, isNamedAs } from './relate-adapter.ts'

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

/**
 * Relates every artifact of a look with the others, and with those of earlier looks; the earlier ones were related among themselves
 * when they were found. Those that are known by their content come first: no flood of copies hides them.
 */
export function relateArtifacts(looked: readonly Relatable[], earlier: readonly Relatable[] = []): Relations {
  const isKnown = ({ artifact }: Relatable): boolean => certainOf(artifact) !== undefined
  const all = looked.length === 0 ? [] : [...looked, ...earlier]
  const found = [...all.filter(isKnown), ...all.filter((each) => !isKnown(each))]
  const isNew = new Set(looked)
  const pairs = (keyOf: (artifact: Artifact) => string | undefined): readonly Pair[] => pairsOf(found, keyOf, isNew)
  const relations = new Map<string, Relation[]>()
  const tell: Tell = (of, other, what) => {
    const known = relations.get(of.path)
    const relation = { ...describeOther(other), ...what }
    if (known === undefined) relations.set(of.path, [relation])
    else if (known.length < MAX_RELATIONS) known.push(relation)
  }
  for (const pair of pairs(sameContentKey)) tellBoth(pair, tell, copyOf(pair))
  for (const each of looked) tellBases(each, found, tell)
  for (const pair of pairs(normKey)) relatePair(pair, tell)
  for (const pair of pairs(ancestryKey)) if (!haveSameNorms(pair)) relatePair(pair, tell)
  return relations
}

type Tell = (of: Artifact, other: Artifact, what: Pick<Relation, 'kind' | 'because' | 'similarity'>) => void
type Pair = readonly [Relatable, Relatable]

/** The licence is told only where the content itself is known: what follows from it accuses other files. */
function describeOther(other: Artifact): Pick<Relation, 'path' | 'artifactId' | 'model' | 'license'> {
  const best = other.identifications.find(({ confidence }) => confidence !== 'possible')
  const license = certainOf(other)?.license
  const { path, artifactId } = other
  return {
    path,
    artifactId,
    ...(best === undefined ? {} : { model: best.model }),
    ...(license === undefined ? {} : { license }),
  }
}

/** Pairs of those that have the same key and of which one is new, all of the first one of a key before those of the next; the first so many. */
function pairsOf(
  found: readonly Relatable[],
  keyOf: (artifact: Artifact) => string | undefined,
  isNew: ReadonlySet<Relatable>,
): readonly Pair[] {
  const groups = new Map<string, Relatable[]>()
  for (const each of found) {
    const key = keyOf(each.artifact)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [each])
    else group.push(each)
  }
  const pairs: Pair[] = []
  const places = [...groups.values()].flatMap((group) => group.map((one, index) => ({ group, one, index })))
  for (const { group, one, index } of places) {
    if (pairs.length === MAX_PAIRS) break
    const after = group.slice(index + 1)
    const rest = isNew.has(one) ? after : after.filter((other) => isNew.has(other))
    pairs.push(...rest.slice(0, MAX_PAIRS - pairs.length).map((other): Pair => [one, other]))
  }
  return pairs
}

/** The id is made of the weights' size and samples: a folder and a bare copy of its weights have the same one. */
function sameContentKey({ artifactId, fingerprint }: Artifact): string | undefined {
  return fingerprint.structure === undefined ? undefined : artifactId
}

/** Equal norms tell by themselves, whatever shape or kind a file without its configuration seems to have. */
function normKey({ fingerprint }: Artifact): string | undefined {
  return fingerprint.lineage?.normDigest
}

function haveSameNorms([{ artifact }, { artifact: other }]: Pair): boolean {
  return normKey(artifact) === normKey(other)
}

/** Models of one width whose blocks begin with the same norm may share blocks, whatever their depth is and whatever they are called. */
function ancestryKey({ fingerprint }: Artifact): string | undefined {
  const { structure, lineage } = fingerprint
  if (structure?.kind !== 'text' || lineage === undefined) return undefined
  return `${structure.embeddingWidth ?? 0} ${lineage.roles[0] ?? ''}`
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
  const isWhole = !isPart(left) && !isPart(right)
  const forth = isWhole ? describeEdit(before, after) : null
  const back = isWhole ? describeEdit(after, before) : null
  // A merge takes over some blocks whole: it is not an edit of one of its parents.
  const kind = relation !== 'merged' && forth?.isEdit === true ? 'edit-of' : relation
  tell(right, left, { kind, similarity, because: [...(forth?.words ?? []), ...because] })
  tell(left, right, { kind, similarity, because: [...(back?.words ?? []), ...because] })
}

/** What lies in a missing part was not removed by anybody. */
function isPart({ gaps }: Artifact): boolean {
  return gaps.some(({ code }) => code === 'GNO_READ_PART_MISSING')
}

/** What was edited, where most of the samples are as they were; `isEdit` is false where nothing was. */
function describeEdit(
  before: readonly TensorMark[],
  after: readonly TensorMark[],
): { readonly words: readonly string[]; readonly isEdit: boolean } | null {
  const edits = mapEdits(before, after)
  const total = Math.max(before.length, after.length)
  if (edits.equal === 0 || edits.equal < total * EDIT_SHARE) return null
  return { words: edits.words, isEdit: isChanged(edits) }
}

function isChanged({ differing, added, removed, retyped, moved }: EditMap): boolean {
  return [differing, added, removed, retyped, moved].some((list) => list.length > 0)
}

function tellBases(adapter: Relatable, found: readonly Relatable[], tell: Tell): void {
  for (const { artifact, because } of findBases(adapter, found))
    tell(adapter.artifact, artifact, { kind: 'adapter-of', because: [because] })
}

/** A name can be planted beside an honest file: only a base whose content is known under that name refutes. */
function tellRefutedBase(artifact: Artifact, other: Artifact, compared: LineageComparison, tell: Tell): void {
  const { structure } = artifact.fingerprint
  if (compared.relation !== 'unrelated' || !isSameShape(structure, other)) return
  const known = certainOf(other)
  if (known === undefined || !isNamedAs(artifact, known.model)) return
  const because = [`it names this as its base, and of one shape their norms are strangers`, ...compared.because]
  tell(artifact, other, { kind: 'refuted-base', similarity: compared.similarity, because })
}

/** A pruned or widened descendant can look like a stranger: only models of one shape are compared to refute. */
function isSameShape(structure: Structure | undefined, { fingerprint }: Artifact): boolean {
  const digest = structure?.architectureDigest
  return digest !== undefined && digest === fingerprint.structure?.architectureDigest
}

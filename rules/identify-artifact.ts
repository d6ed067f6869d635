// Which model is this file? Each rung of the ladder answers for itself and says so (DESIGN.md section 3).
import type { Artifact, Identification, Relation } from '../contract/artifact.ts'
import type { Fingerprint } from '../contract/fingerprint.ts'
import { type Confidence, MAX_NAME_CHARS } from '../contract/wire.ts'
import type { Candidate } from '../contract/rule-pack.ts'
import { DERIVED_SIMILARITY } from './compare-lineage.ts'
import type { KnownFile } from './digest-table.ts'
import { claimedNames, familiesIn, wordsOf } from './name-words.ts'
import type { Pack } from './pack.ts'
import { type StructureMatch, matchStructure } from './structure-match.ts'

export interface ArtifactFacts {
  readonly format: string | null
  readonly path: string
  readonly sizeBytes: number
  readonly fingerprint: Fingerprint
}

const ORDER: Readonly<Record<Confidence, number>> = { certain: 0, likely: 1, possible: 2 }
const MAX_CANDIDATES = 64
const MAX_IDENTIFICATIONS = 32
/** Models that kinship names for one artifact; a descendant of more is none of them. */
const MAX_KIN = 4
/** Leaves room for the sentence around a path. */
const MAX_PATH_CHARS = 1_024

/** All answers, the surest first: content digest, the digest its place claims, norms, tokenizer with structure, structure alone, its own name. */
export function identifyArtifact(facts: ArtifactFacts, pack: Pack): readonly Identification[] {
  const found = [
    ...byContent(facts, pack),
    ...byPlace(facts, pack),
    ...byLineage(facts, pack),
    ...byTokenizer(facts, pack),
    ...byStructure(facts, pack),
    ...byClaim(facts, pack),
  ]
  return surestFirst(found)
}

function surestFirst(found: readonly Identification[]): readonly Identification[] {
  return [...found]
    .sort((left, right) => ORDER[left.confidence] - ORDER[right.confidence] || right.rung - left.rung)
    .slice(0, MAX_IDENTIFICATIONS)
}

/** The one answer that its content gave. What names, norms or kin say is never among these. */
export function certainOf({ identifications }: Pick<Artifact, 'identifications'>): Identification | undefined {
  return identifications.find(({ rung, confidence }) => rung === 6 && confidence === 'certain')
}

/** Adds what an artifact is by kinship: only with one whose content is known, so that no name and no decoy vouches for another. */
export function identifyByKin(
  artifact: Artifact,
  relations: readonly Relation[],
  known: ReadonlyMap<string, Artifact>,
): readonly Identification[] {
  if (certainOf(artifact) !== undefined) return artifact.identifications
  const found = new Map<string, Identification>()
  for (const relation of relations) {
    const kin = known.get(relation.path)
    const certain = kin === undefined ? undefined : certainOf(kin)
    const bond = kinBond(relation)
    if (certain === undefined || bond === undefined || found.size === MAX_KIN) continue
    // The closest kin speaks where several are one model.
    const before = found.get(certain.model)
    if (before !== undefined && before.rung >= bond.rung) continue
    const because = [
      `${bond.words} those of ${relation.path.slice(0, MAX_PATH_CHARS).toWellFormed()}, whose SHA-256 is known as ${certain.model}`,
    ]
    found.set(certain.model, { ...certain, rung: bond.rung, confidence: 'likely', candidates: [], because })
  }
  return surestFirst([...artifact.identifications, ...found.values()])
}

/** What a relation proves of the model, if anything: a merge has several parents, a checkpoint and an adapter are not their run or base. */
function kinBond({ kind, similarity = 0 }: Relation): { readonly rung: number; readonly words: string } | undefined {
  if (kind === 'same-content') return { rung: 5, words: 'its size and all its samples are' }
  if (kind === 'same-norms') return { rung: 4, words: 'its norms are' }
  if (kind === 'edit-of') return { rung: 4, words: 'its norms and most of its samples are' }
  if (kind !== 'derived' || similarity < DERIVED_SIMILARITY) return undefined
  return { rung: 4, words: `its norms descend (similarity ${similarity.toFixed(2)}) from` }
}

function byContent({ fingerprint }: ArtifactFacts, pack: Pack): readonly Identification[] {
  const sha256 = fingerprint.content?.sha256
  const known = sha256 === undefined ? null : pack.digests.find('sha256', sha256)
  if (known === null) return []
  const isDisputed = known.models.length > 1
  const reason = isDisputed
    ? `the catalogues give ${known.models.length} names for SHA-256 ${sha256 ?? ''}, so it is one of them`
    : `SHA-256 ${sha256 ?? ''} was computed here and is listed as ${known.models[0] ?? ''}`
  return [
    knownFile(
      known,
      { rung: 6, confidence: isDisputed ? 'likely' : 'certain', because: [reason, origin(known)] },
      pack,
    ),
  ]
}

function byPlace(facts: ArtifactFacts, pack: Pack): readonly Identification[] {
  const claim = facts.fingerprint.claims?.placeDigest
  const computed = facts.fingerprint.content?.sha256
  if (claim === undefined || computed !== undefined) return []
  const known = pack.digests.find('sha256', claim.sha256)
  if (known === null) return []
  const because = [
    `its place (${claim.from}) says SHA-256 ${claim.sha256}; not confirmed by reading all of it`,
    origin(known),
  ]
  if (known.sizeBytes !== undefined) {
    if (known.sizeBytes !== facts.sizeBytes) return []
    because.push(`its size of ${facts.sizeBytes} bytes is that of the known file`)
  }
  return [knownFile(known, { rung: 1, confidence: 'possible', because }, pack)]
}

interface Verdict {
  readonly rung: number
  readonly confidence: Confidence
  readonly because: readonly string[]
}

function knownFile(known: KnownFile, verdict: Verdict, pack: Pack): Identification {
  const vendor = vendorOf(known.family, pack)
  return {
    entryId: known.entryId,
    model:
      known.models.length > 1 ? `one of: ${known.models.join(', ')}`.slice(0, MAX_NAME_CHARS) : (known.models[0] ?? ''),
    family: known.family,
    ...(vendor === undefined ? {} : { vendor }),
    ...(known.license === undefined ? {} : { license: known.license }),
    rung: verdict.rung,
    confidence: verdict.confidence,
    candidates: known.models.length > 1 ? known.models.slice(0, MAX_CANDIDATES) : [],
    because: verdict.because,
  }
}

function origin(known: KnownFile): string {
  const details = [known.repo, known.quantization, known.role].filter((detail) => detail !== undefined)
  return details.length === 0
    ? `digest table, row ${known.entryId}`
    : `digest table, row ${known.entryId}: ${details.join(', ')}`
}

/** Rung 4 against models whose norms were learned: a descendant of every model that has them. */
function byLineage({ fingerprint }: ArtifactFacts, pack: Pack): readonly Identification[] {
  const digest = fingerprint.lineage?.normDigest
  if (digest === undefined) return []
  const known = pack.models.flatMap((entry) =>
    entry.candidates.filter((candidate) => candidate.normDigest === digest).map((candidate) => ({ entry, candidate })),
  )
  const names = known.map(({ candidate }) => candidate.name)
  const shared = names.length > 1 ? [`${names.length} known models have these norms`] : []
  return known.map(({ entry, candidate }) => {
    const because = [`every norm is that of ${candidate.name}; norms prove ancestry and not equal weights`, ...shared]
    return learned(entry.id, candidate, { rung: 4, because, names, pack })
  })
}

/** Rungs 3 and 2 together, where only one model of the registry has both. */
function byTokenizer({ fingerprint }: ArtifactFacts, pack: Pack): readonly Identification[] {
  const { structure, tokenizer } = fingerprint
  const digest = tokenizer?.baseVocabDigest
  if (structure === undefined || digest === undefined) return []
  const matches = matchStructure(structure, pack).filter((match) => match.isExact)
  const known = matches.flatMap(({ entry, candidates }) =>
    candidates.filter((candidate) => candidate.baseVocabDigest === digest).map((candidate) => ({ entry, candidate })),
  )
  const [only, ...others] = known
  if (only === undefined || others.length > 0) return []
  const { entry, candidate } = only
  const because = [`structure and vocabulary are those of ${candidate.name}, and of no other known model`]
  return [learned(entry.id, candidate, { rung: 3, because, names: [candidate.name], pack })]
}

interface Learned {
  readonly rung: number
  readonly because: readonly string[]
  readonly names: readonly string[]
  readonly pack: Pack
}

function learned(entryId: string, candidate: Candidate, { rung, because, names, pack }: Learned): Identification {
  const license = readLicense(candidate)
  const unverified = unverifiedOf([candidate], license)
  return {
    entryId,
    model: candidate.name,
    family: candidate.family,
    vendor: pack.vocabulary.get('vendors')?.get(candidate.vendor)?.name ?? candidate.vendor,
    ...(license === undefined ? {} : { license }),
    ...(unverified === undefined ? {} : { unverified }),
    rung,
    confidence: 'likely',
    candidates: names.slice(0, MAX_CANDIDATES),
    because,
  }
}

function byStructure({ fingerprint }: ArtifactFacts, pack: Pack): readonly Identification[] {
  const { structure, claims } = fingerprint
  if (structure === undefined || (structure.kind !== 'text' && structure.kind !== 'other')) return []
  const names = claims === undefined ? [] : claimedNames(claims)
  return matchStructure(structure, pack).map((match) =>
    structureIdentification(match, names, structure.vocabularyRows ?? 0, pack),
  )
}

function structureIdentification(
  match: StructureMatch,
  names: readonly string[],
  vocabularyRows: number,
  pack: Pack,
): Identification {
  const { entry, candidates, isExact } = match
  const claimed = names.length === 0 ? undefined : closest(candidates, names)
  const [first] = candidates
  const chosen = claimed ?? first
  const because = [`${whatFits(entry)}, which ${countModels(candidates.length)}`]
  if (!isExact && entry.match.vocabularyRows !== undefined)
    because.push(
      `${vocabularyRows} vocabulary rows against ${entry.match.vocabularyRows}: within padding and added tokens`,
    )
  if (claimed !== undefined) because.push(`of these, its own name fits ${claimed.name} best; a name proves nothing`)
  if (chosen !== undefined) because.push(...unreadOf(chosen))
  const license = sameOrNone(candidates.map(readLicense))
  const unverified = unverifiedOf(candidates, license)
  return {
    entryId: entry.id,
    model: chosen?.name ?? entry.id,
    family: chosen?.family ?? 'other',
    ...(chosen === undefined
      ? {}
      : { vendor: pack.vocabulary.get('vendors')?.get(chosen.vendor)?.name ?? chosen.vendor }),
    ...(license === undefined ? {} : { license }),
    ...(unverified === undefined ? {} : { unverified }),
    rung: 2,
    confidence: 'possible',
    candidates: candidates.slice(0, MAX_CANDIDATES).map((candidate) => candidate.name),
    because,
  }
}

function whatFits({ structureKey, landmarks }: StructureMatch['entry']): string {
  if (landmarks !== undefined) return `it has the tensors ${landmarks.all.map(({ name }) => name).join(', ')}`
  return structureKey === undefined
    ? 'its architecture is that of an entry'
    : `what is known of ${structureKey} fits its layers, widths, heads and vocabulary rows`
}

function countModels(count: number): string {
  return count === 1 ? 'one known model has' : `${count} known models share`
}

function unreadOf({ name, verified, unverifiedFields }: Candidate): readonly string[] {
  if (!verified) return [`the structure of ${name} was not read in a configuration`]
  if (unverifiedFields === undefined) return []
  return [`of ${name} these fields were not read in a configuration: ${unverifiedFields.join(', ')}`]
}

/** A licence is a fact only where a source of it is named. */
function readLicense({ license, licenseSource }: Candidate): string | undefined {
  return licenseSource === undefined ? undefined : license
}

/** General knowledge that all candidates share. */
function unverifiedOf(candidates: readonly Candidate[], known: string | undefined): Identification['unverified'] {
  const license = known === undefined ? sameOrNone(candidates.map((candidate) => candidate.license)) : undefined
  const restrictions = sameOrNone(candidates.map((candidate) => candidate.restrictions))
  const origin = sameOrNone(candidates.map((candidate) => candidate.origin))
  if (license === undefined && restrictions === undefined && origin === undefined) return undefined
  return {
    ...(license === undefined ? {} : { license }),
    ...(restrictions === undefined ? {} : { restrictions }),
    ...(origin === undefined ? {} : { origin }),
  }
}

/** The candidate whose every word is in the file's own name; the one with most words wins. */
function closest(
  candidates: StructureMatch['candidates'],
  names: readonly string[],
): StructureMatch['candidates'][number] | undefined {
  const said = new Set(names.flatMap(wordsOf))
  let best: StructureMatch['candidates'][number] | undefined
  let bestCount = 0
  for (const candidate of candidates) {
    const words = wordsOf(candidate.name)
    if (words.length > bestCount && words.every((word) => said.has(word))) {
      best = candidate
      bestCount = words.length
    }
  }
  return best
}

function byClaim({ fingerprint }: ArtifactFacts, pack: Pack): readonly Identification[] {
  const [name] = fingerprint.claims === undefined ? [] : claimedNames(fingerprint.claims)
  if (name === undefined) return []
  const families = familiesIn(name, pack)
  const [family] = families
  if (family === undefined) return []
  const vendor = families.length === 1 ? vendorOf(family, pack) : undefined
  return [
    {
      entryId: 'claimed-name',
      model: name.slice(0, MAX_NAME_CHARS),
      family,
      ...(vendor === undefined ? {} : { vendor }),
      rung: 1,
      confidence: 'possible',
      candidates: [],
      because: [`it calls itself "${name.slice(0, 200)}"; nobody checked that`],
    },
  ]
}

function vendorOf(family: string, pack: Pack): string | undefined {
  const vendor = pack.vocabulary.get('families')?.get(family)?.vendor
  return vendor === undefined ? undefined : pack.vocabulary.get('vendors')?.get(vendor)?.name
}

function sameOrNone(values: readonly (string | undefined)[]): string | undefined {
  const [first] = values
  return values.every((value) => value === first) ? first : undefined
}

// Claims that disagree with what was measured. Conservative: renamed fine-tunes, merges, distillates and quantised files are
// ordinary, so only a claim that no honest reading can save is told.
import type { Relation } from '../contract/artifact.ts'
import type { Structure } from '../contract/fingerprint.ts'
import type { Gap } from '../contract/wire.ts'
import type { ArtifactFacts } from './identify-artifact.ts'
import { familyClash } from './name-family.ts'
import { type SizeClaim, claimedNames, familiesIn, readSize, speaksOfOthers, wordsOf } from './name-words.ts'
import type { Pack } from './pack.ts'
import { type StructureMatch, matchStructure } from './structure-match.ts'

export interface Contradiction {
  readonly claim: string
  readonly observed: string
  readonly because: readonly string[]
}

/** A size label rounds, and vendors count embeddings differently; three times too much or too little is neither. */
const SIZE_FACTOR = 3

/** Whole weights: a packed type (GPTQ, AWQ, bitsandbytes) stores several parameters in one element, so counts mean nothing. */
const PACKED_TYPES = ['I8', 'I16', 'I32', 'I64', 'U8', 'U16', 'U32', 'U64', 'BOOL']

/** Contradictions between what a file claims and what its bytes are. */
export function contradictions(
  facts: ArtifactFacts & { readonly gaps?: readonly Gap[]; readonly relations?: readonly Relation[] | undefined },
  pack: Pack,
): readonly Contradiction[] {
  const found = [
    placeDigest(facts),
    sizeLabel(facts),
    nameSize(facts, pack) ?? familyClash(facts, pack),
    architecture(facts, pack),
    license(facts, pack),
    refutedBase(facts),
    inheritedLicense(facts, pack),
  ]
  return found.filter((each) => each !== null)
}

function placeDigest({ fingerprint }: ArtifactFacts): Contradiction | null {
  const claim = fingerprint.claims?.placeDigest
  const computed = fingerprint.content?.sha256
  // A pointer file is text about a model elsewhere; its own digest is another one by design.
  if (claim === undefined || computed === undefined || claim.from === 'lfs-pointer' || claim.sha256 === computed)
    return null
  return {
    claim: `its place (${claim.from}) names it by SHA-256 ${claim.sha256}`,
    observed: `its content has SHA-256 ${computed}`,
    because: ['the store names files by their content, so this one was changed or replaced after it was stored'],
  }
}

/** The parameters that were counted, where counting them means something. */
function countedParameters(facts: ArtifactFacts & { readonly gaps?: readonly Gap[] }): Structure | null {
  const { structure } = facts.fingerprint
  if (structure?.kind !== 'text' || structure.parameterCount === 0) return null
  if ((facts.gaps ?? []).some((gap) => gap.code === 'GNO_READ_PART_MISSING' || gap.code === 'GNO_READ_TRUNCATED'))
    return null
  const types = [structure.quantization ?? '', ...Object.keys(structure.tensorTypes ?? {})]
  return types.some((type) => PACKED_TYPES.includes(type.toUpperCase())) ? null : structure
}

function keyOf({ entry }: StructureMatch): string {
  return entry.structureKey ?? entry.id
}

function isOff(size: SizeClaim, parameterCount: number): boolean {
  return parameterCount * SIZE_FACTOR < size.least || parameterCount > size.most * SIZE_FACTOR
}

function sizeLabel(facts: ArtifactFacts): Contradiction | null {
  const structure = countedParameters(facts)
  const label = facts.fingerprint.claims?.sizeLabel
  const size = label === undefined ? null : readSize(label)
  if (structure === null || size === null || !isOff(size, structure.parameterCount)) return null
  return {
    claim: `its size label says ${size.word}`,
    observed: `its tensors hold ${structure.parameterCount} parameters`,
    because: [`more than ${SIZE_FACTOR} times apart`],
  }
}

/** "Mistral 7B" in the shape of a Llama 70B: needs the size to be off and the structure to be known as another family's. */
function nameSize(facts: ArtifactFacts, pack: Pack): Contradiction | null {
  const structure = countedParameters(facts)
  const { claims } = facts.fingerprint
  if (structure === null || claims === undefined || claims.sizeLabel !== undefined) return null
  const [name] = claimedNames(claims)
  if (name === undefined) return null
  const words = wordsOf(name)
  if (speaksOfOthers(words)) return null
  const sizes = words.map(readSize).filter((size) => size !== null)
  const [size] = sizes
  if (size === undefined || sizes.length > 1 || !isOff(size, structure.parameterCount)) return null
  const [family, ...others] = familiesIn(claimedNames(claims).join(' '), pack)
  const [match] = matchStructure(structure, pack)
  if (family === undefined || others.length > 0 || match?.isExact !== true) return null
  if (match.candidates.some((candidate) => candidate.family === family)) return null
  return {
    claim: `it calls itself "${name.slice(0, 200)}"`,
    observed: `its structure ${keyOf(match)} with ${structure.parameterCount} parameters is that of ${match.candidates[0]?.name ?? ''}`,
    because: [
      `no known ${family} model has this structure`,
      `${size.word} and the parameters are more than ${SIZE_FACTOR} times apart`,
    ],
  }
}

/** Lineages whose tensors cannot be relabelled as each other's; `llama` is left out, since many models are published llamafied. */
function architecture(facts: ArtifactFacts, pack: Pack): Contradiction | null {
  const { structure } = facts.fingerprint
  if (structure?.kind !== 'text' || structure.architecture === undefined) return null
  const architectures = pack.vocabulary.get('architectures')
  const group = architectures?.get(structure.architecture)?.group
  if (group === undefined || group === 'llama') return null
  const [match] = matchStructure({ ...structure, architecture: undefined }, pack)
  if (match?.isExact !== true || match.entry.status === 'draft') return null
  const groups = match.candidates.flatMap((candidate) =>
    candidate.architectures.map((name) => architectures?.get(name)?.group),
  )
  if (groups.length === 0 || groups.some((each) => each === undefined || each === 'llama' || each === group))
    return null
  return {
    claim: `general.architecture says ${structure.architecture}`,
    observed:
      `its structure ${keyOf(match)} is that of ${match.candidates.map((candidate) => candidate.name).join(', ')}`.slice(
        0,
        1000,
      ),
    because: [`no known ${group} model has this structure, down to its vocabulary rows`],
  }
}

/** A file that names its family, has that family's structure, and yet claims a freer licence than all of its kind. */
function license(facts: ArtifactFacts, pack: Pack): Contradiction | null {
  const { structure, claims } = facts.fingerprint
  if (structure?.kind !== 'text' || claims?.license === undefined) return null
  const licenses = pack.vocabulary.get('licenses')
  if (licenses?.get(claims.license.toLowerCase())?.isOpen !== true) return null
  const [match] = matchStructure(structure, pack)
  if (match?.isExact !== true || match.entry.status === 'draft') return null
  const known = new Set(match.candidates.map((candidate) => (candidate.verified ? candidate.license : undefined)))
  const [only] = known
  if (known.size !== 1 || only === undefined || licenses.get(only)?.isOpen !== false) return null
  const families = familiesIn(claimedNames(claims).join(' '), pack)
  if (families.length !== 1 || !match.candidates.every((candidate) => candidate.family === families[0])) return null
  return {
    claim: `it claims the licence ${claims.license.slice(0, 100)}`,
    observed: `its structure ${keyOf(match)} is that of ${match.candidates[0]?.name ?? ''}, published under ${only}`,
    because: ['it names the same family itself, and every known model of this structure has the one licence'],
  }
}

type Related = ArtifactFacts & { readonly relations?: readonly Relation[] | undefined }

/** The model that it names as its base lies on the same machine, has the same shape, and shares no norm with it. */
function refutedBase({ fingerprint, relations = [] }: Related): Contradiction | null {
  const refuted = relations.find(({ kind }) => kind === 'refuted-base')
  if (refuted === undefined) return null
  const [base] = fingerprint.claims?.baseModels ?? []
  return {
    claim: `it names ${(base?.name ?? base?.repoUrl ?? 'another model').slice(0, 200)} as its base`,
    observed: `its norms are strangers to those of ${refuted.path}`,
    because: refuted.because,
  }
}

/**
 * A copy is as free as its original. Norms do not say who descends from whom: an open model is no liar because somebody closed a
 * fine-tune of it, so kin accuses only where every known model of this structure is under such a licence.
 */
function inheritedLicense({ fingerprint, relations = [] }: Related, pack: Pack): Contradiction | null {
  const claimed = fingerprint.claims?.license
  const licenses = pack.vocabulary.get('licenses')
  if (claimed === undefined || licenses?.get(claimed.toLowerCase())?.isOpen !== true) return null
  const isClosed = (of: string | undefined): boolean =>
    of !== undefined && licenses.get(of.toLowerCase())?.isOpen === false
  const [match] = fingerprint.structure === undefined ? [] : matchStructure(fingerprint.structure, pack)
  const isAllClosed = match?.isExact === true && match.candidates.every(({ license: of }) => isClosed(of))
  const bonds = isAllClosed ? KIN : COPIES
  const ancestor = relations.find(({ kind, license: of }) => bonds.includes(kind) && isClosed(of))
  if (ancestor === undefined) return null
  return {
    claim: `it claims the licence ${claimed.slice(0, 100)}`,
    observed: `it is kin (${ancestor.kind}) of ${ancestor.model ?? ancestor.path}, published under ${ancestor.license ?? ''}`,
    because: ancestor.because,
  }
}

const COPIES: readonly Relation['kind'][] = ['same-content']
const KIN: readonly Relation['kind'][] = ['same-content', 'same-norms', 'edit-of', 'derived']

// A name of one maker's family on the structure of another maker's: "Mistral" with the shape of a Llama 70B, whatever the size says.
// Honest names quote all kinds of models, so what counts is taken from the registry: which families keep to themselves.
import type { Claims } from '../contract/fingerprint.ts'
import type { Candidate, ModelEntry } from '../contract/rule-pack.ts'
import type { ArtifactFacts } from './identify-artifact.ts'
import { claimedNames, familiesIn, isMark, speaksOfOthers, wordsOf } from './name-words.ts'
import type { Pack } from './pack.ts'
import { matchStructure } from './structure-match.ts'

/** Shorter words stand in names for many reasons: `phi` is a letter. */
const MIN_MARK_CHARS = 5

interface Clash {
  readonly claim: string
  readonly observed: string
  readonly because: readonly string[]
}

/** What a file calls itself, where no model of that family has its structure and another maker's has; else null. */
export function familyClash({ fingerprint, path }: ArtifactFacts, pack: Pack): Clash | null {
  const { structure, claims = {} } = fingerprint
  if (structure?.kind !== 'text') return null
  const claimed = claimedFamily(claims, path, pack)
  if (claimed === null) return null
  const [match, ...others] = matchStructure(structure, pack)
  if (match?.isExact !== true || others.length > 0 || match.entry.status === 'draft') return null
  const makers = makersOf(match.entry, pack)
  const isOurs = makers.size === 0 || makers.has(claimed.vendor) || mentions(match.entry, claimed, pack)
  if (isOurs || !keepsToItself(claimed, pack)) return null
  const key = match.entry.structureKey ?? match.entry.id
  const [model] = match.candidates.filter(({ vendor }) => makers.has(vendor))
  if (model === undefined) return null
  return {
    claim: `it calls itself "${claimed.name.slice(0, 200)}"`,
    observed: `its structure ${key} is that of ${model.name}`,
    because: [
      `no known ${claimed.id} model has this structure, down to its vocabulary rows`,
      `every known ${claimed.id} model has a structure of its own family`,
    ],
  }
}

interface Claimed {
  readonly id: string
  readonly vendor: string
  readonly name: string
}

/** The one family that all names together mention; a merge, a distillate or a base of another family leaves none. */
function claimedFamily(claims: Claims, path: string, pack: Pack): Claimed | null {
  const file = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  const names = [...claimedNames(claims), file]
  const bases = (claims.baseModels ?? []).flatMap(({ name, organization }) => [name ?? '', organization ?? ''])
  const all = [...names, ...bases, ...(claims.tags ?? [])]
  if (all.some((name) => speaksOfOthers(wordsOf(name)))) return null
  const [id, ...more] = new Set(all.flatMap((name) => familiesIn(name, pack)))
  if (id === undefined || more.length > 0) return null
  const family = pack.vocabulary.get('families')?.get(id)
  const name = names.find((each) => wordsOf(each).some((word) => isLongMark(word, family?.words ?? [])))
  return name === undefined || family?.vendor === undefined ? null : { id, vendor: family.vendor, name }
}

function isLongMark(word: string, marks: readonly string[]): boolean {
  return marks.some((mark) => mark.length >= MIN_MARK_CHARS && isMark(word, mark))
}

/** Vendors whose own families have this structure: a structure that only their followers have is nobody's. */
function makersOf(entry: ModelEntry, pack: Pack): ReadonlySet<string> {
  return new Set(entry.candidates.flatMap((candidate) => (isOwn(candidate, pack) ? [candidate.vendor] : [])))
}

function isOwn({ family, vendor }: Candidate, pack: Pack): boolean {
  return pack.vocabulary.get('families')?.get(family)?.vendor === vendor
}

function mentions({ candidates }: ModelEntry, { id }: Claimed, pack: Pack): boolean {
  return candidates.some(({ family, name }) => family === id || familiesIn(name, pack).includes(id))
}

/**
 * Where models of other structures are built as a family's architecture (`llama` stands for half of all), its name is in honest
 * names and defaults of converters; and a maker who builds on others has its name on their structures (DeepSeek-R1 on Llama).
 */
function keepsToItself({ id, vendor }: Claimed, pack: Pack): boolean {
  const words = pack.vocabulary.get('families')?.get(id)?.words ?? []
  const isBuiltAs = ({ architectures }: Candidate): boolean =>
    architectures.some((name) => words.some((word) => isMark(name, word)))
  return pack.models.every((entry) => {
    if (!entry.candidates.some(({ family }) => family === id)) return !entry.candidates.some(isBuiltAs)
    return [...makersOf(entry, pack)].every((maker) => maker === vendor)
  })
}

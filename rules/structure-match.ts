// Rung 2 against the pack: which structure entries fit the shapes of a weights file.
import type { Structure } from '../contract/fingerprint.ts'
import type { Candidate, Landmark, ModelEntry } from '../contract/rule-pack.ts'
import type { Pack } from './pack.ts'

/** Vocabulary rows are padded differently by GGUF and configuration (Gemma 3: 64 rows, Qwen 2.5: 128) and grow with added tokens. */
const MAX_PADDING_ROWS = 512

export interface StructureMatch {
  readonly entry: ModelEntry
  /** Candidates whose architecture agrees with the file's. */
  readonly candidates: readonly Candidate[]
  /** True when the vocabulary rows are equal too, not only near. */
  readonly isExact: boolean
}

/** Entries that fit. Near ones only where none fits exactly, and entries that ask for a part of the structure only where no whole one fits. */
export function matchStructure(structure: Structure, pack: Pack): readonly StructureMatch[] {
  const matches: StructureMatch[] = []
  for (const entry of pack.models) {
    if (!fits(entry, structure)) continue
    const candidates = entry.candidates.filter((candidate) => agrees(candidate, structure.architecture))
    const rows = entry.match.vocabularyRows
    const isExact = isWhole(entry) && (rows === undefined || rows === structure.vocabularyRows)
    if (candidates.length > 0) matches.push({ entry, candidates, isExact })
  }
  const exact = matches.filter((match) => match.isExact)
  if (exact.length > 0) return exact
  const whole = matches.filter((match) => isWhole(match.entry))
  return whole.length > 0 ? whole : closestParts(matches)
}

/** Of entries that know only parts, those that know most. */
function closestParts(matches: readonly StructureMatch[]): readonly StructureMatch[] {
  const known = (match: StructureMatch): number => Object.keys(match.entry.match).length
  const most = Math.max(0, ...matches.map(known))
  return matches.filter((match) => known(match) === most)
}

/** An entry that states every field of a structure key, or whose landmarks tell it. */
export function isWhole({ match, landmarks }: ModelEntry): boolean {
  if (landmarks !== undefined) return true
  const { layers, embeddingWidth, attentionHeads, feedForwardWidth, vocabularyRows } = match
  const told = [layers, embeddingWidth, attentionHeads, feedForwardWidth, vocabularyRows]
  return told.every((value) => value !== undefined)
}

/** What an entry does not state is not asked; what it states, the file must have. */
function fits({ match, landmarks }: ModelEntry, structure: Structure): boolean {
  const experts = structure.experts ?? 0
  const feedForwardWidth =
    experts > 0 ? (structure.expertFeedForwardWidth ?? structure.feedForwardWidth) : structure.feedForwardWidth
  return (
    same(match.layers, structure.layers) &&
    same(match.embeddingWidth, structure.embeddingWidth) &&
    same(match.attentionHeads, structure.attentionHeads) &&
    same(match.feedForwardWidth, feedForwardWidth) &&
    same(match.kvHeads, structure.kvHeads ?? structure.attentionHeads) &&
    (match.architecture === undefined || match.architecture === structure.architecture) &&
    hasExperts(match, experts, structure.expertsUsed ?? 0) &&
    nearRows(match.vocabularyRows, structure.vocabularyRows) &&
    hasLandmarks(landmarks, structure.landmarks ?? [])
  )
}

/** A dense model has no experts; how many are used is not always stated. */
function hasExperts(match: ModelEntry['match'], experts: number, used: number): boolean {
  if (match.layers !== undefined && (match.experts ?? 0) !== experts) return false
  return match.expertsUsed === undefined || used === 0 || match.expertsUsed === used
}

function same(wanted: number | undefined, found: number | undefined): boolean {
  return wanted === undefined || wanted === found
}

function nearRows(wanted: number | undefined, found: number | undefined): boolean {
  return wanted === undefined || (found !== undefined && Math.abs(wanted - found) <= MAX_PADDING_ROWS)
}

function hasLandmarks(wanted: ModelEntry['landmarks'], found: NonNullable<Structure['landmarks']>): boolean {
  if (wanted === undefined) return true
  const isThere = (landmark: Landmark): boolean => found.some((each) => isLandmark(landmark, each))
  return wanted.all.every(isThere) && !(wanted.none ?? []).some(isThere)
}

function isLandmark(wanted: Landmark, found: NonNullable<Structure['landmarks']>[number]): boolean {
  if (wanted.name !== found.name || (wanted.count !== undefined && wanted.count !== found.count)) return false
  const { shape } = wanted
  return (
    shape === undefined || (shape.length === found.shape.length && shape.every((size, at) => size === found.shape[at]))
  )
}

function agrees(candidate: Candidate, architecture: string | undefined): boolean {
  return (
    architecture === undefined || candidate.architectures.length === 0 || candidate.architectures.includes(architecture)
  )
}

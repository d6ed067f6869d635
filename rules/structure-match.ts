// Rung 2 against the pack: which structure entries fit the shapes of a weights file.
import type { Structure } from '../contract/fingerprint.ts'
import type { Candidate, ModelEntry } from '../contract/rule-pack.ts'
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

/** The fields that structure entries compare; null when the file did not give all of them. */
interface Shape {
  readonly layers: number
  readonly embeddingWidth: number
  readonly attentionHeads: number
  readonly kvHeads: number | undefined
  readonly feedForwardWidth: number
  readonly vocabularyRows: number
  readonly experts: number
  readonly expertsUsed: number
}

/** Entries that fit; near ones only where none fits exactly. */
export function matchStructure(structure: Structure, pack: Pack): readonly StructureMatch[] {
  const shape = shapeOf(structure)
  if (shape === null) return []
  const matches: StructureMatch[] = []
  for (const entry of pack.models) {
    if (!fits(entry, shape)) continue
    const candidates = entry.candidates.filter((candidate) => agrees(candidate, structure.architecture))
    const isExact = entry.match.vocabularyRows === shape.vocabularyRows
    if (candidates.length > 0) matches.push({ entry, candidates, isExact })
  }
  const exact = matches.filter((match) => match.isExact)
  return exact.length > 0 ? exact : matches
}

function shapeOf(structure: Structure): Shape | null {
  const { layers, embeddingWidth, attentionHeads, vocabularyRows } = structure
  const experts = structure.experts ?? 0
  const feedForwardWidth =
    experts > 0 ? (structure.expertFeedForwardWidth ?? structure.feedForwardWidth) : structure.feedForwardWidth
  if (layers === undefined || embeddingWidth === undefined || attentionHeads === undefined) return null
  if (feedForwardWidth === undefined || vocabularyRows === undefined) return null
  const expertsUsed = structure.expertsUsed ?? 0
  return {
    layers,
    embeddingWidth,
    attentionHeads,
    kvHeads: structure.kvHeads,
    feedForwardWidth,
    vocabularyRows,
    experts,
    expertsUsed,
  }
}

function fits({ match }: ModelEntry, shape: Shape): boolean {
  return (
    match.layers === shape.layers &&
    match.embeddingWidth === shape.embeddingWidth &&
    match.attentionHeads === shape.attentionHeads &&
    match.feedForwardWidth === shape.feedForwardWidth &&
    (match.kvHeads === undefined || match.kvHeads === (shape.kvHeads ?? shape.attentionHeads)) &&
    (match.experts ?? 0) === shape.experts &&
    (match.expertsUsed === undefined || shape.expertsUsed === 0 || match.expertsUsed === shape.expertsUsed) &&
    Math.abs(match.vocabularyRows - shape.vocabularyRows) <= MAX_PADDING_ROWS
  )
}

function agrees(candidate: Candidate, architecture: string | undefined): boolean {
  return (
    architecture === undefined || candidate.architectures.length === 0 || candidate.architectures.includes(architecture)
  )
}

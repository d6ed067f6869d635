// The container-neutral nouns that every format reader speaks: what one weights file says, before anything is concluded.
import type { Claims, Structure, Tokenizer } from '../../contract/fingerprint.ts'
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'

export interface TensorInfo {
  readonly name: string
  /** `Q4_K`, `BF16`: the names of ggml and of safetensors agree where the types do. */
  readonly type: string
  /** Outermost dimension first, as in PyTorch; GGUF stores them the other way round. */
  readonly shape: readonly number[]
  readonly elements: number
  /** Absolute place in the file. */
  readonly offset: number
  /** Null where the type's size is not publicly known. */
  readonly bytes: number | null
}

/** What V8 needs two bytes a character for. */
const WIDE_TEXT = /[^\0-\xff]/

/** About what one held tensor takes: its record, its shape and its name. */
export function heldBytes(name: string, shape: readonly number[]): number {
  return 160 + name.length * (WIDE_TEXT.test(name) ? 2 : 1) + shape.length * 8
}

/** Numbers of the architecture, from GGUF metadata or from config.json. */
export type Hyperparameters = Partial<
  Pick<
    Structure,
    | 'architecture'
    | 'layers'
    | 'embeddingWidth'
    | 'feedForwardWidth'
    | 'attentionHeads'
    | 'kvHeads'
    | 'experts'
    | 'expertsUsed'
    | 'expertFeedForwardWidth'
    | 'contextLength'
    | 'slidingWindow'
    | 'ropeBase'
    | 'ropeScaling'
    | 'normKind'
    | 'normEpsilon'
    | 'activation'
    | 'vocabularyRows'
  >
> & { readonly headWidth?: number }

/** What one weights file says. Fields that could not be read are absent, and the gaps say why. */
export interface WeightsPart {
  /** False when the bytes only looked like this format. */
  readonly isModel: boolean
  readonly formatVersion: string | null
  /** Set when the file states what it is for. */
  readonly kind?: Structure['kind']
  readonly claims: Claims
  readonly hyperparameters: Hyperparameters
  readonly tokenizer?: Tokenizer
  readonly tensors: readonly TensorInfo[]
  /** Where the tensor data begins. */
  readonly headerBytes: number
  /** Place in a split model, counted from 0, and the tensors of all parts together where stated. */
  readonly split?: { readonly index: number; readonly count: number; readonly tensorCount: number }
}

/** A member of the list in formats.ts. */
export interface FormatReader {
  readonly id: string
  /** Judges the first bytes (at most SNIFF_BYTES) of a file of this size. Never looks at a name. */
  readonly recognise: (head: Uint8Array, sizeBytes: number) => boolean
  /** Never throws for what a file holds: trouble goes into the gaps, and what was understood is returned. */
  readonly read: (cursor: Cursor, gaps: GapList) => WeightsPart
}

// The container-neutral nouns that every format reader speaks: what one weights file says, before anything is concluded.
import type { Claims, Structure, Tokenizer, Training } from '../../contract/fingerprint.ts'
import type { Cursor } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { Look } from './look.ts'

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
> & {
  readonly headWidth?: number
  /** Ranks of latent attention (DeepSeek V2 on). */
  readonly queryRank?: number
  readonly kvRank?: number
}

/** What a container says of itself; the keys are our own words, so a plain object would do, but values come from the file. */
export type ContainerFacts = ReadonlyMap<string, string | number | boolean>

/** A neighbour that holds values; a store shows it under another name than it has on the disk. */
export interface Companion {
  readonly name: string
  readonly path: string
  readonly sizeBytes: number
}

/** What one weights file says. Fields that could not be read are absent, and the gaps say why. */
export interface WeightsPart {
  /** False when the bytes only looked like this format. */
  readonly isModel: boolean
  /**
   * `data` and `sidecar` are containers of a known format that hold no weights (a pickled list, a tokenizer): inspected when asked
   * for, and no inventory of their own in a sweep. Absent means weights.
   */
  readonly holds?: 'weights' | 'sidecar' | 'data'
  readonly formatVersion: string | null
  /** Rung 0 in detail. At most 64, texts at most 512 characters. */
  readonly facts?: ContainerFacts
  /** Set when the file states what it is for. */
  readonly kind?: Structure['kind']
  readonly claims: Claims
  readonly hyperparameters: Hyperparameters
  readonly tokenizer?: Tokenizer
  readonly adapter?: NonNullable<Structure['adapter']>
  /** Set when the file is a leftover of training. */
  readonly training?: Training
  readonly tensors: readonly TensorInfo[]
  /** Tensors that this file describes and a neighbour holds: part of the structure, at the neighbour's places. */
  readonly elsewhere?: readonly TensorInfo[]
  /** Those neighbours, where they are there. */
  readonly companions?: readonly Companion[]
  /** Where the tensor data begins; the whole size where the inside is not laid out as tensors. */
  readonly headerBytes: number
  /** Place in a split model, counted from 0, and the tensors of all parts together where stated. */
  readonly split?: { readonly index: number; readonly count: number; readonly tensorCount: number }
}

/** What was found inside a container: the reader's id and what it read. Places are those of the inner file. */
export interface NestedPart {
  readonly format: string
  readonly weights: WeightsPart
}

/** Reads a file inside the file; null where no reader knows it, or where containers lie deeper in one another than allowed. */
export type ReadNested = (inner: Cursor, name: string, gaps: GapList) => NestedPart | null

/** What a reader may ask for beside the bytes under its cursor. */
export interface ReadContext {
  readonly look: Look
  readonly readNested: ReadNested
}

/** A member of the list in formats.ts. */
export interface FormatReader {
  /** An id of facts/formats.json, or one of ours in rules/vocabulary/formats.yaml. */
  readonly id: string
  /** Lower-case endings of names; a reader that judges by structure is tried earlier on them. They prove nothing. */
  readonly endings: readonly string[]
  /**
   * `magic`: the first bytes, or the members of an archive, cannot be anything else; tried in the order of the list.
   * `structure`: judged by walking into it, tried after those, first where the ending fits. Both must refuse all else.
   */
  readonly certainty: 'magic' | 'structure'
  /**
   * What byte 0 of every such file is, as Latin-1 text of one character a byte: spares asking about all others. It must not be less
   * than `recognise` accepts (test/agent/read/first-bytes.test.ts). Absent where byte 0 tells nothing.
   */
  readonly firstBytes?: string
  /** Beside `firstBytes`: lower-case endings of files that a neighbour explains, and which may begin with anything. */
  readonly besideEndings?: readonly string[]
  /** Judges by bytes, never by a name. May throw ReadTrouble. */
  readonly recognise: (look: Look) => boolean
  /** Never throws for what a file holds: trouble goes into the gaps, and what was understood is returned. */
  readonly read: (cursor: Cursor, gaps: GapList, context: ReadContext) => WeightsPart
}

/** A convention inside a container, with an id of its own (`gptq-awq` in safetensors). A member of the list in dialects.ts. */
export interface Dialect {
  readonly id: string
  /** Containers in which it is looked for. */
  readonly formats: readonly string[]
  /** `quantization` is `quantization_config.quant_method` of the neighbouring config.json, where there is one. */
  readonly recognise: (part: WeightsPart, beside: { readonly quantization?: string }) => boolean
}

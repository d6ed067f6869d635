// What the worker has the reader do: candidates of a folder, a store, or a look at one file.
import type { CandidateFile, OpenedFile, OpenedFolder } from '../../contract/observation.ts'
import type { ReadOptions } from '../read/read-candidates.ts'
import type { StoreReading } from '../read/read-stores.ts'
import type { StoreReader } from '../read/store-reader.ts'

/** How it is read: the part of the options that can be written down. */
export interface ToldOptions {
  readonly deep: boolean
  readonly reportAll: boolean
  readonly tellsData?: boolean | 'acting'
  readonly hasDigests: boolean
  readonly hasTemplates: boolean
  /** Bytes that may be searched for hidden models; null where nothing is remembered of them. */
  readonly roomBytes: number | null
}

/** As it is written to the reader. */
export type ToldTask =
  | { readonly what: 'candidates'; readonly count: number; readonly options: ToldOptions }
  | {
      readonly what: 'store'
      readonly reader: string
      readonly folder: { readonly at: number; readonly path: string }
      readonly options: ToldOptions
    }
  | { readonly what: 'sniff' }

/** As the worker holds it. */
export type Task =
  | { readonly what: 'candidates'; readonly candidates: readonly CandidateFile[]; readonly options: ReadOptions }
  | {
      readonly what: 'store'
      readonly reader: StoreReader
      readonly folder: OpenedFolder
      readonly options: StoreReading
    }
  | { readonly what: 'sniff'; readonly file: OpenedFile }

export function toldOptions(options: ReadOptions | StoreReading): ToldOptions {
  const { deep, tellsData, digests, scanTemplate, hidden } = options
  return {
    deep,
    reportAll: 'reportAll' in options && options.reportAll,
    ...(tellsData === undefined ? {} : { tellsData }),
    hasDigests: digests !== undefined,
    hasTemplates: scanTemplate !== undefined,
    roomBytes: hidden?.room.bytes ?? null,
  }
}

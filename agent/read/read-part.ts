// Reads one weights file through its format reader: header rungs, barcode, and on request the digest of everything.
import type { Failure } from '../../contract/failure.ts'
import type { FileIdentity, OpenedFile } from '../../contract/observation.ts'
import type { ScanTemplate } from '../../contract/template-answer.ts'
import type { LoadScan } from '../../contract/threat.ts'
import { type Samples, sampleFile, sampleWhole } from './barcode.ts'
import { Cursor } from './cursor.ts'
import { describeChange, digestFile } from './digest-file.ts'
import { type DigestMemory, rememberedAs } from './digest-memory.ts'
import { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { type PartNorms, type SharedNorms, readNorms } from './norm-values.ts'
import { type ScanSubject, scanPart } from './scan/scan-part.ts'
import { nestedReader } from './sniff-format.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

export interface ReadOptions {
  /** Compute rung 6 as well. */
  readonly deep: boolean
  /** Digests of earlier runs; without it every file is hashed. */
  readonly digests?: DigestMemory
  readonly signal: AbortSignal
  /** One draft for every candidate, model or not (`gnomon inspect`). */
  readonly reportAll: boolean
  readonly onProgress?: (progress: { readonly path: string; readonly bytesRead: number }) => void
  /** Parses chat templates elsewhere; without it they are a gap, and the scan of their file is not whole. */
  /** Files of a known format that hold no weights (a pickled list, a tokenizer by itself) are told as well, after the models; `acting`: those of which a scan told something. */
  readonly tellsData?: boolean | 'acting'
  readonly scanTemplate?: ScanTemplate
}

export interface ReadPart {
  readonly name: string
  readonly path: string
  readonly identity: FileIdentity
  /** Of the file on disk, where this one lies inside it. */
  readonly whole?: FileIdentity
  /** Where it begins in a file that begins as something else. */
  readonly offsetBytes?: number
  /** Null for a container that no reader knows. */
  readonly format: string | null
  readonly weights: WeightsPart
  /** Of a known format: where its magic and counts stand, in hex. */
  readonly firstBytes?: string
  /** Samples of the tensors, or of the whole file where the header could not be read. */
  readonly samples: Samples | null
  readonly isBarcode: boolean
  /** Rung 4's share of this file; null where it has no norms. */
  readonly norms: PartNorms | null
  readonly sha256?: string
  /** What loading it would do; absent where no scan of its format exists. */
  readonly scan?: LoadScan
  readonly gaps: GapList
}

const GGUF_MAGIC_BYTES = 4
/** Enough for the magic, the version and the counts of every format that has them in front. */
const FIRST_BYTES = 32

const NOTHING: WeightsPart = {
  isModel: false,
  formatVersion: null,
  claims: {},
  hyperparameters: {},
  tensors: [],
  headerBytes: 0,
}

/** Which reader reads the file, what it saw of it, and how many files share the budget of the barcode. */
export interface PartReading {
  readonly name: string
  readonly reader: FormatReader | null
  readonly look: Look
  readonly fileCount: number
  /** What the parts of the same model have read of its norms; a file without others has its own. */
  readonly normsOf?: (weights: WeightsPart) => SharedNorms
}

/** Reads an opened file; `fileCount` files share the budget of the barcode. The caller closes the file. */
export async function readPart(file: OpenedFile, how: PartReading, options: ReadOptions): Promise<ReadPart> {
  const gaps = new GapList(file.path)
  const cursor = new Cursor(file)
  const read = how.reader?.read(cursor, gaps, { look: how.look, readNested: nestedReader() }) ?? NOTHING
  const weights = file.inside === undefined ? read : toldInside(read, file.inside)
  options.onProgress?.({ path: file.path, bytesRead: cursor.bytesRead })
  const isBarcode = weights.isModel && weights.headerBytes > 0
  const format = how.reader?.id ?? null
  const samples = gaps.attempt(() =>
    isBarcode
      ? sampleFile(file, {
          format,
          headerBytes: weights.headerBytes,
          tensors: weights.tensors,
          fileCount: how.fileCount,
        })
      : sampleWhole(file),
  )
  const norms = gaps.attempt(() => readOwnNorms(file, weights, how, gaps)) ?? null
  const scan = await scanOpened(
    file,
    { format: weights.isModel ? format : null, look: how.look, weights },
    options,
    gaps,
  )
  const sha256 = options.deep ? await digestDeep(file, gaps, options) : undefined
  const change = describeChange(file.identity, file.sampleIdentity())
  if (change !== null) gaps.blame('GNO_READ_CHANGED', change)
  return {
    name: how.name,
    path: file.path,
    identity: file.identity,
    ...placeOf(file),
    format: weights.isModel ? format : null,
    weights,
    ...(weights.isModel && format !== null && how.look.head.length > 0
      ? { firstBytes: how.look.head.toString('hex', 0, FIRST_BYTES) }
      : {}),
    samples: samples ?? null,
    isBarcode,
    norms,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(scan === undefined ? {} : { scan }),
    gaps,
  }
}

function placeOf({ inside }: OpenedFile): Pick<ReadPart, 'whole' | 'offsetBytes'> {
  if (inside === undefined) return {}
  return { whole: inside.identity, ...(inside.isHidden === true ? { offsetBytes: inside.start } : {}) }
}

/** Archives of which no reader says that weights are in them. */
const ARCHIVES: ReadonlySet<string> = new Set(['zip', '7z'])
const PICKLE_NAME = /\.(?:pkl|pickle|pt|pth|ckpt|joblib|dill)$/i

function scanOpened(
  file: OpenedFile,
  subject: Omit<ScanSubject, 'scanTemplate'>,
  options: ReadOptions,
  gaps: GapList,
): Promise<LoadScan | undefined> {
  if (isOthersArchive(subject, options)) return Promise.resolve(undefined)
  return scanPart(file, { ...subject, scanTemplate: options.scanTemplate ?? null }, gaps)
}

/**
 * A home holds thousands of archives of programs: a sweep opens the members of none that holds no weights and names no pickle; whoever
 * names the archive gets all.
 */
function isOthersArchive({ format, weights, look }: Omit<ScanSubject, 'scanTemplate'>, options: ReadOptions): boolean {
  if (options.tellsData !== 'acting' || !ARCHIVES.has(format ?? '') || weights?.holds !== 'data') return false
  return look.zip()?.members.some(({ name }) => PICKLE_NAME.test(name)) !== true
}

/** Sizes and digests are those of the inner file, so it must be said that there is an outer one. */
function toldInside(
  weights: WeightsPart,
  { container, start, isHidden }: NonNullable<OpenedFile['inside']>,
): WeightsPart {
  const place = isHidden === true ? ([['insideAtByte', start]] as const) : []
  return { ...weights, facts: new Map([...(weights.facts ?? []), ['inside', container], ...place]) }
}

/** Models only: an adapter changes no norms, and an optimizer's state has none. */
function readOwnNorms(file: OpenedFile, weights: WeightsPart, how: PartReading, gaps: GapList): PartNorms | null {
  const { kind, holds = 'weights', tensors, hyperparameters } = weights
  if (!weights.isModel || holds !== 'weights' || (kind !== undefined && kind !== 'text')) return null
  // The version follows the magic of GGUF; big-endian files keep it in the other order. PyTorch says it in a member of its own.
  const isBigGguf = how.reader?.id === 'gguf' && how.look.head[GGUF_MAGIC_BYTES] === 0
  const isBigEndian = isBigGguf || weights.facts?.get('byteOrder') === 'big'
  const shared = how.normsOf?.(weights) ?? { layers: undefined, stride: 1, values: 0 }
  shared.layers = hyperparameters.layers ?? shared.layers
  return readNorms(file, { tensors, shared, isBigEndian }, gaps)
}

async function digestDeep(file: OpenedFile, gaps: GapList, options: ReadOptions): Promise<string | undefined> {
  const { digests } = options
  const elsewhere = file.digest?.(partOf(file))
  if (elsewhere?.ok === true) return elsewhere.value
  const notHere = elsewhere?.failure
  if (notHere !== undefined) {
    tellUndigested(notHere, gaps)
    return undefined
  }
  const remembered = rememberedAs(file)
  const known = digests?.find(remembered)
  if (known !== undefined) return known
  // The background knows files on disk, and no files inside them.
  const postponed = file.inside === undefined ? (digests?.postpone(file) ?? null) : null
  if (postponed !== null) {
    tellUndigested(postponed, gaps)
    return undefined
  }
  const digest = await digestFile(file, options.signal, (bytesRead) =>
    options.onProgress?.({ path: file.path, bytesRead }),
  )
  if (digest.ok) {
    digests?.keep(remembered, digest.value)
    return digest.value
  }
  gaps.blame(digest.failure.code, digest.failure.detail)
  return undefined
}

function partOf({ inside, identity }: OpenedFile): { readonly start: number; readonly sizeBytes: number } | null {
  return inside === undefined ? null : { start: inside.start, sizeBytes: identity.sizeBytes }
}

/** What is only put off accuses nobody. */
function tellUndigested({ code, detail }: Failure, gaps: GapList): void {
  if (code === 'GNO_READ_SKIPPED') gaps.note(code, detail)
  else gaps.blame(code, detail)
}

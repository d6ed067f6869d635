// Reads the candidates of one folder: judges each by its first bytes, joins shards and Hugging Face folders into one artifact.
import { setImmediate } from 'node:timers/promises'
import type { CandidateFile, OpenedFile } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import { type Draft, assembleArtifact } from './assemble-artifact.ts'
import { unwrapEntry } from './cache-entry.ts'
import { memoryBytes, troubleOf } from './cursor.ts'
import { findMisfit } from './fit-parts.ts'
import { GapList, quoted } from './gap-list.ts'
import {
  type Found,
  type ShardGroup,
  groupShards,
  isFolderFormat,
  isPair,
  missingShards,
  splitKey,
} from './group-shards.ts'
import { type HfFolder, folderOf, readCardBeside, readHfFolder } from './hf-folder.ts'
import { type HiddenMemory, createHiddenMemory, findHidden, findHiddenNow } from './hidden-weights.ts'
import { Look, lookAt } from './look.ts'
import { MAX_NORM_VALUES, type SharedNorms } from './norm-values.ts'
import { lookInto } from './look-into.ts'
import { readOpened } from './read-opened.ts'
import { type ReadOptions as PartOptions, type ReadPart, readPart } from './read-part.ts'
import { scanSideSecrets } from './scan/scan-side-secrets.ts'
import { scanSideTemplates } from './scan/scan-side-templates.ts'
import { joinScans } from './scan/scan-part.ts'
import { type Sniffed, isTooDeep, sniff } from './sniff-format.ts'
import { type WeightsPart, heldBytes } from './weights.ts'

/** An artifact before anybody has said what it may be. */
export type DraftArtifact = Draft

export interface ReadOptions extends PartOptions {
  /** Told of files that could not be looked at and so have no draft to carry the gap. */
  readonly onGap?: (gap: Gap) => void
  /** What was found inside other files before; without it every such file is looked into. */
  readonly hidden?: HiddenMemory
}

/** Files without weights told of one folder: more are a data set (CWE-770). */
const MAX_DATA_FILES = 4_096

/** Stands for a file that could not be read at all. */
const NO_BYTES = memoryBytes(new Uint8Array(0))

/** Files looked at before other work may run: a first look takes about 20 microseconds. */
const LOOKS_PER_TURN = 64

/** The container's id in formats.ts, or null; where the file only holds a model inside, that one's. Throws nothing. */
export function sniffFormat(file: OpenedFile): string | null {
  try {
    const shown = unwrapEntry(file)
    const { reader, look } = sniff(shown)
    if (reader !== null) return reader.id
    const hidden = findHiddenNow(shown, look, createHiddenMemory())
    return hidden === null ? null : (sniff(hidden).reader?.id ?? null)
  } catch (error) {
    // An unreadable file has no known format; who reads it in full records why.
    if (troubleOf(error) !== undefined) return null
    throw error
  }
}

/** Tensors held while the parts of a model are joined: DeepSeek R1's 92,000 take 22 MB, Kimi K2's 140,000 take 33 MB (CWE-770). */
const MAX_HELD_BYTES = 34_603_008

/** Two models' worth: the shards of one model choose their blocks alike, and further models of the folder wait (CWE-770). */
const MAX_HELD_NORM_VALUES = MAX_NORM_VALUES * 2

/** Yields one draft per model found; with `reportAll` exactly one per candidate. Ends early when the signal is aborted. */
export async function* readCandidates(
  candidates: readonly CandidateFile[],
  options: ReadOptions,
): AsyncGenerator<DraftArtifact> {
  const found: Found[] = []
  for (const [index, candidate] of candidates.entries()) {
    if (index % LOOKS_PER_TURN === 0) await setImmediate()
    if (options.signal.aborted) return
    if (options.reportAll) {
      yield await reportOne(candidate, options)
      continue
    }
    const seen = await lookInto(candidate, options)
    found.push(...seen.found)
    if (seen.hidden !== undefined) yield seen.hidden
  }
  yield* readFound(found, options)
}

async function* readFound(found: readonly Found[], options: ReadOptions): AsyncGenerator<DraftArtifact> {
  const splits = new Map<string, ReadPart[]>()
  const sharedOfSplits = new Map<string, SharedNorms>()
  const room: Room = { bytes: MAX_HELD_BYTES, normValues: MAX_HELD_NORM_VALUES }
  const data: DraftArtifact[] = []
  for (const group of groupShards(found)) {
    await setImmediate()
    if (options.signal.aborted) return
    const gaps = new GapList(group.members[0].candidate.path)
    const { parts, folder } = await readGroup({ group, gaps, sharedOfSplits }, options)
    const [first, ...others] = parts
    if (first === undefined || !parts.some((part) => part.weights.isModel && holdsWeights(part.weights))) {
      data.push(...dataOf(parts, data.length, options))
      continue
    }
    const { split } = first.weights
    if (split === undefined) yield* assembleFitting([first, ...others], { group, folder, gaps }, options)
    else {
      const key = splitKey(first.name, split)
      splits.set(key, [...(splits.get(key) ?? []), holdWithin(first, room)])
    }
  }
  for (const parts of splits.values()) {
    const misfit = findMisfit(parts)
    if (misfit === undefined) yield assembleSplit(parts, options)
    else yield* assembleApart(parts, misfit, options)
  }
  yield* data
}

/** Drafts of files of a known format that hold no weights, while there is room and they are asked for. */
function dataOf(
  parts: readonly ReadPart[],
  count: number,
  { tellsData, deep: isDeep, onGap }: ReadOptions,
): readonly DraftArtifact[] {
  if (tellsData === undefined || tellsData === false) return []
  const told = tellsData === 'acting' ? parts.filter(acts) : parts
  // What lies deeper than one looks is neither a model nor nothing.
  for (const part of parts.filter((each) => !told.includes(each))) {
    for (const gap of part.gaps.list().filter(isTooDeep)) onGap?.(gap)
  }
  return told.slice(0, MAX_DATA_FILES - count).map((part) => {
    const gaps = new GapList(part.path)
    if (!part.weights.isModel) gaps.note('GNO_READ_SKIPPED', 'rungs 1 to 5: no tensors')
    const draft = assembleArtifact({ kind: 'file', path: part.path, parts: [part], gaps, isDeep })
    const isUnknown = !part.weights.isModel && draft.verdict === 'unchecked'
    return { ...draft, isData: true, ...(isUnknown ? { verdict: 'not-a-model' as const } : {}) }
  })
}

function acts({ scan }: ReadPart): boolean {
  return scan !== undefined && scan.actions.length > 0
}

/** What is no weights (a tokenizer, a pickled list) is described when it is asked for, and no inventory of its own. */
function holdsWeights({ holds }: WeightsPart): boolean {
  return holds === undefined || holds === 'weights'
}

/** Bytes that the tensors of further parts may take, and norm values. */
interface Room {
  bytes: number
  normValues: number
}

/** The part without its norms or tensors where those before it have used the room up. */
function holdWithin(read: ReadPart, room: Room): ReadPart {
  for (const { values } of read.norms?.norms ?? []) room.normValues -= values.length
  const part = room.normValues >= 0 ? read : { ...read, norms: null }
  if (part.norms !== read.norms)
    part.gaps.note('GNO_READ_SKIPPED', 'rung 4: the parts before it used the room for norms up')
  for (const { name, shape } of part.weights.tensors) room.bytes -= heldBytes(name, shape)
  if (room.bytes >= 0) return part
  part.gaps.blame('GNO_READ_BUDGET', `the tensors of the parts of one model take more than ${MAX_HELD_BYTES} bytes`)
  return { ...part, weights: { ...part.weights, tensors: [] } }
}

interface GroupReading {
  readonly parts: readonly ReadPart[]
  readonly folder: HfFolder | undefined
}

interface GroupTask {
  readonly group: ShardGroup
  readonly gaps: GapList
  /** By the key of the split: its parts are groups of their own until all are read. */
  readonly sharedOfSplits: Map<string, SharedNorms>
}

async function readGroup(task: GroupTask, options: ReadOptions): Promise<GroupReading> {
  const { group, gaps } = task
  const own: SharedNorms = { layers: undefined, stride: 1, values: 0 }
  const parts: ReadPart[] = []
  const room: Room = { bytes: MAX_HELD_BYTES, normValues: MAX_HELD_NORM_VALUES }
  let folder: HfFolder | undefined
  for (const { candidate, reader } of group.members) {
    const failed = new GapList(candidate.path)
    const part = await readOpened(candidate, failed, async (file) => {
      if (group.folder !== 'none' && folder === undefined) {
        folder = await scanBeside(readHfFolder(file, candidate.name, gaps), file, gaps, options)
        noteMissing(group, folder, file.listSiblings(), gaps)
      }
      const fileCount = group.members.length
      own.layers = folder?.hyperparameters.layers
      const normsOf = (weights: WeightsPart): SharedNorms => sharedNorms(candidate.name, weights, task, own)
      const reading = { name: candidate.name, reader, look: lookAt(file), fileCount, normsOf }
      return withCard(await readPart(file, reading, options), file, gaps)
    })
    gaps.adopt(failed)
    for (const gap of failed.list()) options.onGap?.(gap)
    if (part !== undefined) parts.push(holdWithin(part, room))
    if (options.signal.aborted) return { parts: [], folder }
  }
  if (folder === undefined) noteMissing(group, undefined, [], gaps)
  return { parts, folder: folder?.isModelFolder === true ? folder : undefined }
}

/** Adds what the files beside the weights of a model folder would do. */
async function scanBeside(
  folder: HfFolder,
  anchor: OpenedFile,
  gaps: GapList,
  options: ReadOptions,
): Promise<HfFolder> {
  if (!folder.isModelFolder) return folder
  const scanTemplate = options.scanTemplate ?? null
  const scan = joinScans(
    [folder.scan, await scanSideTemplates(anchor, scanTemplate, gaps), scanSideSecrets(anchor, gaps)].filter(
      (each) => each !== undefined,
    ),
  )
  return scan === undefined ? folder : { ...folder, scan }
}

/** GGUF states its own numbers; beside it only the card of its repository is asked, and what the file itself says goes before. */
function withCard(part: ReadPart, file: OpenedFile, gaps: GapList): ReadPart {
  const { weights } = part
  if (part.format !== 'gguf' || !weights.isModel || (weights.split?.index ?? 0) > 0) return part
  return { ...part, weights: { ...weights, claims: { ...readCardBeside(file, gaps), ...weights.claims } } }
}

function sharedNorms(name: string, { split }: WeightsPart, task: GroupTask, own: SharedNorms): SharedNorms {
  if (split === undefined) return own
  const key = splitKey(name, split)
  const shared = task.sharedOfSplits.get(key) ?? own
  task.sharedOfSplits.set(key, shared)
  return shared
}

function noteMissing(
  group: ShardGroup,
  folder: HfFolder | undefined,
  siblings: readonly string[],
  gaps: GapList,
): void {
  for (const name of missingShards(group, folder?.shardNames ?? [])) {
    const what = siblings.includes(name) ? 'is there and is no weights file that could be read' : 'is not there'
    gaps.note('GNO_READ_PART_MISSING', `shard ${quoted(name)} ${what}`)
  }
}

interface GroupFinding {
  readonly group: ShardGroup
  readonly folder: HfFolder | undefined
  readonly gaps: GapList
}

/** One model of parts that complete one another, else each of them by itself. */
function* assembleFitting(
  parts: readonly [ReadPart, ...ReadPart[]],
  finding: GroupFinding,
  options: ReadOptions,
): Generator<DraftArtifact> {
  const misfit = parts.length > 1 ? findMisfit(parts) : undefined
  if (misfit === undefined) yield assembleGroup(parts, finding, options)
  else yield* assembleApart(parts, misfit, options)
}

function* assembleApart(
  parts: readonly ReadPart[],
  misfit: string,
  { deep: isDeep }: ReadOptions,
): Generator<DraftArtifact> {
  for (const part of parts) {
    if (!part.weights.isModel || !holdsWeights(part.weights)) continue
    const gaps = new GapList(part.path)
    gaps.note('GNO_READ_INVALID', `the parts do not fit together: ${misfit}`)
    yield assembleArtifact({ kind: 'file', path: part.path, parts: [part], gaps, isDeep })
  }
}

function assembleGroup(
  parts: readonly [ReadPart, ...ReadPart[]],
  { group, folder, gaps }: GroupFinding,
  options: ReadOptions,
): DraftArtifact {
  const [first] = parts
  const isDeep = options.deep
  if (folder !== undefined && group.folder === 'is') {
    return assembleArtifact({ kind: 'folder', path: folderOf(first.path), parts, folder, gaps, isDeep })
  }
  const kind = parts.length > 1 && !isPair(group) ? 'split' : 'file'
  // The neighbours are parts of the folder's main model, and only told once.
  const described = folder === undefined ? {} : { folder: { ...folder, parts: [] } }
  return assembleArtifact({ kind, path: first.path, parts, ...described, gaps, isDeep })
}

/** GGUF shards say themselves which place they have, whatever their names are. */
function assembleSplit(found: readonly ReadPart[], options: ReadOptions): DraftArtifact {
  const parts = [...found].sort((left, right) => (left.weights.split?.index ?? 0) - (right.weights.split?.index ?? 0))
  const [first, ...others] = parts
  if (first === undefined) throw new Error('a split model without parts')
  const gaps = new GapList(first.path)
  const count = first.weights.split?.count ?? 0
  const present = new Set(parts.map((part) => part.weights.split?.index))
  for (let index = 0; index < count; index += 1) {
    if (!present.has(index)) gaps.note('GNO_READ_PART_MISSING', `part ${index + 1} of ${count} is not there`)
  }
  return assembleArtifact({ kind: 'split', path: first.path, parts: [first, ...others], gaps, isDeep: options.deep })
}

/** `gnomon inspect`: one draft for this file whatever it is. */
async function reportOne(candidate: CandidateFile, options: ReadOptions): Promise<DraftArtifact> {
  const gaps = new GapList(candidate.path)
  const draft = await readOpened(candidate, gaps, async (outer) => {
    const seen = gaps.attempt(() => sniff(outer)) ?? { look: new Look(NO_BYTES, ''), reader: null, notModel: null }
    const hidden = seen.reader === null ? await findHidden(outer, seen.look, options) : null
    const file = hidden ?? outer
    const sniffed = hidden === null ? seen : sniff(hidden)
    const reading = { name: candidate.name, reader: sniffed.reader, look: sniffed.look, fileCount: 1 }
    const part = withCard(await readPart(file, reading, options), file, gaps)
    const isDescribed = isFolderFormat(sniffed.reader?.id) && holdsWeights(part.weights)
    const beside = isDescribed ? readHfFolder(file, candidate.name, gaps) : undefined
    const nearby = beside === undefined ? undefined : await scanBeside(beside, file, gaps, options)
    return describeOne(part, sniffed, nearby, gaps, options)
  })
  return draft ?? describeUnopened(candidate, gaps)
}

function describeOne(
  part: ReadPart,
  sniffed: Sniffed,
  nearby: HfFolder | undefined,
  gaps: GapList,
  options: ReadOptions,
): DraftArtifact {
  const { split } = part.weights
  if (split !== undefined) {
    gaps.note('GNO_READ_SKIPPED', `this is part ${split.index + 1} of ${split.count}, the others were not looked at`)
  }
  const notModel = sniffed.notModel?.reason ?? (sniffed.reader !== null && !part.weights.isModel ? 'no tensors' : null)
  if (notModel !== null) gaps.note('GNO_READ_SKIPPED', `rungs 1 to 5: ${notModel}`)
  else if (part.format === null) gaps.note('GNO_READ_SKIPPED', 'rungs 1 to 5: no reader knows this container yet')
  const folder = nearby?.isModelFolder === true ? { folder: nearby } : {}
  const draft = assembleArtifact({
    kind: 'file',
    path: part.path,
    parts: [part],
    ...folder,
    gaps,
    isDeep: options.deep,
  })
  const pointer = sniffed.notModel?.pointerSha256
  const claims =
    pointer === undefined
      ? draft.fingerprint.claims
      : { ...draft.fingerprint.claims, placeDigest: { sha256: pointer, from: 'lfs-pointer' as const } }
  return {
    ...draft,
    verdict: notModel === null ? worse(draft.verdict, gaps.verdict()) : 'not-a-model',
    fingerprint: claims === undefined ? draft.fingerprint : { ...draft.fingerprint, claims },
  }
}

function worse(left: DraftArtifact['verdict'], right: DraftArtifact['verdict']): DraftArtifact['verdict'] {
  return left === 'unchecked' ? right : left
}

function describeUnopened(candidate: CandidateFile, gaps: GapList): DraftArtifact {
  const weights = { isModel: false, formatVersion: null, claims: {}, hyperparameters: {}, tensors: [], headerBytes: 0 }
  const { name, path, identity } = candidate
  const part: ReadPart = {
    name,
    path,
    identity,
    format: null,
    weights,
    samples: null,
    isBarcode: false,
    norms: null,
    gaps,
  }
  return assembleArtifact({ kind: 'file', path, parts: [part], gaps: new GapList(path), isDeep: false })
}

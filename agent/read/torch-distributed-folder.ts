// The folder of a distributed checkpoint as one model (pytorch:torch/distributed/checkpoint/filesystem.py; Megatron's dist_checkpointing
// and NeMo 2 add metadata.json and common.pt): `.metadata` says what the tensors are, the shards hold their numbers. A folder of an
// optimizer alone stays with the readers of leftovers.
import { setImmediate } from 'node:timers/promises'
import type { FilePart } from '../../contract/artifact.ts'
import type { FileIdentity, OpenedFolder } from '../../contract/observation.ts'
import { assembleArtifact } from './assemble-artifact.ts'
import { GapList, quoted } from './gap-list.ts'
import { type ReadPart, readPart } from './read-part.ts'
import { sniff } from './sniff-format.ts'
import { partOfStore } from './store-drafts.ts'
import { readJsonIn, textOf } from './store-files.ts'
import type { StoreFind, StoreOptions, StoreReader } from './store-reader.ts'
import { torchDistributed } from './torch-distributed.ts'

const FORMAT = torchDistributed.id
const PLAIN = 'pytorch-zip'
const DESCRIPTION = '.metadata'
const SHARD = '.distcp'
/** What Megatron keeps beside the shards: which writer it was, and the numbers that no rank has of its own. */
const WRITER = 'metadata.json'
const BESIDE: readonly (readonly [name: string, role: FilePart['role']])[] = [
  [WRITER, 'config'],
  ['common.pt', 'training'],
  ['metadata.jsonl', 'config'],
]
/** Shards that are sampled; the description tells what all of them hold, and a thousand ranks have one each (CWE-400). */
const MAX_SHARDS = 256
/** Shards that are listed, as many as one artifact tells. */
const MAX_LISTED = 4_000

export const distributedFolder: StoreReader = {
  id: FORMAT,
  signs: [DESCRIPTION],
  covers: 'model',
  recognise: ({ files }) => files.includes(DESCRIPTION) && files.some((name) => name.endsWith(SHARD)),
  read: readCheckpoint,
}

async function* readCheckpoint(folder: OpenedFolder, options: StoreOptions): AsyncGenerator<StoreFind> {
  const gaps = new GapList(folder.path)
  const description = await readOne(folder, DESCRIPTION, 1, options)
  const weights = description?.weights
  const isModel = description?.format === FORMAT && weights?.holds === undefined
  if (description === undefined || weights === undefined || !isModel) return
  if (weights.training?.kind === 'optimizer-state') return
  const described = (weights.companions ?? []).map(({ name }) => name)
  const names = [...described, ...straysOf(folder, described, gaps)]
  const read = names.slice(0, MAX_SHARDS)
  const shards: ReadPart[] = []
  for (const name of read) {
    await setImmediate()
    if (options.signal.aborted) return
    const shard = await readOne(folder, name, read.length + 1, options)
    if (shard === undefined) continue
    const detail = `${quoted(name)} is called a shard, and is a model of format ${shard.format}`
    // What the description says of a tensor counts once, whatever pieces it lies in.
    if (!isOtherModel(shard)) shards.push({ ...shard, weights: { ...shard.weights, tensors: [], companions: [] } })
    else if (described.includes(name)) description.gaps.blame('GNO_READ_INVALID', detail)
    else gaps.note('GNO_READ_INVALID', detail)
  }
  const rest = names.slice(MAX_SHARDS)
  if (rest.length > 0) gaps.note('GNO_READ_SKIPPED', `${rest.length} shards were listed and not read`)
  const main = {
    ...description,
    weights: { ...weights, facts: addWriter(weights.facts, folder, options), companions: [] },
  }
  const draft = assembleArtifact({
    kind: 'folder',
    path: folder.path,
    parts: [main, ...shards],
    gaps,
    isDeep: options.deep,
  })
  const listed = listFiles(folder, [...rest.slice(0, MAX_LISTED).map((name) => [name, 'weights'] as const), ...BESIDE])
  const [index, ...held] = draft.parts
  const first = index === undefined ? [] : [{ ...index, role: 'index' as const }]
  const parts = [...first, ...held, ...listed.map(({ part }) => part)]
  const sizeBytes = listed.reduce(
    (sum, { part }) => Math.min(Number.MAX_SAFE_INTEGER, sum + part.sizeBytes),
    draft.sizeBytes,
  )
  const told = { ...draft, parts, sizeBytes }
  yield { draft: told, claimed: [...draft.identities, ...listed.map(({ identity }) => identity)] }
}

/** A model in a container that no writer of shards makes: whoever calls it a shard must not hide it, so it is told by itself. */
function isOtherModel({ format, weights }: ReadPart): boolean {
  return format !== FORMAT && weights.isModel && weights.tensors.length > 0
}

/** Shards that the description does not name: of another checkpoint, or left out of it. */
function straysOf(folder: OpenedFolder, described: readonly string[], gaps: GapList): readonly string[] {
  const known = new Set(described)
  const strays = folder
    .list()
    .flatMap(({ name, kind }) => (kind === 'file' && name.endsWith(SHARD) && !known.has(name) ? [name] : []))
  if (strays.length > 0)
    gaps.note('GNO_READ_INVALID', `${strays.length} shards are there that ${DESCRIPTION} does not name`)
  return strays
}

async function readOne(
  folder: OpenedFolder,
  name: string,
  fileCount: number,
  options: StoreOptions,
): Promise<ReadPart | undefined> {
  const file = folder.openFile(name)
  if (file === null) return undefined
  const gaps = new GapList(file.path)
  try {
    const sniffed = gaps.attempt(() => sniff(file))
    for (const gap of gaps.list()) options.onGap?.(gap)
    if (sniffed === undefined) return undefined
    const deep = options.deep || options.mustHash(file.identity.sizeBytes)
    const { look } = sniffed
    // Alone, one archive is a plain checkpoint; here the description names its tensor.
    const reader = sniffed.reader?.id === PLAIN ? torchDistributed : sniffed.reader
    return await readPart(file, { name, reader, look, fileCount }, { ...options, deep, reportAll: false })
  } finally {
    file.close()
  }
}

function addWriter(
  facts: ReadPart['weights']['facts'],
  folder: OpenedFolder,
  { onGap }: StoreOptions,
): NonNullable<ReadPart['weights']['facts']> {
  const writer = textOf(readJsonIn(folder, WRITER, onGap)?.get('sharded_backend'))
  return new Map([
    ...(facts ?? []),
    ...(writer === undefined ? [] : [['shardedBackend', writer.slice(0, 64)] as const]),
  ])
}

function listFiles(
  folder: OpenedFolder,
  files: readonly (readonly [name: string, role: FilePart['role']])[],
): readonly { readonly part: FilePart; readonly identity: FileIdentity }[] {
  return files.flatMap(([name, role]) => {
    const file = folder.openFile(name)
    file?.close()
    return file === null ? [] : [{ part: partOfStore(file, role), identity: file.identity }]
  })
}

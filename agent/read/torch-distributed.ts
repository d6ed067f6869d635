// PyTorch's distributed checkpoints (torch.distributed.checkpoint 2.0 to 2.9; FSDP, torchtune, Megatron and NeMo 2 keep theirs so): a
// folder of `.metadata`, which describes every tensor, and of shards. facts/formats.json lists `.distcp` under NeMo, whose own format
// is a tar archive; these bytes are PyTorch's, so they have an id of their own. A shard of one archive alone is a plain checkpoint.
//
//   .metadata   a pickle whose first name is torch.distributed.checkpoint.metadata.Metadata; names, shapes, places
//   *.distcp    archives of torch.save, one after the other
import type { OpenedFile } from '../../contract/observation.ts'
import { Cursor, fileBytes } from './cursor.ts'
import { GapList, quoted } from './gap-list.ts'
import type { Look } from './look.ts'
import { pickleFacts } from './pickle-facts.ts'
import { glancePickle } from './pickle-glance.ts'
import {
  type DistributedItem,
  type DistributedMetadata,
  isDistributedMetadata,
  readDistributedMetadata,
  walkDescription,
} from './torch-distributed-metadata.ts'
import { type DistributedContent, tellRoles } from './torch-distributed-roles.ts'
import { type Shard, isShard, readShard } from './torch-distributed-shard.ts'
import type { Companion, FormatReader, ReadContext, TensorInfo, WeightsPart } from './weights.ts'

const PROTO = 0x80
/** Where the first name of a pickle lies: behind PROTO, FRAME and the opcode. */
const FIRST_NAME_BYTES = 64
const MODULE = 'torch.distributed.checkpoint.metadata'
const DESCRIPTION = '.metadata'
/** What a description beside a shard may cost, as any file (CWE-400). */
const BESIDE_BUDGET = { bytes: 67_108_864, steps: 16_777_216 }
/** Shards whose sizes are asked for; one artifact tells as many parts (CWE-400). */
const MAX_COMPANIONS = 4_096

/** The reader of distributed checkpoints. */
export const torchDistributed: FormatReader = {
  id: 'pytorch-distributed',
  endings: ['.distcp', DESCRIPTION],
  certainty: 'magic',
  firstBytes: '\u0080P',
  recognise: (look) => (look.head[0] === PROTO ? isDescription(look) : isShard(look)),
  read,
}

function isDescription(look: Look): boolean {
  return look.text(0, FIRST_NAME_BYTES).includes(MODULE) && isDistributedMetadata(glancePickle(look)?.value)
}

function read(cursor: Cursor, gaps: GapList, { look }: ReadContext): WeightsPart {
  return gaps.attempt(() => cursor.uint8()) === PROTO
    ? readDescription(cursor, gaps, look)
    : describeShard(cursor, gaps, look)
}

function readDescription(cursor: Cursor, gaps: GapList, look: Look): WeightsPart {
  cursor.seek(0)
  const walk = walkDescription(cursor, gaps)
  if (walk.isComplete && cursor.remaining > 0) {
    gaps.blame('GNO_READ_INVALID', `${cursor.remaining} bytes follow the pickle`)
  }
  const metadata = readDistributedMetadata(walk.value, cursor, gaps)
  const { tensors, training, optimizerTensorCount } = tellRoles(metadata)
  const companions = findShards(metadata.files, look, gaps)
  return {
    isModel: true,
    // A description without its shards is no installed model.
    ...(companions.length === 0 ? { holds: 'sidecar' } : {}),
    ...(training?.kind === 'optimizer-state' ? { kind: 'other' } : {}),
    formatVersion: metadata.version,
    facts: new Map<string, string | number | boolean>([
      ...pickleFacts([walk]),
      ['tensorCount', metadata.tensors.length],
      ['optimizerTensorCount', optimizerTensorCount],
      ['objectCount', metadata.objectNames.length],
      ['chunkCount', metadata.chunkCount],
      ['shardCount', metadata.files.size],
    ]),
    claims: {},
    hyperparameters: {},
    ...(training === null ? {} : { training }),
    tensors: [],
    ...(tensors.length === 0 ? {} : { elsewhere: tensors }),
    ...(companions.length === 0 ? {} : { companions }),
    headerBytes: cursor.size,
  }
}

/** The shards that are there and long enough; the gaps tell of the others. */
function findShards(files: DistributedMetadata['files'], look: Look, gaps: GapList): readonly Companion[] {
  const companions: Companion[] = []
  for (const [name, items] of [...files].slice(0, MAX_COMPANIONS)) {
    const opened = look.openSibling(name)
    if (opened === null) {
      gaps.note('GNO_READ_PART_MISSING', `shard ${quoted(name)} is not there, or is no regular file of the folder`)
      continue
    }
    const { path, identity } = opened
    const { sizeBytes } = identity
    opened.close()
    companions.push({ name, path, sizeBytes })
    const end = items.reduce((most, { offset, length }) => Math.max(most, offset + length), 0)
    if (end > sizeBytes) {
      gaps.blame('GNO_READ_TRUNCATED', `shard ${quoted(name)} has ${sizeBytes} bytes, and its items end at byte ${end}`)
    }
  }
  if (files.size > MAX_COMPANIONS) {
    gaps.note('GNO_READ_SKIPPED', `${files.size - MAX_COMPANIONS} shards were not looked for`)
  }
  return companions
}

interface Described {
  readonly metadata: DistributedMetadata
  readonly content: DistributedContent
}

/** The last description that was read: each of a thousand shards asks for the same one, and the collector may have it. */
let lastRead: { readonly key: string; readonly described: WeakRef<Described> } | undefined

/** What the description beside a shard says, or null; trouble in it is told by its own reader. */
function describedBeside(look: Look): Described | null {
  const opened = look.openSibling(DESCRIPTION)
  if (opened === null) return null
  try {
    const { dev, inode, sizeBytes, mtimeNs } = opened.identity
    const key = [dev, inode, sizeBytes, mtimeNs].join(' ')
    const known = lastRead?.key === key ? lastRead.described.deref() : undefined
    const described = known ?? readBeside(opened)
    if (described !== null) lastRead = { key, described: new WeakRef(described) }
    return described
  } finally {
    opened.close()
  }
}

function readBeside(opened: OpenedFile): Described | null {
  const gaps = new GapList('')
  const cursor = new Cursor(fileBytes(opened), BESIDE_BUDGET)
  const { value } = walkDescription(cursor, gaps)
  if (!isDistributedMetadata(value)) return null
  const metadata = readDistributedMetadata(value, cursor, gaps)
  return { metadata, content: tellRoles(metadata) }
}

function describeShard(cursor: Cursor, gaps: GapList, look: Look): WeightsPart {
  const shard = readShard(cursor, gaps)
  const described = describedBeside(look)
  const items = described?.metadata.files.get(look.name)
  if (items !== undefined) checkPlaces(shard, items, gaps)
  const tensors = nameTensors(shard, described, items)
  const walks = shard.archives.flatMap((archive) => archive.walks)
  const training = described?.content.training ?? null
  return {
    isModel: true,
    ...(training?.kind === 'optimizer-state' ? { kind: 'other' } : {}),
    formatVersion: described?.metadata.version ?? null,
    facts: new Map<string, string | number | boolean>([
      ...pickleFacts(walks),
      ['archiveCount', shard.archives.length],
      ['isDescribed', items !== undefined],
    ]),
    claims: {},
    hyperparameters: {},
    ...(training === null ? {} : { training }),
    tensors,
    headerBytes: tensors.reduce((least, { offset }) => Math.min(least, offset), cursor.size),
  }
}

/** A place at which no archive begins is a lie: PyTorch would load other bytes than we have seen. */
function checkPlaces({ archives, isWhole }: Shard, items: readonly DistributedItem[], gaps: GapList): void {
  const starts = new Set(archives.map(({ at }) => at))
  const wrong = isWhole ? items.find(({ offset }) => !starts.has(offset)) : undefined
  if (wrong === undefined) return
  gaps.blame('GNO_READ_INVALID', `${quoted(wrong.name)} is said to begin at byte ${wrong.offset}, and no archive does`)
}

/** The names that the description gives, or the number of the archive. */
function nameTensors(
  { archives }: Shard,
  described: Described | null,
  items: readonly DistributedItem[] | undefined,
): readonly TensorInfo[] {
  const names = new Map((items ?? []).map(({ name, offset }) => [offset, name]))
  return archives.flatMap(({ at, tensors }, index) => {
    const given = names.get(at)
    const prefix = given === undefined ? String(index) : (described?.content.nameOf(given) ?? null)
    // The optimizer's, where there is a model.
    if (prefix === null) return []
    return tensors.map((tensor) => ({ ...tensor, name: tensor.name === '' ? prefix : `${prefix}.${tensor.name}` }))
  })
}

// NVIDIA NeMo's archives (NVIDIA/NeMo:nemo/core/connectors/save_restore_connector.py): a tar archive, plain or gzipped, of
// model_config.yaml and the weights it belongs to. Hydra imports whatever `_target_` in it names (CVE-2025-23304).
import { Cursor, memoryBytes, readTrouble } from './cursor.ts'
import { GapList } from './gap-list.ts'
import type { Look } from './look.ts'
import { type TarMember, blameDoubles, readTar } from './tar.ts'
import { unpackFirst, unpackHead } from './unpack-head.ts'
import type { FormatReader, ReadContext, TensorInfo, WeightsPart } from './weights.ts'
import { heldBytes } from './weights.ts'
import { scanYaml } from './yaml-keys.ts'

const CONFIG = /(?:^|\/)model_config\.ya?ml$/
const WEIGHTS = /(?:^|\/)[^/]+\.(?:ckpt|pt|pth|bin|safetensors|distcp)$|(?:^|\/)model_weights(?:\/|$)/
const NESTED = /\.(?:ckpt|pt|pth|bin|safetensors)$/
const TAR_MAGIC_AT = 257
const GLANCE_PACKED_BYTES = 16_384
const GLANCE_BYTES = 65_536
const GLANCE_BUDGET = { bytes: 4_194_304, steps: 65_536 }
/** Of a gzipped archive the beginning is unpacked: the configuration, and the whole of a small model (CWE-409). */
const MAX_UNPACKED_BYTES = 16_777_216
const MAX_CONFIG_BYTES = 1_048_576
const MAX_FACT_CHARS = 512
/** Files of weights: one a rank of model parallelism (CWE-400). */
const MAX_WEIGHTS = 256
/** Tensors of all of them together (CWE-770). */
const MAX_HELD_BYTES = 25_165_824
const TARGET = /^\s{0,64}_target_:[ \t]{0,8}['"]?([\w.]{1,256})/gm

/** The reader of NeMo's archives. */
export const nemo: FormatReader = {
  id: 'nemo',
  endings: ['.nemo'],
  certainty: 'magic',
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const isGzip = look.head[0] === 0x1f && look.head[1] === 0x8b
  if (!isGzip && look.text(TAR_MAGIC_AT, 5) !== 'ustar') return false
  if (isGzip && !mayBeginTar(unpackFirst(look.head, 'gzip'))) return false
  const names = membersInSight(look, isGzip).map(({ name }) => name)
  return names.some((name) => CONFIG.test(name)) && (isGzip || names.some((name) => WEIGHTS.test(name)))
}

/** Nearly everything gzipped is no archive. */
function mayBeginTar(first: Uint8Array | null): boolean {
  if (first === null || first.length < TAR_MAGIC_AT + 5) return true
  return Buffer.from(first.subarray(TAR_MAGIC_AT, TAR_MAGIC_AT + 5)).toString('latin1') === 'ustar'
}

function membersInSight(look: Look, isGzip: boolean): readonly TarMember[] {
  const whole = isGzip ? null : look.tar()
  if (whole !== null) return whole.members
  const head = isGzip ? unpackHead(look.at(0, GLANCE_PACKED_BYTES), 'gzip', GLANCE_BYTES)?.bytes : undefined
  if (isGzip && (head === undefined || Buffer.from(head).toString('latin1', TAR_MAGIC_AT, 262) !== 'ustar')) return []
  // A list that ends early is judged by what it shows.
  const members: TarMember[] = []
  const cursor = new Cursor(head === undefined ? look.source : memoryBytes(head), GLANCE_BUDGET)
  new GapList('').attempt(() => readTar(cursor, members))
  return members
}

interface Archive {
  readonly cursor: Cursor
  readonly members: readonly TarMember[]
  /** False where the bytes were unpacked: they have no place in the file. */
  readonly isPlain: boolean
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const archive = gaps.attempt(() => open(cursor, gaps)) ?? { cursor, members: [], isPlain: true }
  const { members } = archive
  blameDoubles(members, gaps)
  const facts = new Map<string, string | number>([
    ['memberCount', members.length],
    [
      'members',
      members
        .map(({ name }) => name)
        .join(',')
        .slice(0, MAX_FACT_CHARS),
    ],
    ['compression', archive.isPlain ? 'none' : 'gzip'],
  ])
  const config = members.find(({ name }) => CONFIG.test(name))
  if (config !== undefined) gaps.attempt(() => readConfig(archive.cursor, config, facts))
  const tensors = readWeights(archive, gaps, context, facts)
  const name = facts.get('name')
  return {
    isModel: true,
    formatVersion: facts.get('nemoVersion')?.toString() ?? null,
    facts,
    claims: typeof name === 'string' ? { name } : {},
    hyperparameters: {},
    tensors,
    headerBytes: tensors.reduce(
      (least, { offset, bytes }) => (bytes === null ? least : Math.min(least, offset)),
      cursor.size,
    ),
  }
}

function open(cursor: Cursor, gaps: GapList): Archive {
  const members: TarMember[] = []
  const isGzip = cursor.uint16() === 0x8b1f
  cursor.seek(0)
  if (!isGzip) {
    gaps.attempt(() => readTar(cursor, members))
    return { cursor, members, isPlain: true }
  }
  const packed = cursor.copy(Math.min(cursor.size, MAX_UNPACKED_BYTES))
  const unpacked = unpackHead(packed, 'gzip', MAX_UNPACKED_BYTES)
  if (unpacked === null) throw readTrouble('GNO_READ_INVALID', 'the gzip content cannot be unpacked')
  const inner = cursor.over(unpacked.bytes)
  const isPart = unpacked.end === 'limit' || packed.length < cursor.size
  if (isPart) gaps.note('GNO_READ_SKIPPED', `only the first ${unpacked.bytes.length} unpacked bytes were read`)
  const found = isPart ? new GapList('') : gaps
  found.attempt(() => readTar(inner, members))
  return { cursor: inner, members: members.filter((member) => isInside(inner, member)), isPlain: false }
}

function isInside(cursor: Cursor, { dataAt, sizeBytes }: TarMember): boolean {
  return dataAt + sizeBytes <= cursor.size
}

/** `target` is the model's class; every `_target_` names something that Hydra would import and call. */
function readConfig(cursor: Cursor, member: TarMember, facts: Map<string, string | number>): void {
  if (member.sizeBytes > MAX_CONFIG_BYTES)
    throw readTrouble('GNO_READ_LIMIT', `a configuration of ${member.sizeBytes} bytes`)
  const bytes = cursor.within(member.dataAt, member.sizeBytes).copy(member.sizeBytes)
  const keys = scanYaml(bytes)
  for (const [fact, key] of [
    ['targetClass', 'target'],
    ['nemoVersion', 'nemo_version'],
    ['name', 'name'],
  ] as const) {
    const value = keys.get(key)
    if (value !== undefined && value !== '') facts.set(fact, value)
  }
  const targets = new Set([...Buffer.from(bytes).toString('utf8').matchAll(TARGET)].map(([, target = '']) => target))
  facts.set('hydraTargetCount', targets.size)
  if (targets.size > 0) facts.set('hydraTargets', [...targets].join(',').slice(0, MAX_FACT_CHARS))
}

function readWeights(
  { cursor, members, isPlain }: Archive,
  gaps: GapList,
  { readNested }: ReadContext,
  facts: Map<string, string | number>,
): readonly TensorInfo[] {
  const weights = members.filter((member) => NESTED.test(member.name) && isInside(cursor, member))
  const formats = new Set<string>()
  const tensors: TensorInfo[] = []
  let held = 0
  for (const member of weights.slice(0, MAX_WEIGHTS)) {
    const prefix = weights.length > 1 ? `${member.name.replace(/^\.\//, '')}/` : ''
    const nested = gaps.attempt(() => {
      const inner = cursor.within(member.dataAt, member.sizeBytes)
      return readNested(inner, member.name.split('/').at(-1) ?? '', gaps)
    })
    if (nested === null || nested === undefined) continue
    formats.add(nested.format)
    held += nested.weights.tensors.reduce((sum, { name, shape }) => sum + heldBytes(name, shape) + prefix.length, 0)
    if (held > MAX_HELD_BYTES) {
      gaps.blame('GNO_READ_LIMIT', `the tensors of the members take more than ${MAX_HELD_BYTES} bytes`)
      break
    }
    for (const tensor of nested.weights.tensors) {
      const place = isPlain ? { offset: member.dataAt + tensor.offset } : { offset: 0, bytes: null }
      tensors.push({ ...tensor, name: prefix + tensor.name, ...place })
    }
  }
  if (weights.length > MAX_WEIGHTS)
    gaps.note('GNO_READ_SKIPPED', `${weights.length - MAX_WEIGHTS} members were not read`)
  if (formats.size > 0) facts.set('innerFormats', [...formats].sort().join(', '))
  return tensors
}

// Which files of a folder belong together, and which of them the folder's configuration describes. Shards of safetensors and of
// PyTorch say so by name only; GGUF shards say so inside.
import type { CandidateFile } from '../../contract/observation.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

export interface Found {
  readonly candidate: CandidateFile
  readonly reader: FormatReader
}

export interface ShardGroup {
  readonly members: readonly [Found, ...Found[]]
  /** Shards that the names promise; 1 for a file that stands alone. */
  readonly count: number
  /**
   * What files beside it (config.json) are to it: `is` for the main weights of the folder, `describes` for the same model in another
   * framework's container, which shares the numbers and the tokenizer and stays a file of its own.
   */
  readonly folder: 'is' | 'describes' | 'none'
}

/** `model-00001-of-00163.safetensors`: stem, index from 1, count, ending. */
const SHARD_NAME = /^(.{1,200})-(\d{5})-of-(\d{5})(\.[a-z]{1,16})$/
/**
 * Containers that state no hyperparameters and lie beside a configuration, in the order in which a folder is named for one of them.
 * GGUF and the older ggml files state their own.
 */
const FOLDER_FORMATS: readonly string[] = [
  'safetensors',
  'pytorch-zip',
  'pytorch-legacy',
  'numpy',
  'flax-msgpack',
  'keras-h5',
  'onnx',
  'openvino',
  'executorch',
  'tflite',
  'mlc',
]
/** Containers that writers divide into `name-00001-of-00002.ending`. */
const SHARDED: ReadonlySet<string> = new Set([
  'safetensors',
  'pytorch-zip',
  'pytorch-legacy',
  'flax-msgpack',
  'keras-h5',
])
/** Pickles, arrays and caches lie in such folders for many reasons (optimizer.pt): only their usual names are the model's. */
const NAMED_ONLY: ReadonlySet<string> = new Set(['pytorch-zip', 'pytorch-legacy', 'numpy', 'keras-h5', 'mlc'])
/** Names that transformers, diffusers, PEFT, optimum, MLX and MLC give to the main weights. */
const MAIN_STEMS: readonly string[] = (
  'model diffusion_pytorch_model pytorch_model adapter_model weights flax_model tf_model openvino_model ' +
  'openvino_language_model decoder_model_merged decoder_model tensor-cache ndarray-cache'
).split(' ')
/** What optimum and transformers.js add to the name for a precision. */
const PRECISION = /_(?:quantized|fp16|fp32|int8|uint8|bnb4|q4|q4f16)$/
const MAX_SHARDS = 4_096
/** Containers of a graph and of bare weights that share a stem: endings, the graph's first. */
const PAIRED: ReadonlyMap<string, readonly string[]> = new Map([
  ['openvino', ['.xml', '.bin']],
  ['ncnn', ['.param', '.param.bin', '.bin']],
])

/** Groups shards by name, in order of the names; everything else stands alone. */
export function groupShards(found: readonly Found[]): readonly ShardGroup[] {
  const groups = new Map<string, [Found, ...Found[]]>()
  const ordered = [...found].sort((left, right) => (left.candidate.name < right.candidate.name ? -1 : 1))
  for (const item of ordered) {
    const match = matchShard(item)
    const alone = pairKey(item) ?? item.candidate.path
    const key = match === null ? alone : `${match[1] ?? ''} ${match[3] ?? ''} ${match[4] ?? ''}`
    const known = groups.get(key)
    if (known === undefined) groups.set(key, [item])
    else known.push(item)
  }
  const lists = [...groups.values()].map(graphFirst)
  const main = findMain(lists)
  return lists.map((members) => ({ members, count: countOf(members[0]), folder: tellFolder(members, main) }))
}

/** True where further members are the weights of the first, and no shards of one model. */
export function isPair({ members: [{ reader }] }: ShardGroup): boolean {
  return PAIRED.has(reader.id)
}

/** What a graph and its weights have in common: the format and the stem of the name. */
function pairKey({ candidate: { name }, reader }: Found): string | undefined {
  const ending = pairEnding(name, reader)
  return ending === undefined ? undefined : `${reader.id} ${name.slice(0, -ending.length)}`
}

/** The longest that fits: `.param.bin` before `.bin`. */
function pairEnding(name: string, { id }: FormatReader): string | undefined {
  const fitting = (PAIRED.get(id) ?? []).filter((ending) => name.toLowerCase().endsWith(ending))
  return fitting.find((ending) => fitting.every(({ length }) => length <= ending.length))
}

/** A pair is called and described by its graph. */
function graphFirst(members: readonly [Found, ...Found[]]): readonly [Found, ...Found[]] {
  const [{ reader }] = members
  const endings = PAIRED.get(reader.id) ?? []
  const placeOf = ({ candidate: { name } }: Found): number => endings.indexOf(pairEnding(name, reader) ?? '')
  const [first, ...others] = [...members].sort((left, right) => placeOf(left) - placeOf(right))
  return first === undefined ? members : [first, ...others]
}

/** True for a container that a configuration beside it may describe. */
export function isFolderFormat(format: string | undefined): boolean {
  return format !== undefined && FOLDER_FORMATS.includes(format)
}

function matchShard({ candidate, reader }: Found): RegExpExecArray | null {
  return SHARDED.has(reader.id) ? SHARD_NAME.exec(candidate.name) : null
}

type Members = readonly [Found, ...Found[]]

function findMain(lists: readonly Members[]): Members | undefined {
  for (const format of FOLDER_FORMATS) {
    const candidates = lists.filter(([{ reader }]) => reader.id === format)
    const [only, second] = candidates
    if (only !== undefined && second === undefined && !NAMED_ONLY.has(format)) return only
    const named = MAIN_STEMS.map((stem) => candidates.find(([first]) => stemOf(first) === stem))
    const main = named.find((group) => group !== undefined)
    if (main !== undefined) return main
    // Without a usual name nobody can say which of several safetensors the configuration means.
    if (format === 'safetensors' && only !== undefined) return undefined
  }
  return undefined
}

function tellFolder(members: Members, main: Members | undefined): ShardGroup['folder'] {
  if (main === undefined) return 'none'
  if (members === main) return 'is'
  const [first] = members
  const { id } = first.reader
  const isOther = FOLDER_FORMATS.includes(id) && (id !== main[0].reader.id || id === 'onnx')
  return isOther && MAIN_STEMS.includes(stemOf(first)) ? 'describes' : 'none'
}

function stemOf(found: Found): string {
  const { name } = found.candidate
  return matchShard(found)?.[1] ?? name.replace(/\.[^.]*$/, '').replace(PRECISION, '')
}

function countOf(first: Found): number {
  return Math.min(Number(matchShard(first)?.[3] ?? 1), MAX_SHARDS)
}

/** Names of shards that the names or the index promise and that are not among the members. */
export function missingShards(group: ShardGroup, indexed: readonly string[]): readonly string[] {
  const present = new Set(group.members.map((member) => member.candidate.name))
  const promised = new Set(indexed)
  const match = SHARD_NAME.exec(group.members[0].candidate.name)
  for (let index = 1; match !== null && group.count > 1 && index <= group.count; index += 1) {
    promised.add(`${match[1] ?? ''}-${String(index).padStart(5, '0')}-of-${match[3] ?? ''}${match[4] ?? ''}`)
  }
  return [...promised].filter((name) => !present.has(name))
}

/** The list of shards that writers put beside this one: `pytorch_model.bin.index.json`. */
export function indexName(name: string): string {
  const match = SHARD_NAME.exec(name)
  return `${match === null ? name : `${match[1] ?? ''}${match[4] ?? ''}`}.index.json`
}

/** Shards of one GGUF model share this key: count, tensors in total, and the stem of the name where it is the usual one. */
export function splitKey(name: string, split: NonNullable<WeightsPart['split']>): string {
  const match = SHARD_NAME.exec(name)
  return `${split.count} ${split.tensorCount} ${match?.[1] ?? ''}`
}

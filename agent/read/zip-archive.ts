// Any other zip archive (PKWARE APPNOTE 6.3.10): listed, and looked into where a member's name suggests weights. An encrypted member
// cannot be looked into, and that is told.
import type { Cursor } from './cursor.ts'
import { readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { Look } from './look.ts'
import { type TensorRoom, readMember, roomForTensors } from './nested-weights.ts'
import { nameWeights } from './weight-names.ts'
import type { FormatReader, NestedPart, ReadContext, TensorInfo, WeightsPart } from './weights.ts'
import { STORED, type ZipDirectory, type ZipMember, readZip } from './zip.ts'

const HEADS = ['PK\u0003\u0004', 'PK\u0005\u0006']
const MAX_FACT_CHARS = 512
/** Members that are looked into: a pipeline has under 40 files of weights (CWE-400). */
const MAX_LOOKED = 64
/** Bytes unpacked from one archive, whatever its members declare (CWE-409). */
const MAX_UNPACKED_BYTES = 67_108_864
/** What weights and archives around them are called; the name only decides whether it is worth a look. */
const LIKELY_ENDINGS = (
  '.gguf .ggml .safetensors .sft .pt .pth .bin .ckpt .pkl .pickle .joblib .dill .npy .npz .h5 .hdf5 .keras .onnx .ort .tflite .pte .pb ' +
  '.mlmodel .msgpack .llamafile .mnn .task .litertlm .rknn .dlc .engine .nemo .model .zip .7z .tar .skops .dduf'
).split(' ')

/** The reader of archives that no format of models claims. */
export const zipArchive: FormatReader = {
  id: 'zip',
  endings: ['.zip'],
  certainty: 'structure',
  firstBytes: 'P',
  recognise: ({ head, sizeBytes }: Look) => sizeBytes >= 22 && HEADS.includes(head.toString('latin1', 0, 4)),
  read,
}

/** What lies in an archive and is no model of its own: arrays and pickles are the test data of most packages that carry them. */
const DATA_FORMATS: ReadonlySet<string> = new Set(['numpy', 'pickle'])
/** Weights below both of these are the samples of a library, not a model that somebody zipped. */
const LEAST_BYTES = 1_048_576
const LEAST_PARAMETERS = 1_000
/** Packages of Python and Java, and documents of office programs (ECMA-376 part 2): programs and papers, whatever they carry. */
const PACKAGE_MEMBERS = /(?:^|\/)[^/]+\.dist-info\/|^META-INF\/MANIFEST\.MF$|^\[Content_Types\]\.xml$/

/** What a member's name and the name of the only array in it become. */
const LONE_ARRAY = /\.npy\/array$/i

interface Draft {
  readonly tensors: TensorInfo[]
  readonly formats: Set<string>
  readonly facts: Map<string, string | number | boolean>
  /** Of members that are NumPy's, which are a model where their names say so: one more member makes an .npz this archive. */
  readonly arrays: TensorInfo[]
  hasWeights: boolean
  isPackage: boolean
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const draft: Draft = {
    tensors: [],
    formats: new Set(),
    facts: new Map(),
    arrays: [],
    hasWeights: false,
    isPackage: false,
  }
  gaps.attempt(() => {
    const zip = readZip(cursor)
    if (zip === null) throw readTrouble('GNO_READ_TRUNCATED', 'the archive ends without its directory')
    describe(zip, draft, gaps)
    draft.isPackage = zip.members.some(({ name }) => PACKAGE_MEMBERS.test(name))
    lookInside(cursor, zip, draft, { gaps, context })
    takeArrays(draft)
  })
  const { tensors, formats, facts, hasWeights } = draft
  if (formats.size > 0) facts.set('innerFormats', [...formats].sort().join(', '))
  const first = tensors.reduce(
    (least, { offset, bytes }) => (bytes === null ? least : Math.min(least, offset)),
    cursor.size,
  )
  return {
    isModel: true,
    holds: hasWeights ? 'weights' : 'data',
    formatVersion: null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors,
    headerBytes: first,
  }
}

function describe(zip: ZipDirectory, { facts }: Draft, gaps: GapList): void {
  const names = zip.members.slice(0, MAX_FACT_CHARS).map(({ name }) => name)
  facts.set('memberCount', zip.members.length)
  facts.set('members', names.join(', ').slice(0, MAX_FACT_CHARS))
  // Readers differ in which of two members with one name they believe (CWE-694).
  for (const name of zip.doubles) gaps.blame('GNO_READ_INVALID', `the member ${quoted(name)} is there twice`)
  const locked = zip.members.filter(({ isEncrypted }) => isEncrypted).length
  facts.set('isEncrypted', locked > 0)
  if (locked > 0) gaps.blame('GNO_READ_LOCKED', `${locked} of ${zip.members.length} members are encrypted`)
}

function lookInside(
  cursor: Cursor,
  zip: ZipDirectory,
  draft: Draft,
  how: { readonly gaps: GapList; readonly context: ReadContext },
): void {
  const { gaps } = how
  const room = roomForTensors()
  let left = MAX_UNPACKED_BYTES
  const likely = zip.members.filter(isLikely)
  for (const member of likely.slice(0, MAX_LOOKED)) {
    const unpacked = member.method === STORED ? 0 : member.sizeBytes
    if (unpacked > left) {
      gaps.note('GNO_READ_SKIPPED', `${quoted(member.name)} would unpack to ${member.sizeBytes} bytes`)
      continue
    }
    left -= unpacked
    const nested = gaps.attempt(() => lookAtMember(cursor, member, room, how))
    if (nested !== null && nested !== undefined) take(draft, nested, member.sizeBytes)
  }
  if (likely.length > MAX_LOOKED)
    gaps.note('GNO_READ_SKIPPED', `${likely.length - MAX_LOOKED} members were not looked at`)
}

function lookAtMember(
  cursor: Cursor,
  member: ZipMember,
  room: TensorRoom,
  { gaps, context }: { readonly gaps: GapList; readonly context: ReadContext },
): NestedPart | null {
  return readMember(cursor, { member, prefix: `${member.name}/`, room }, gaps, context)
}

/** By its name; a large one that lies unpacked in the archive costs one small read, so it is looked at whatever it is called. */
function isLikely({ name, isEncrypted, method, sizeBytes }: ZipMember): boolean {
  if (isEncrypted) return false
  const lower = name.toLowerCase()
  const isNamed = LIKELY_ENDINGS.some((ending) => lower.endsWith(ending))
  return isNamed || (method === STORED && sizeBytes >= LEAST_BYTES)
}

function take(draft: Draft, { format, weights }: NestedPart, sizeBytes: number): void {
  if (!weights.isModel) return
  draft.formats.add(format)
  if (format === 'numpy') draft.arrays.push(...weights.tensors.filter(({ name }) => LONE_ARRAY.test(name)))
  if (draft.isPackage || DATA_FORMATS.has(format) || (weights.holds ?? 'weights') !== 'weights') return
  const parameters = weights.tensors.reduce((sum, { elements }) => sum + elements, 0)
  if (sizeBytes < LEAST_BYTES && parameters < LEAST_PARAMETERS) return
  draft.hasWeights = true
  draft.tensors.push(...weights.tensors)
}

/** NumPy's own reader takes archives of nothing but arrays; np.load does not mind what else lies in one. */
function takeArrays(draft: Draft): void {
  const named = draft.arrays.map((tensor) => ({ ...tensor, name: tensor.name.replace(LONE_ARRAY, '') }))
  const elements = named.reduce((sum, tensor) => sum + tensor.elements, 0)
  if (draft.isPackage || elements < LEAST_PARAMETERS || !nameWeights(named.map(({ name }) => name))) return
  draft.hasWeights = true
  draft.tensors.push(...named)
}

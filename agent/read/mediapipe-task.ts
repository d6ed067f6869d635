// MediaPipe bundles (.task): a zip with stored members. Language models have TF_LITE_PREFILL_DECODE, TOKENIZER_MODEL and METADATA
// (google-ai-edge/mediapipe:mediapipe/tasks/cc/genai/inference, bundler), vision tasks *.tflite members.
import { type Cursor, readTrouble } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import { type GapList, quoted } from './gap-list.ts'
import { shifted } from './laid-out.ts'
import type { Look } from './look.ts'
import { type TensorRoom, roomForTensors, takeRoom } from './nested-weights.ts'
import { isTorchZip } from './torch-zip.ts'
import type { FormatReader, NestedPart, ReadContext, TensorInfo, WeightsPart } from './weights.ts'
import { STORED, type ZipMember, dataPlace, openMember, readZip } from './zip.ts'

/** Members that only a bundle for language models has. */
const MODEL_PREFIX = 'TF_LITE_'
const TOKENIZER = 'TOKENIZER_MODEL'
const METADATA = 'METADATA'
const TFLITE_ENDING = '.tflite'
/** Vision bundles have up to four models; what more there is stays a number (CWE-400). */
const MAX_MODELS = 16
/** Stored members are read in place; a bundle never packs, so what is packed may be small only (CWE-409). */
const MAX_UNPACKED_BYTES = 67_108_864
const MAX_FACT_CHARS = 512

/** The reader of MediaPipe bundles. */
export const mediapipeTask: FormatReader = {
  id: 'mediapipe-task',
  endings: ['.task'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

/** Language bundles by their names; vision bundles hold models and little else. */
function recognise(look: Look): boolean {
  const zip = look.zip()
  if (zip === null || isTorchZip(zip)) return false
  const { members } = zip
  if (members.some(({ name }) => name.startsWith(MODEL_PREFIX))) return true
  const models = members.filter(({ name }) => isModelName(name))
  // An app or a package that carries a model among its own files is no bundle: a bundle keeps all of them at its top.
  return (
    models.length > 0 && members.length <= 2 * models.length + 4 && members.every(({ name }) => !name.includes('/'))
  )
}

function isModelName(name: string): boolean {
  return name.startsWith(MODEL_PREFIX) || name.toLowerCase().endsWith(TFLITE_ENDING)
}

interface Draft {
  readonly facts: Map<string, string | number | boolean>
  readonly tensors: TensorInfo[]
  readonly room: TensorRoom
}

function read(cursor: Cursor, gaps: GapList, { readNested }: ReadContext): WeightsPart {
  const draft: Draft = { facts: new Map(), tensors: [], room: roomForTensors() }
  gaps.attempt(() => {
    const directory = readZip(cursor)
    if (directory === null) throw readTrouble('GNO_READ_TRUNCATED', 'the bundle has no zip directory')
    const names = directory.members.map(({ name }) => name)
    draft.facts.set('members', directory.members.length)
    draft.facts.set('memberNames', names.slice(0, 16).join(', ').slice(0, MAX_FACT_CHARS))
    draft.facts.set('hasTokenizer', names.includes(TOKENIZER)).set('hasMetadata', names.includes(METADATA))
    for (const name of directory.doubles) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
    const models = directory.members.filter(({ name }) => isModelName(name))
    draft.facts.set('models', models.length)
    for (const member of models.slice(0, MAX_MODELS)) {
      gaps.attempt(() => addModel(cursor, member, (inner) => readNested(inner, member.name, gaps), draft, gaps))
    }
    if (models.length > MAX_MODELS) gaps.note('GNO_READ_SKIPPED', `${models.length - MAX_MODELS} further models`)
  })
  return {
    isModel: true,
    formatVersion: null,
    facts: draft.facts,
    claims: {},
    hyperparameters: {},
    tensors: draft.tensors,
    headerBytes: draft.tensors[0]?.offset ?? cursor.size,
  }
}

function addModel(
  cursor: Cursor,
  member: ZipMember,
  readModel: (inner: Cursor) => NestedPart | null,
  { facts, tensors, room }: Draft,
  gaps: GapList,
): void {
  const nested = readModel(openMember(cursor, member, MAX_UNPACKED_BYTES))
  if (nested === null) {
    gaps.blame('GNO_READ_INVALID', `${quoted(member.name)} is no model`)
    return
  }
  const custom = nested.weights.facts?.get('customOperators')
  if (custom !== undefined) facts.set('customOperators', custom)
  // What was unpacked has no place in the file.
  if (member.method !== STORED) return
  const at = dataPlace(cursor, member)
  for (const tensor of shifted(nested.weights.tensors, at)) {
    const named = { ...tensor, name: `${member.name}/${tensor.name}` }
    if (!takeRoom(room, named, gaps)) break
    tensors.push(named)
  }
}

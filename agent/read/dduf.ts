// DDUF: a whole diffusers pipeline in one archive whose members are stored (huggingface_hub:docs package_reference/serialization):
// model_index.json at the top, and a folder for each component with its config.json and its weights.
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import type { Cursor } from './cursor.ts'
import { ARCHIVE } from './first-bytes.ts'
import { type GapList, quoted } from './gap-list.ts'
import { parseJsonTree } from './json-tree.ts'
import type { Look } from './look.ts'
import { readMember, roomForTensors } from './nested-weights.ts'
import { isTorchZip } from './torch-zip.ts'
import type { FormatReader, ReadContext, TensorInfo, WeightsPart } from './weights.ts'
import { STORED, type ZipDirectory, openMember, readZip } from './zip.ts'

const INDEX = 'model_index.json'
const MAX_INDEX_BYTES = 1_048_576
/** FLUX has six files of weights, the largest pipelines under 40 (CWE-770). */
const MAX_WEIGHTS_MEMBERS = 256
const WEIGHTS_ENDINGS = ['.safetensors', '.gguf']

/** The reader of DDUF archives. */
export const dduf: FormatReader = {
  id: 'dduf',
  endings: ['.dduf'],
  certainty: 'magic',
  firstBytes: ARCHIVE,
  recognise,
  read,
}

function recognise(look: Look): boolean {
  const zip = look.zip()
  if (zip === null || !zip.byName.has(INDEX) || isTorchZip(zip)) return false
  return zip.members.every(({ method }) => method === STORED) && weightsOf(zip).length > 0
}

function weightsOf({ members }: ZipDirectory): ZipDirectory['members'] {
  return members.filter(({ name }) => name.includes('/') && WEIGHTS_ENDINGS.some((ending) => name.endsWith(ending)))
}

function read(cursor: Cursor, gaps: GapList, context: ReadContext): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  const tensors: TensorInfo[] = []
  const zip = gaps.attempt(() => readZip(cursor)) ?? null
  if (zip !== null) {
    for (const name of zip.doubles) gaps.blame('GNO_READ_INVALID', `the member ${quoted(name)} is there twice`)
    facts.set('memberCount', zip.members.length)
    facts.set('components', new Set(zip.members.map(({ name }) => name.split('/')[0] ?? '')).size - 1)
    gaps.attempt(() => readIndex(cursor, zip, facts))
    readComponents(cursor, zip, tensors, { gaps, context })
  }
  const headerBytes = tensors.reduce((least, { offset }) => Math.min(least, offset), cursor.size)
  return { isModel: true, formatVersion: null, facts, claims: {}, hyperparameters: {}, tensors, headerBytes }
}

function readComponents(
  cursor: Cursor,
  zip: ZipDirectory,
  tensors: TensorInfo[],
  { gaps, context }: { readonly gaps: GapList; readonly context: ReadContext },
): void {
  const room = roomForTensors()
  const members = weightsOf(zip)
  for (const member of members.slice(0, MAX_WEIGHTS_MEMBERS)) {
    const prefix = `${member.name.split('/')[0] ?? ''}/`
    const nested = gaps.attempt(() => readMember(cursor, { member, prefix, room }, gaps, context))
    if (nested === null) gaps.blame('GNO_READ_INVALID', `${quoted(member.name)} holds no weights`)
    tensors.push(...(nested?.weights.tensors ?? []))
  }
  const untold = members.length - MAX_WEIGHTS_MEMBERS
  if (untold > 0) gaps.note('GNO_READ_SKIPPED', `${untold} further files of weights`)
}

function readIndex(cursor: Cursor, zip: ZipDirectory, facts: Map<string, string | number | boolean>): void {
  const member = zip.byName.get(INDEX)
  if (member === undefined) return
  const inner = openMember(cursor, member, MAX_INDEX_BYTES)
  const tree = parseJsonTree(inner.copy(Math.min(inner.size, MAX_INDEX_BYTES)))
  if (!(tree instanceof Map)) return
  for (const [key, fact] of [
    ['_class_name', 'pipeline'],
    ['_diffusers_version', 'diffusersVersion'],
  ] as const) {
    const value: unknown = tree.get(key)
    if (typeof value === 'string') facts.set(fact, value.slice(0, MAX_NAME_CHARS))
  }
}

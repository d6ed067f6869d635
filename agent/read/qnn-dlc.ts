// Qualcomm's containers, from what public readers know (lutzroeder/netron:source/dlc.js): DLC of version 1 as a zip, of versions 2 to
// 4 as flatbuffers behind eight bytes, and QNN context binaries, whose inside is not public.
//
//   d5 0a | u16 major | u32 minor, 0 | u32 root | 'NETD', 'NETP' or 'NR64' | flatbuffer
import { type Cursor, readTrouble } from './cursor.ts'
import { Flatbuffer, hasIdentifier } from './flatbuffer.ts'
import { type GapList, quoted } from './gap-list.ts'
import type { Look } from './look.ts'
import { isTorchZip } from './torch-zip.ts'
import type { FormatReader, WeightsPart } from './weights.ts'
import { STORED, openMember, readZip } from './zip.ts'

const CONTAINER = 'd50a'
const CONTAINER_BYTES = 8
/** Model, its parameters, and parameters beyond 2 GB. */
const IDENTIFIERS: readonly string[] = ['NETD', 'NETP', 'NR64']
const MAX_MAJOR = 16
/** Heads of context binaries; the numbers are big endian, and version 1 writes 4 or 12 behind. */
const CONTEXTS: readonly string[] = [
  '00000002000000010000000004000000',
  '0000000200000001000000000c000000',
  '00000002000000020000000000000000',
  '00000002000000030000000000000001',
]
/** A context holds a compiled graph and its weights; what is smaller only begins with the same numbers. */
const MIN_CONTEXT_BYTES = 512
const MODEL = 'model'
const PARAMETERS = 'model.params'
const METADATA = 'dlc.metadata'
/** The lines of `key=value` that the converter writes. */
const MAX_METADATA_BYTES = 65_536
/** Packed members are looked into no further than this (CWE-409). */
const MAX_UNPACKED_BYTES = 67_108_864
const MAX_FACT_CHARS = 512

/** Keys of the metadata. */
const KEPT: ReadonlyMap<string, string> = new Map([
  ['model-version', 'modelVersion'],
  ['converter-command', 'converterCommand'],
  ['converter-version', 'converterVersion'],
])

/** The reader of Qualcomm's containers. */
export const qnnDlc: FormatReader = {
  id: 'qnn-dlc',
  endings: ['.dlc', '.serialized', '.bin'],
  certainty: 'magic',
  recognise: (look) => kindOf(look) !== null,
  read: (cursor, gaps, { look }) => read(cursor, gaps, look),
}

type Kind = 'dlc' | 'zip' | 'flatbuffer' | 'context'

function kindOf(look: Look): Kind | null {
  const start = look.head.subarray(0, 16)
  // Nearly every file begins with neither byte.
  const hex = start[0] === 0xd5 || start[0] === 0 ? start.toString('hex') : ''
  if (hex.startsWith(CONTAINER) && start.length >= CONTAINER_BYTES) return isContainer(start) ? 'dlc' : null
  if (CONTEXTS.includes(hex) && look.sizeBytes >= MIN_CONTEXT_BYTES) return 'context'
  if (IDENTIFIERS.some((identifier) => hasIdentifier(look, identifier))) return 'flatbuffer'
  const zip = look.text(0, 2) === 'PK' ? look.zip() : null
  const names = zip === null || isTorchZip(zip) ? undefined : zip.byName
  const hasModel = names?.has(MODEL) === true || names?.has(PARAMETERS) === true
  return hasModel && names.has(METADATA) ? 'zip' : null
}

function isContainer(start: Buffer): boolean {
  const major = start.readUInt16LE(2)
  if (major < 2 || major > MAX_MAJOR) return false
  // The second version never became public beyond its first bytes.
  return major === 2 || IDENTIFIERS.includes(start.toString('latin1', 12, 16))
}

type Facts = Map<string, string | number | boolean>

function read(cursor: Cursor, gaps: GapList, look: Look): WeightsPart {
  const facts: Facts = new Map()
  const kind = kindOf(look)
  if (kind !== null) facts.set('container', kind)
  gaps.attempt(() => {
    cursor.step(2)
    cursor.seek(0)
    cursor.view(4)
    if (kind === 'zip') readArchive(cursor, facts, gaps)
    else if (kind === 'context') {
      cursor.setLayout({ isLittleEndian: false, lengthBytes: 8 })
      facts.set('version', cursor.uint32())
      gaps.note('GNO_READ_SKIPPED', 'the layout of QNN context binaries is not public')
    } else if (kind === null) throw readTrouble('GNO_READ_TRUNCATED', 'the container ends in its first words')
    else readNet(cursor, facts)
  })
  const version = facts.get('version')
  return {
    isModel: true,
    formatVersion: version === undefined ? null : String(version),
    facts,
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

/** A flatbuffer, bare or behind the eight bytes of a container: its root table is where it says, or the file is damaged. */
function readNet(cursor: Cursor, facts: Facts): void {
  cursor.seek(0)
  const isBare = Buffer.from(cursor.view(2)).toString('hex') !== CONTAINER
  const major = isBare ? 3 : cursor.uint16()
  facts.set('version', major)
  if (major === 2) return
  const at = isBare ? 0 : CONTAINER_BYTES
  cursor.seek(at + 4)
  facts.set('identifier', Buffer.from(cursor.view(4)).toString('latin1'))
  facts.set('rootFields', new Flatbuffer(cursor, at).root().fieldCount)
}

function readArchive(cursor: Cursor, facts: Facts, gaps: GapList): void {
  const directory = readZip(cursor)
  if (directory === null) throw readTrouble('GNO_READ_TRUNCATED', 'the container has no zip directory')
  for (const name of directory.doubles) gaps.blame('GNO_READ_INVALID', `${quoted(name)} is there twice`)
  facts.set('members', directory.members.length)
  facts.set('hasParameters', directory.byName.has(PARAMETERS))
  const metadata = directory.byName.get(METADATA)
  if (metadata !== undefined) gaps.attempt(() => keepLines(openMember(cursor, metadata, MAX_METADATA_BYTES), facts))
  const model = directory.byName.get(MODEL) ?? directory.byName.get(PARAMETERS)
  if (model === undefined) return
  if (model.method !== STORED && model.sizeBytes > MAX_UNPACKED_BYTES) {
    gaps.note('GNO_READ_SKIPPED', 'the packed model is too large to look into')
    return
  }
  readNet(openMember(cursor, model, MAX_UNPACKED_BYTES), facts)
}

function keepLines(inner: Cursor, facts: Facts): void {
  if (inner.size > MAX_METADATA_BYTES) throw readTrouble('GNO_READ_LIMIT', `metadata of ${inner.size} bytes`)
  for (const line of Buffer.from(inner.copy(inner.size)).toString('utf8').split('\n')) {
    inner.step()
    const at = line.indexOf('=')
    const kept = KEPT.get(line.slice(0, Math.max(0, at)).trim())
    if (kept !== undefined)
      facts.set(
        kept,
        line
          .slice(at + 1)
          .trim()
          .slice(0, MAX_FACT_CHARS),
      )
  }
}

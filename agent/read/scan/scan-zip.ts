// Tells what lies in zip archives and how they deceive: PyTorch's, TorchScript, numpy's, and any other. Every member is looked at,
// whatever its name: pickles hide under any (CVE-2025-1889, CVE-2025-10155), and in front of, between and behind the members.
import { type Cursor, troubleOf } from '../cursor.ts'
import { type GapList, quoted } from '../gap-list.ts'
import { Look } from '../look.ts'
import { findReader } from '../sniff-format.ts'
import { STORED, type ZipDirectory, type ZipMember, peekMember, readZip } from '../zip.ts'
import { NameWatch } from './archive-names.ts'
import { tryPickle } from './find-pickles.ts'
import type { LoadReport } from './load-report.ts'
import { isPlainArray } from './plain-array.ts'
import type { ScanContext, Scanner } from './scanner.ts'
import { FIRST_BYTES, LOADED_NAME, isStartling, isWords, mayHidePickle } from './startling-bytes.ts'
import { tellMetadata } from './tell-metadata.ts'
import { tellStray } from './tell-stray.ts'
import { MAX_MEMBER_BYTES, hasChecksum, openContent, pretendedPlain } from './zip-content.ts'
import { Coverage, type LocalHeader, type Stretch, disagreements, oddFlags, readLocal } from './zip-layout.ts'
import { findLocals } from './zip-leftovers.ts'

/** Members that are handed on though nothing about them is startling: the files of a model folder (CWE-400). */
const MAX_PLAIN = 512
/** The same of those whose names say that a program loads them (CWE-400). */
const MAX_LOADED = 4_096
/** Members that are asked whether they are models once no more of them are opened; each costs some 40 µs (CWE-400). */
const MAX_RECOGNISED = 4_096
/** Members that begin like pickles or archives (CWE-400). */
const MAX_STARTLING = 4_096
/** Bytes unpacked from one archive, whatever its members declare (CWE-409). */
const MAX_UNPACKED_BYTES = 67_108_864
/** Above this only what is startling or known by its first bytes is searched. */
const LARGE_BYTES = 67_108_864
const MAX_HUNTED_BYTES = 1_048_576
const MAX_LINK_BYTES = 1_024
/** The checksum stands behind the data. */
const DEFERRED = 8
const LINK_MODE = 0xa000
const TYPE_MASK = 0xf000
/** Models of formats that keep their programs, templates or paths anywhere in the file. */
const MODEL_NAME = /\.(?:h5|hdf5|keras|onnx|gguf|llamafile|pb|nemo|skops|safetensors|tflite|pte|jinja|json)$/i
/** Files with templates, and models whose first bytes tell nothing. */
const ACTING_NAME = /(?:\.(?:jinja2?|gguf|safetensors)|(?:^|\/)(?:tokenizer_config|chat_template|config)\.json)$/i
/** Where torch keeps the numbers of tensors, which nobody unpickles. */
const STORAGE = /^(?:[^/]*\/)?(?:data|constants|tensors|storages)\/\d+$/
const STATE = /^(?:[^/]*\/)?data\.pkl$/
const LONG_NUMBER = 0x8a
const TORCH: ReadonlySet<string> = new Set(['pytorch-zip', 'torchscript'])
const END_BYTES = 22
const END_MAGIC = 'PK\u0005\u0006'
const FORMATS = ['pytorch-zip', 'torchscript', 'pytorch-mar', 'numpy', 'marian', 'zip'] as const
const MINE: ReadonlySet<string> = new Set(FORMATS)

/** The scanner of zip archives. */
export const scanZip: Scanner = {
  id: 'zip',
  formats: FORMATS,
  looksAt: ({ format, look }) => !MINE.has(format ?? '') && isArchive(look),
  scan,
}

function isArchive(look: Look): boolean {
  if (look.text(0, 2) === 'PK') return true
  return look.sizeBytes >= END_BYTES && look.text(look.sizeBytes - END_BYTES, END_MAGIC.length) === END_MAGIC
}

interface Round {
  readonly cursor: Cursor
  readonly report: LoadReport
  readonly gaps: GapList
  readonly context: ScanContext
  readonly names: NameWatch
  readonly coverage: Coverage
  left: number
  plain: number
  startling: number
  recognised: number
  isCut: boolean
}

async function scan(cursor: Cursor, report: LoadReport, gaps: GapList, context: ScanContext): Promise<void> {
  if (!isArchive(context.look)) return
  const counted = { left: MAX_UNPACKED_BYTES, plain: 0, startling: 0, recognised: 0, isCut: false }
  const names = new NameWatch(report)
  const round: Round = { cursor, report, gaps, context, names, coverage: new Coverage(), ...counted }
  const zip = context.look.zip() ?? gaps.attempt(() => readZip(cursor)) ?? null
  if (zip === null) {
    tell(round, 'no-directory', 0, 'the archive has no directory that can be read')
    report.break()
    await scanStretch(round, { start: 0, end: cursor.size })
    return
  }
  for (const member of zip.members) await scanMember(round, member)
  await scanLayout(round, zip)
}

function tell({ report, context }: Round, name: string, at: number, shown: string, facts: Facts = {}): void {
  report.tell({ kind: 'archive', name, at, shown, facts: { format: context.format ?? 'none', ...facts } })
}
type Facts = Readonly<Record<string, string | number>>

async function scanMember(round: Round, member: ZipMember): Promise<void> {
  const { cursor, names, report, gaps } = round
  names.see(member.name, member.headerAt)
  const local = readLocal(cursor, member.headerAt)
  if (local === null) {
    gaps.blame('GNO_READ_INVALID', `scan: no header of ${quoted(member.name)} at byte ${member.headerAt}`)
    report.break()
    return
  }
  round.coverage.add(cursor, member, local)
  await scanExtra(round, member, local)
  const fields = disagreements(member, local)
  const flags = oddFlags(member)
  if (flags !== 0) tell(round, 'odd-flags', member.headerAt, member.name, { flags: `0x${flags.toString(16)}` })
  if (((member.attributes >>> 16) & TYPE_MASK) === LINK_MODE) tellLink(round, member)
  await scanContent(round, member, local)
  if (fields.length === 0) return
  const other = fields.includes('name') ? `${member.name} is ${local.name} in its own header` : member.name
  tell(round, 'header-disagreement', member.headerAt, other, { fields: fields.join(', ') })
  if (fields.includes('name')) names.see(local.name, member.headerAt)
  await scanContent(round, asLocal(member, local), local)
}

/** Extra fields hold places, times and padding: what is a pickle there waits for a program that knows where to look. */
async function scanExtra(
  { cursor, report, gaps, context }: Round,
  member: ZipMember,
  local: LocalHeader,
): Promise<void> {
  const { extra, dataAt } = local
  if (extra.length === 0 || !mayHidePickle(extra)) return
  const stretch = { start: dataAt - extra.length, end: dataAt }
  await tellStray(stretch, `the extra field of ${member.name}`, { cursor, report, gaps, context })
}

/** The member as readers see it that believe its own header. */
function asLocal(member: ZipMember, local: LocalHeader): ZipMember {
  const { name, method, crc32, flags } = local
  const packedBytes = local.packedBytes ?? member.packedBytes
  const sizeBytes = local.sizeBytes ?? member.sizeBytes
  return { ...member, name, method, crc32, flags, packedBytes, sizeBytes, isEncrypted: (flags & 1) === 1 }
}

function tellLink(round: Round, member: ZipMember): void {
  const target = attempt(() => {
    const inner = openContent(round.cursor, member, MAX_LINK_BYTES)
    return Buffer.from(inner.copy(Math.min(inner.size, MAX_LINK_BYTES))).toString('utf8')
  })
  round.names.seeLink(member.name, target, member.headerAt)
}

/** Null where there is trouble that somebody else tells. */
function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (troubleOf(error) !== undefined) return null
    throw error
  }
}

async function scanContent(round: Round, member: ZipMember, local: LocalHeader): Promise<void> {
  if (member.name.endsWith('/') && member.packedBytes === 0) return
  const plain = member.isEncrypted ? pretendedPlain(round.cursor, member) : member
  if (plain === null) {
    round.gaps.blame('GNO_READ_LOCKED', `${quoted(member.name)} is encrypted`)
    round.report.break()
    return
  }
  if (member.isEncrypted) tell(round, 'encryption-pretended', member.headerAt, member.name)
  // Thousands that could act were looked at, and the file is not clean whatever the others are.
  if (round.startling > MAX_STARTLING) return
  const head = headOf(round, plain, local)
  if (!isWanted(round, plain, head)) return
  const inner = open(round, plain, head)
  if (inner === null) return
  const isDeferred = (plain.flags & DEFERRED) !== 0 && plain.crc32 === 0
  if (!isDeferred && hasChecksum(inner, plain) === false) tell(round, 'wrong-checksum', member.headerAt, member.name)
  await handOn(round, inner, plain.name, isStatePickle(round, plain.name, head) ? 'pickle' : undefined)
}

function headOf({ cursor }: Round, member: ZipMember, local: LocalHeader): Buffer {
  if (member.method === STORED) return local.head.subarray(0, Math.min(member.packedBytes, FIRST_BYTES))
  return Buffer.from(attempt(() => peekMember(cursor, member, FIRST_BYTES)) ?? [])
}

/** Whether a member is opened. What is not wanted begins with nothing that acts, and nothing unpickles a file of its name. */
function isWanted(round: Round, member: ZipMember, head: Buffer): boolean {
  const { context, report, gaps } = round
  const { name, sizeBytes } = member
  if (TORCH.has(context.format ?? '') && STORAGE.test(name))
    return isStartling(head) && isReallyPickle(round, member, head)
  // One an array: an archive may have thousands.
  if (isPlainArray(round.cursor, head)) return false
  if (isStartling(head) || isPickleName(name)) {
    round.startling += 1
    if (round.startling <= MAX_STARTLING) return true
    gaps.note('GNO_READ_LIMIT', `scan: more than ${MAX_STARTLING} members that could act`)
    report.break()
    return false
  }
  // Other scanners know what belongs into their archives.
  if (!MINE.has(context.format ?? '')) return false
  // TorchScript's program text has a scanner of its own.
  if (context.format === 'torchscript' && name.endsWith('.py')) return false
  if (sizeBytes <= MAX_HUNTED_BYTES && mayHidePickle(head)) return true
  if (sizeBytes > LARGE_BYTES && !isKnown(round, member, head)) return false
  return isCounted(round, member, head)
}

/** Whether there is room for one more of the members about which nothing is startling. */
function isCounted(round: Round, member: ZipMember, head: Buffer): boolean {
  const { report, gaps } = round
  const { name } = member
  round.plain += 1
  if (round.plain <= (LOADED_NAME.test(name) ? MAX_LOADED : MAX_PLAIN)) return true
  // Photos and notes by the thousand are no reason for suspicion; a model or a template that nobody looked at is.
  const isNamed = ACTING_NAME.test(name) || LOADED_NAME.test(name)
  if (!isNamed && isWords(head)) return false
  round.recognised += 1
  if (!isNamed && round.recognised <= MAX_RECOGNISED && !isKnown(round, member, head)) return false
  if (!round.isCut) gaps.note('GNO_READ_LIMIT', `scan: not all of more than ${MAX_PLAIN} members were looked at`)
  round.isCut = true
  report.break()
  return false
}

function isPickleName(name: string): boolean {
  return /\.(?:pkl|pickle|p|pck|pcl|dill|cpkl|joblib|debug_pkl)$/i.test(name)
}

/** Numbers may begin like a pickle by chance. */
function isReallyPickle(round: Round, member: ZipMember, head: Buffer): boolean {
  if (head[0] !== 0x80) return true
  const inner = attempt(() => openContent(round.cursor, member, MAX_MEMBER_BYTES))
  return inner !== null && tryPickle(inner, 0) !== null
}

/** A large member that a reader knows by its first bytes; of a packed one there are few, so that the name counts as well. */
function isKnown({ cursor }: Round, member: ZipMember, head: Buffer): boolean {
  const isPacked = member.method !== STORED
  if (isPacked && MODEL_NAME.test(member.name)) return true
  const stored = isPacked ? null : attempt(() => openContent(cursor, member, 0))
  const { source } = stored ?? cursor.over(head)
  return findReader(new Look(source, lastPart(member.name))) !== null
}

function open(round: Round, member: ZipMember, head: Buffer): Cursor | null {
  const { cursor, report, gaps } = round
  const limit = Math.min(MAX_MEMBER_BYTES, round.left)
  try {
    const inner = openContent(cursor, member, limit)
    if (member.method !== STORED) round.left -= inner.size
    return inner
  } catch (error) {
    const failure = troubleOf(error)
    if (failure === undefined) throw error
    const isLong = failure.code === 'GNO_READ_LIMIT'
    // A long member that begins with nothing that acts, and that nobody loads, is data: it is told, and no reason for suspicion.
    if (isLong && !isStartling(head) && !isPickleName(member.name) && !isKnown(round, member, head)) {
      gaps.note('GNO_READ_SKIPPED', `scan: ${failure.detail}`)
      return null
    }
    if (isLong) gaps.note('GNO_READ_SKIPPED', `scan: ${failure.detail}`)
    else gaps.blame(failure.code, `scan: ${failure.detail}`)
    report.break()
    return null
  }
}

/**
 * What torch.load unpickles, where it begins as torch.save writes it. Asking every reader whether it is one of its own takes as long
 * as scanning it; a legacy checkpoint begins with a long number.
 */
function isStatePickle({ context }: Round, name: string, head: Buffer): boolean {
  const [magic, protocol = 0, first] = head
  const isPickle = magic === 0x80 && protocol >= 2 && protocol <= 5 && first !== LONG_NUMBER
  return isPickle && TORCH.has(context.format ?? '') && STATE.test(name)
}

async function handOn({ context, report, gaps }: Round, inner: Cursor, name: string, format?: 'pickle'): Promise<void> {
  const scanned = await context.scanNested(inner, lastPart(name), gaps, format)
  if (scanned !== null) report.adopt(scanned, name)
}

function lastPart(name: string): string {
  return name.split('/').at(-1) ?? name
}

/** What is no member: between the members, in front of the archive and behind it. */
async function scanLayout(round: Round, zip: ZipDirectory): Promise<void> {
  const { cursor, coverage } = round
  if (zip.hasRivalEnd) tell(round, 'rival-directories', zip.endsAt, 'the end records of zip and zip64 differ')
  const { found, overlapAt } = coverage.gaps(zip)
  if (overlapAt !== null) tell(round, 'members-overlap', overlapAt, 'two members share bytes')
  // What stands at the front is in front, whether the places in the directory count it or not.
  for (const stretch of found) await scanStretch(round, stretch, stretch.start === 0 ? 'bytes-before' : 'bytes-between')
  if (zip.prefixBytes > 0) await scanStretch(round, { start: 0, end: zip.prefixBytes }, 'bytes-before')
  await scanDirectory(round, zip)
  if (zip.endsAt < cursor.size) await scanStretch(round, { start: zip.endsAt, end: cursor.size }, 'bytes-behind')
}

/** The directory, with the extra fields and comments of its entries, and the comment of the whole archive. */
async function scanDirectory({ cursor, report, gaps, context }: Round, zip: ZipDirectory): Promise<void> {
  const { directoryAt, commentAt, endsAt } = zip
  const telling = { cursor, report, gaps, context }
  await tellStray({ start: directoryAt, end: Math.min(endsAt, cursor.size) }, 'the directory of the archive', telling)
  if (commentAt >= Math.min(endsAt, cursor.size)) return
  cursor.seek(commentAt)
  const value = Buffer.from(cursor.copy(Math.min(endsAt, cursor.size) - commentAt)).toString('latin1')
  await tellMetadata([{ key: 'comment', value, at: commentAt }], telling)
}

/** Members that the directory does not list, and bytes that are none. */
async function scanStretch(round: Round, stretch: Stretch, what?: string): Promise<void> {
  const { cursor, report, gaps } = round
  const { locals, isWhole, isFilling } = findLocals(cursor, stretch)
  if (!isWhole) {
    gaps.note('GNO_READ_LIMIT', 'scan: not all bytes outside the members were searched')
    report.break()
  }
  for (const { member, local } of locals) {
    tell(round, 'unlisted-member', member.headerAt, `${member.name} is not in the directory`)
    round.names.see(member.name, member.headerAt)
    await scanContent(round, member, local)
  }
  if (what === undefined || isFilling) return
  const size = stretch.end - stretch.start
  tell(round, what, stretch.start, `${size} bytes that belong to no member`, { bytes: size })
  // The front of the file is scanned as what it is; a name of pickles has the rest searched for them.
  if (what === 'bytes-before' || locals.length > 0) return
  await handOn(round, cursor.within(stretch.start, size), `byte ${stretch.start}.pkl`)
}

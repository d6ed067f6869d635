// Tar archives as NeMo and the first PyTorch use them: the list of members, bounded (POSIX.1-1988 ustar, GNU long names skipped).
//
//   512-byte header (name 100 | mode.. | size octal at 124 | type at 156 | magic 'ustar' at 257 | prefix at 345) | data padded to 512
import { type Cursor, readTrouble } from './cursor.ts'
import { type GapList, quoted } from './gap-list.ts'

const BLOCK_BYTES = 512
/** NeMo archives have under 100 members, PyTorch's one a storage (CWE-770). */
const MAX_MEMBERS = 16_384

/** Files and links: what is unpacked under its name. Headers that belong to the next member share one (pax, GNU long names). */
const UNPACKED = '0127'

export interface TarMember {
  readonly name: string
  readonly sizeBytes: number
  /** Where its content begins. */
  readonly dataAt: number
  /** `0` file, `5` folder, `1` and `2` links. */
  readonly type: string
}

export interface TarDirectory {
  readonly members: readonly TarMember[]
}

/**
 * Lists the members. Null when the first block is no header; what is damaged later ends the list with ReadTrouble, and `members`
 * keeps what was listed, with the member that is cut.
 */
export function readTar(cursor: Cursor, members: TarMember[] = []): TarDirectory | null {
  let at = 0
  while (at + BLOCK_BYTES <= cursor.size) {
    cursor.step()
    cursor.leap(at)
    const header = Buffer.from(cursor.view(BLOCK_BYTES))
    if (header.every((byte) => byte === 0)) break
    const member = readHeader(header, at + BLOCK_BYTES)
    if (member === null && members.length === 0) return null
    if (member === null) throw readTrouble('GNO_READ_INVALID', `no tar header at byte ${at}`)
    if (members.length === MAX_MEMBERS) throw readTrouble('GNO_READ_LIMIT', `more than ${MAX_MEMBERS} members`)
    members.push(member)
    if (member.sizeBytes > cursor.size - member.dataAt) {
      throw readTrouble('GNO_READ_TRUNCATED', `a member of ${member.sizeBytes} bytes at byte ${member.dataAt}`)
    }
    at = member.dataAt + Math.ceil(member.sizeBytes / BLOCK_BYTES) * BLOCK_BYTES
  }
  return members.length === 0 ? null : { members }
}

/** Readers differ in which of two members with one name they believe: unpacked, the last is left (CWE-694). */
export function blameDoubles(members: readonly TarMember[], gaps: GapList): void {
  const seen = new Set<string>()
  for (const { name, type } of members) {
    if (!UNPACKED.includes(type)) continue
    const place = name.replace(/^(?:\.?\/)+/, '')
    if (seen.has(place)) gaps.blame('GNO_READ_INVALID', `${quoted(place)} is there twice`)
    seen.add(place)
  }
}

function readHeader(header: Buffer, dataAt: number): TarMember | null {
  if (header.toString('latin1', 257, 262) !== 'ustar') return null
  const sizeBytes = readSize(header)
  if (sizeBytes === null) return null
  const name = textOf(header, 0, 100)
  const prefix = textOf(header, 345, 500)
  const type = header.toString('latin1', 156, 157).replace('\0', '0')
  return { name: prefix === '' ? name : `${prefix}/${name}`, sizeBytes, dataAt, type }
}

/** Octal text, or base 256 where the first bit is set (GNU: files above 8 GiB). */
function readSize(header: Buffer): number | null {
  if ((header[124] ?? 0) >= 0x80) {
    const wide = header.readBigUInt64BE(128)
    return wide <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(wide) : null
  }
  const octal = header
    .toString('latin1', 124, 136)
    .replace(/[\0 ]+$/, '')
    .trim()
  return /^[0-7]{1,12}$/.test(octal) ? Number.parseInt(octal, 8) : null
}

function textOf(header: Buffer, start: number, end: number): string {
  const text = header.toString('utf8', start, end)
  const stop = text.indexOf('\0')
  return stop < 0 ? text : text.slice(0, stop)
}

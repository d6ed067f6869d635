// What systems and browsers write onto a downloaded file, read from the text or bytes that the system's own tools give. Pure: runs on
// any system. Sources: freedesktop.org "Common extended attributes" 0.5; MS-FSCC 2.6 and URL Security Zones (Zone.Identifier);
// Apple Launch Services quarantine string and kMDItemWhereFroms (binary property list, CFBinaryPList "bplist00").
import { printable } from '../../contract/printable.ts'

export interface DownloadMark {
  readonly mark: string
  readonly value: string
}

/** Addresses are under 2 KB; a hostile one is cut. */
const MAX_VALUE_CHARS = 2_048
const MAX_MARKS = 8
/** Marks are attributes, and attributes are small: 64 KiB on ext4 and NTFS alike (CWE-770). */
const MAX_MARK_BYTES = 65_536

/** Attributes of Linux that say where a file came from. */
export const XDG_MARKS: readonly string[] = ['user.xdg.origin.url', 'user.xdg.referrer.url']

/** Attributes of macOS. */
export const QUARANTINE = 'com.apple.quarantine'
export const WHERE_FROMS = 'com.apple.metadata:kMDItemWhereFroms'

function told(mark: string, value: string): DownloadMark {
  return { mark, value: printable(value).slice(0, MAX_VALUE_CHARS) }
}

function toldAddress(mark: string, value: string): DownloadMark {
  return told(mark, placeOfAddress(value.trim()))
}

const REMOTE = /^(https?|ftp):[\\/]*([^\\/?#;]*)([^?#;]*)(.?)/is
/** A letter and a colon is a drive; a scheme has two letters at least. */
const SCHEME = /^[a-z][a-z0-9+.-]+:/i

/**
 * What may leave the sensor: server and path. A query, a fragment and the parameters of a path carry tokens, the part in front of a
 * host names and passwords, a local path the name of a person, and other schemes (`data:`, `blob:`, `magnet:`) whatever they like.
 */
function placeOfAddress(value: string): string {
  const [, scheme = '', authority = '', path = '', rest = ''] = REMOTE.exec(value) ?? []
  if (scheme !== '') {
    const host = authority.slice(authority.lastIndexOf('@') + 1)
    return `${scheme.toLowerCase()}://${host}${path}${rest === '' ? '' : `${rest}…`}`
  }
  if (value === '') return value
  return SCHEME.test(value) && !/^file:/i.test(value) ? 'another scheme' : 'a local path'
}

/** Keys of a zone that are told, and how. */
const ZONE_KEYS: ReadonlyMap<string, typeof told> = new Map([
  ['ZoneId', told],
  ['HostUrl', toldAddress],
  ['ReferrerUrl', toldAddress],
  ['HostIpAddress', told],
  ['LastWriterPackageFamilyName', told],
])

/** `Zone.Identifier` of Windows, an INI text; also the file that WSL puts beside a copied one. */
export function readZoneIdentifier(bytes: Uint8Array): readonly DownloadMark[] {
  const marks: DownloadMark[] = []
  const text = Buffer.from(bytes.subarray(0, MAX_MARK_BYTES)).toString('utf8')
  if (!text.includes('[ZoneTransfer]')) return []
  for (const line of text.split(/\r?\n/).slice(0, 64)) {
    const cut = line.indexOf('=')
    const name = line.slice(0, Math.max(0, cut)).trim()
    const tell = ZONE_KEYS.get(name)
    if (tell !== undefined && marks.length < MAX_MARKS)
      marks.push(tell(`Zone.Identifier ${name}`, line.slice(cut + 1).trim()))
  }
  return marks
}

/** `com.apple.quarantine`: flags;seconds in hex;agent;UUID. */
export function readQuarantine(text: string): readonly DownloadMark[] {
  const [flags = '', seconds = '', agent = ''] = text.trim().split(';')
  if (!/^[0-9a-f]{4}$/i.test(flags)) return []
  const instant = Number.parseInt(seconds, 16)
  const when = Number.isSafeInteger(instant) && instant > 0 ? ` at ${new Date(instant * 1000).toISOString()}` : ''
  return [told('com.apple.quarantine', `by ${agent === '' ? 'an unnamed program' : agent}${when}`)]
}

/** The dump of getfattr with values in Base64: `# file: PATH`, then `name=0sBASE64`. */
export function readAttributeDump(text: string): ReadonlyMap<string, readonly DownloadMark[]> {
  const byPath = new Map<string, DownloadMark[]>()
  let marks: DownloadMark[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('# file: ')) {
      marks = []
      byPath.set(unescapeOctal(line.slice('# file: '.length)), marks)
      continue
    }
    const cut = line.indexOf('=0s')
    const name = line.slice(0, Math.max(0, cut))
    if (!XDG_MARKS.includes(name) || marks.length >= MAX_MARKS) continue
    marks.push(toldAddress(name, Buffer.from(line.slice(cut + 3), 'base64').toString('utf8')))
  }
  return byPath
}

/** The listing of macOS `xattr -v PATH…`: a line `PATH: NAME` for each attribute. A path of several lines is not told. */
export function readAttributeNames(text: string, paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const asked = new Set(paths)
  const byPath = new Map<string, Set<string>>()
  for (const line of text.split('\n')) {
    const cut = line.lastIndexOf(': ')
    const path = line.slice(0, Math.max(0, cut))
    if (asked.has(path)) byPath.set(path, (byPath.get(path) ?? new Set()).add(line.slice(cut + 2)))
  }
  return byPath
}

/** getfattr writes `\012` for a line end in a name. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_whole, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}

/** `kMDItemWhereFroms` as `xattr -px` prints it: hex of a binary property list, an array of addresses. */
export function readWhereFroms(hexText: string): readonly DownloadMark[] {
  const hex = hexText.replace(/\s+/g, '')
  if (hex.length > MAX_MARK_BYTES * 2 || !/^(?:[0-9a-f]{2})+$/i.test(hex)) return []
  return stringsOfPropertyList(Buffer.from(hex, 'hex'))
    .filter((value) => value !== '')
    .slice(0, MAX_MARKS)
    .map((value) => toldAddress('com.apple.metadata:kMDItemWhereFroms', value))
}

const TRAILER_BYTES = 32
const ARRAY = 0xa
const ASCII = 0x5
const UTF16 = 0x6

/** The strings of a flat array; anything else in the list is left out, and what points outside it ends the reading. */
function stringsOfPropertyList(list: Buffer): readonly string[] {
  if (list.length < 8 + TRAILER_BYTES || list.toString('latin1', 0, 8) !== 'bplist00') return []
  const trailer = list.length - TRAILER_BYTES
  const offsetBytes = list[trailer + 6] ?? 0
  const referenceBytes = list[trailer + 7] ?? 0
  const tableAt = Number(list.readBigUInt64BE(trailer + 24))
  if (offsetBytes < 1 || offsetBytes > 4 || referenceBytes < 1 || referenceBytes > 2 || tableAt > trailer) return []
  const placeOf = (object: number): number => {
    const at = tableAt + object * offsetBytes
    return at + offsetBytes > trailer ? -1 : list.readUIntBE(at, offsetBytes)
  }
  const top = placeOf(0)
  const head = list[top] ?? 0
  if (top < 0 || head >> 4 !== ARRAY || (head & 0xf) === 0xf) return []
  const strings: string[] = []
  for (let index = 0; index < (head & 0xf); index += 1) {
    const at = top + 1 + index * referenceBytes
    if (at + referenceBytes > trailer) break
    strings.push(stringAt(list, placeOf(list.readUIntBE(at, referenceBytes)), trailer))
  }
  return strings
}

function stringAt(list: Buffer, place: number, end: number): string {
  const head = list[place] ?? 0
  const kind = head >> 4
  if (place < 0 || (kind !== ASCII && kind !== UTF16)) return ''
  const length = lengthAt(list, place)
  if (length === null) return ''
  const bytes = length.count * (kind === UTF16 ? 2 : 1)
  if (length.at + bytes > end) return ''
  const piece = list.subarray(length.at, length.at + bytes)
  return kind === ASCII ? piece.toString('latin1') : Buffer.from(piece).swap16().toString('utf16le')
}

/** Fifteen in the low half means that an integer with the length follows. */
function lengthAt(list: Buffer, place: number): { readonly count: number; readonly at: number } | null {
  const low = (list[place] ?? 0) & 0xf
  if (low !== 0xf) return { count: low, at: place + 1 }
  const size = 1 << ((list[place + 1] ?? 0) & 0xf)
  if (size > 4 || place + 2 + size > list.length) return null
  return { count: list.readUIntBE(place + 2, size), at: place + 2 + size }
}

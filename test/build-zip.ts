// Builds zip archives for tests, field by field, so that a test can say which field lies.
import { crc32, deflateRawSync } from 'node:zlib'

export interface ZipPart {
  readonly name: string
  readonly data: Uint8Array
  /** 0 stores (the default), 8 deflates; any other number is only declared. */
  readonly method?: number
  readonly isEncrypted?: boolean
  /** Lies: what the directory declares in place of the truth. */
  readonly sizeBytes?: number
  readonly packedBytes?: number
  readonly crc32?: number
  readonly headerAt?: number
  /** General purpose flags besides the one of `isEncrypted`. */
  readonly flags?: number
  /** Unix mode, in the upper half of the attributes. */
  readonly mode?: number
  /** Left out of the directory. */
  readonly isUnlisted?: boolean
  /** Written over fields of the local header: method, checksum, packed size, size. */
  readonly local?: { readonly method?: number; readonly packedBytes?: number; readonly sizeBytes?: number }
  /** Extra field in the local header. */
  readonly extra?: Uint8Array
  /** Bytes behind the member's data. */
  readonly behind?: Uint8Array
  /** The name in the local header, where it differs from the directory's. */
  readonly localName?: string
  /** What is written in place of the deflated data: a stream that nobody has the memory to make honestly. */
  readonly packed?: Uint8Array
  /** 64-bit size, packed size and place in the directory's extra field, its 32-bit ones being all ones. */
  readonly wide?: readonly [size: bigint, packed: bigint, headerAt: bigint]
}

export interface ZipOptions {
  /** Bytes in front of the archive. */
  readonly prefix?: Uint8Array
  readonly comment?: string | Uint8Array
  /** Data of stored members begins at multiples of this, as PyTorch pads them. */
  readonly align?: number
  /** Writes the end records of zip64 as well, and the classic counts as all ones. */
  readonly isZip64?: boolean
  /** A lie: members that the end record declares. */
  readonly count?: number
}

const LOCAL_BYTES = 30

function uint16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  values.forEach((value, index) => bytes.writeUInt16LE(value, index * 2))
  return bytes
}

function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4))
  return bytes
}

function uint64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

interface Written {
  readonly local: Buffer
  readonly entry: Buffer
}

/** What the header of a member and its entry in the directory have in common. */
function fields(part: ZipPart, method: number, [packed, size]: readonly [number, number]): Buffer {
  const flags = (part.flags ?? 0) | (part.isEncrypted === true ? 1 : 0)
  return Buffer.concat([uint16(20, flags, method, 0, 33), uint32(part.crc32 ?? crc32(part.data), packed, size)])
}

function writeMember(part: ZipPart, at: number, align: number): Written {
  const method = part.method ?? 0
  const packed = part.packed ?? (method === 8 ? deflateRawSync(part.data) : Buffer.from(part.data))
  const name = Buffer.from(part.name)
  const localName = Buffer.from(part.localName ?? part.name)
  const end = at + LOCAL_BYTES + localName.length
  const gap = align > 1 ? (align - ((end + 4) % align)) % align : 0
  // PyTorch pads with an extra field of its own, "FB".
  const extra =
    align > 1 ? Buffer.concat([Buffer.from('FB'), uint16(gap), Buffer.alloc(gap, 'Z')]) : Buffer.from(part.extra ?? '')
  const wide = part.wide === undefined ? Buffer.alloc(0) : Buffer.concat([uint16(1, 24), ...part.wide.map(uint64)])
  const [packedBytes, sizeBytes] =
    part.wide === undefined
      ? [part.packedBytes ?? packed.length, part.sizeBytes ?? part.data.length]
      : [0xffffffff, 0xffffffff]
  const common = fields(part, method, [packedBytes, sizeBytes])
  const lies = { method, packedBytes, sizeBytes, ...part.local }
  const own = fields(part, lies.method, [lies.packedBytes, lies.sizeBytes])
  return {
    local: Buffer.concat([
      uint32(0x04034b50),
      own,
      uint16(localName.length, extra.length),
      localName,
      extra,
      packed,
      part.behind ?? Buffer.alloc(0),
    ]),
    entry: Buffer.concat([
      Buffer.concat([uint32(0x02014b50), uint16(20), common, uint16(name.length, wide.length, 0, 0, 0)]),
      uint32(((part.mode ?? 0) * 65_536) >>> 0, part.wide === undefined ? (part.headerAt ?? at) : 0xffffffff),
      name,
      wide,
    ]),
  }
}

function writeEnd(count: number, directoryBytes: number, directoryAt: number, options: ZipOptions): Buffer {
  const comment = Buffer.from(options.comment ?? '')
  const told = options.count ?? count
  if (options.isZip64 !== true) {
    const counts = uint16(0, 0, told, told)
    return Buffer.concat([
      uint32(0x06054b50),
      counts,
      uint32(directoryBytes, directoryAt),
      uint16(comment.length),
      comment,
    ])
  }
  const numbers = [told, told, directoryBytes, directoryAt].map(uint64)
  const wide = Buffer.concat([uint32(0x06064b50), uint64(44), uint16(45, 45), uint32(0, 0), ...numbers])
  const locator = Buffer.concat([uint32(0x07064b50, 0), uint64(directoryAt + directoryBytes), uint32(1)])
  const classic = [uint32(0x06054b50), uint16(0, 0, 0xffff, 0xffff), uint32(0xffffffff, 0xffffffff)]
  return Buffer.concat([wide, locator, ...classic, uint16(comment.length), comment])
}

/** Writes an archive; places in it count from the archive's first byte, behind any prefix. */
export function buildZip(parts: readonly ZipPart[], options: ZipOptions = {}): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const part of parts) {
    const { local, entry } = writeMember(part, at, options.align ?? 1)
    locals.push(local)
    if (part.isUnlisted !== true) entries.push(entry)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  const end = writeEnd(entries.length, directory.length, at, options)
  return Buffer.concat([options.prefix ?? Buffer.alloc(0), ...locals, directory, end])
}

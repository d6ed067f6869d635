// 7-Zip archives (7zFormat.txt of the LZMA SDK 24): the signature header alone. The list of members is packed with LZMA, which Node
// cannot unpack, so what lies inside is not looked at, and that is told.
//
//   '7z' BC AF 27 1C | version 2 | checksum of the next 20 bytes 4 | place 8 | size 8 | checksum 4, of the list of members
import { crc32 } from 'node:zlib'
import { type Cursor, readTrouble } from './cursor.ts'
import type { GapList } from './gap-list.ts'
import type { FormatReader, WeightsPart } from './weights.ts'

const MAGIC = '377abcaf271c'
const HEADER_BYTES = 32
const CHECKED_AT = 12
const CHECKED_BYTES = 20
const PLAIN_LIST = 1

/** The reader of 7-Zip archives. */
export const sevenZip: FormatReader = {
  id: '7z',
  endings: ['.7z'],
  certainty: 'magic',
  firstBytes: '7',
  recognise: ({ head }) => head.toString('hex', 0, 6) === MAGIC,
  read,
}

function read(cursor: Cursor, gaps: GapList): WeightsPart {
  const facts = new Map<string, string | number | boolean>()
  const version = gaps.attempt(() => readHeader(cursor, facts, gaps))
  return {
    isModel: true,
    holds: 'data',
    formatVersion: version ?? null,
    facts,
    claims: {},
    hyperparameters: {},
    tensors: [],
    headerBytes: cursor.size,
  }
}

function readHeader(cursor: Cursor, facts: Map<string, string | number | boolean>, gaps: GapList): string {
  cursor.step(CHECKED_BYTES)
  cursor.seek(6)
  const version = `${cursor.uint8()}.${cursor.uint8()}`
  const checksum = cursor.uint32()
  if (crc32(cursor.view(CHECKED_BYTES)) !== checksum) {
    gaps.blame('GNO_READ_INVALID', 'the checksum of the header is wrong')
    return version
  }
  cursor.seek(CHECKED_AT)
  const place = cursor.uint64()
  const size = cursor.uint64()
  facts.set('isEmpty', size === 0n)
  if (size === 0n) return version
  const end = BigInt(HEADER_BYTES) + place + size
  if (end > BigInt(cursor.size)) {
    throw readTrouble('GNO_READ_TRUNCATED', `the list of members ends at byte ${end}, file has ${cursor.size}`)
  }
  cursor.seek(HEADER_BYTES + Number(place))
  facts.set('isListPacked', cursor.uint8() !== PLAIN_LIST)
  gaps.blame('GNO_READ_LOCKED', 'the members are packed with LZMA and were not looked at')
  return version
}

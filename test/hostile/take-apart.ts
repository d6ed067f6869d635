// Takes the committed samples apart into their members, so that each archive format can be written anew with one thing wrong.
import { deflateRawSync, constants } from 'node:zlib'
import { Cursor, memoryBytes } from '../../agent/read/cursor.ts'
import { READ_BUDGET } from '../../agent/read/read-budget.ts'
import { formats } from '../../agent/read/formats.ts'
import { GapList } from '../../agent/read/gap-list.ts'
import { Look } from '../../agent/read/look.ts'
import { findReader } from '../../agent/read/sniff-format.ts'
import { openMember, readZip } from '../../agent/read/zip.ts'
import type { ZipPart } from '../build-zip.ts'
import { type Probe, breachOf, probe, samplesOf } from '../conformance/probe.ts'

export interface ArchiveSample {
  readonly format: string
  readonly name: string
  readonly parts: readonly ZipPart[]
  /** The program in front of it. */
  readonly prefix: Uint8Array
}

function partsOf(bytes: Uint8Array): readonly ZipPart[] {
  const cursor = new Cursor(memoryBytes(bytes))
  const members = readZip(cursor)?.members ?? []
  return members.map((member) => {
    const inner = openMember(cursor, member, READ_BUDGET.bytes)
    return { name: member.name, method: member.method, data: inner.copy(inner.size) }
  })
}

/** Every committed sample that is a zip archive. */
export function archiveSamples(): readonly ArchiveSample[] {
  return formats.flatMap(({ id }) =>
    samplesOf(id).flatMap(({ name, bytes }) => {
      const zip = new Look(memoryBytes(bytes), '').zip()
      if (zip === null) return []
      return [{ format: id, name, parts: partsOf(bytes), prefix: bytes.subarray(0, zip.prefixBytes) }]
    }),
  )
}

export interface Answer extends Probe {
  readonly format: string | null
  readonly codes: readonly string[]
  /** What the reader did that none may do. */
  readonly breach: string | null
}

const NOTHING = { isModel: false, formatVersion: null, claims: {}, hyperparameters: {}, tensors: [], headerBytes: 0 }

/** As the product reads it: whoever recognises the bytes, within the real budget. */
export function answerOf(bytes: Uint8Array): Answer {
  const look = new Look(memoryBytes(bytes), 'sample')
  const reader = findReader(look)
  const answer: Probe =
    reader === null
      ? { part: NOTHING, gaps: new GapList('sample'), bytesRead: 0 }
      : probe(reader, bytes, READ_BUDGET, look)
  const codes = [...new Set(answer.gaps.list().map(({ code }) => code))]
  return { ...answer, format: reader?.id ?? null, codes, breach: breachOf(bytes, answer) }
}

const PIECE_BYTES = 16_777_216
/** An empty last block: with it a stream of pieces ends. */
const LAST_BLOCK = Buffer.from([3, 0])

/** A deflate stream of zeros, 1,000 bytes and more of them for each of its own; ten gigabytes take ten megabytes. */
export function zerosDeflated(gigabytes: number): Buffer {
  const piece = deflateRawSync(Buffer.alloc(PIECE_BYTES), { finishFlush: constants.Z_FULL_FLUSH })
  const pieces = Array.from({ length: Math.ceil((gigabytes * 2 ** 30) / PIECE_BYTES) }, () => piece)
  return Buffer.concat([...pieces, LAST_BLOCK])
}

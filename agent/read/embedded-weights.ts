// Weights that begin somewhere inside a file which no reader knows: behind a host that says where it ends, as a zip at the end of
// anything, or wherever a few samples have the texture of weights. Only the last is searched, only for formats whose header has words of
// its own, and only what a reader can parse counts. Everything is bounded; a generator, so that other work may run in between.
import { Cursor, partOf } from './cursor.ts'
import { GapList } from './gap-list.ts'
import { headersIn } from './header-words.ts'
import { hostEnd } from './host-end.ts'
import { Look } from './look.ts'
import { judgeNotModel } from './not-model.ts'
import { findReader, nestedReader } from './sniff-format.ts'
import { findStretches } from './texture-stretches.ts'
import type { TensorInfo } from './weights.ts'

/** A model inside another file. */
export interface Embedded {
  readonly start: number
  readonly sizeBytes: number
  /** Of the model. */
  readonly format: string
  /** What the file is that it lies in: `a PNG image`. */
  readonly host: string
}

/** Bytes that may still be searched for headers; shared by the files of one sweep. */
export interface SearchRoom {
  bytes: number
}

export interface SearchOutcome {
  readonly embedded: Embedded | null
  /** Why there may be more than was found. */
  readonly unfinished: 'room' | 'trials' | null
}

/** Padding behind a host: a page, or as much as one look shows. */
const MAX_PADDING_BYTES = 65_536
/** Places at which a reader tries one file; a header that only looks like one costs microseconds (CWE-400). */
const MAX_TRIALS = 256
const PIECE_BYTES = 1_048_576
/** A header's first words lie in one piece with what is checked of them. */
const OVERLAP_BYTES = 64
const NAMED = 'the file is '

/** Looks into a file that no reader knows. Throws ReadTrouble when the system refuses a read. */
export function* searchEmbedded(look: Look, room: SearchRoom): Generator<void, SearchOutcome> {
  const search = new Search(look)
  for (const start of [...startsBehindHost(look), ...startOfZip(look)]) search.tryAt(start, { isSearch: false })
  if (search.isEnough()) return search.outcome(null)
  const stretches = findStretches(look)
  for (const { start, end } of stretches) {
    if (room.bytes < end - start) return search.outcome('room')
    room.bytes -= end - start
    yield* search.between(start, end)
    if (search.isEnough()) break
  }
  return search.outcome(null)
}

interface Trial {
  readonly start: number
  readonly sizeBytes: number
  readonly format: string
  readonly isSound: boolean
  readonly weightBytes: number
}

interface Trying {
  /** Words were met by chance: only a header with tensors counts. Elsewhere a damaged one is told as well. */
  readonly isSearch: boolean
}

class Search {
  readonly #look: Look
  /** Shared by all trials: together they may cost what one honest file may. */
  readonly #cursor: Cursor
  #best: Trial | null = null
  #trials = 0

  constructor(look: Look) {
    this.#look = look
    this.#cursor = new Cursor(look.source)
  }

  outcome(unfinished: 'room' | null): SearchOutcome {
    const best = this.#best
    if (best === null) return { embedded: null, unfinished: this.#trials > MAX_TRIALS ? 'trials' : unfinished }
    const { start, sizeBytes, format } = best
    return { embedded: { start, sizeBytes, format, host: nameHost(this.#look) }, unfinished: null }
  }

  /** True when the best one takes most of what follows it: a small decoy in front of another model does not. */
  isEnough(): boolean {
    const best = this.#best
    return best?.isSound === true && best.weightBytes * 2 > this.#look.sizeBytes - best.start
  }

  /** Says where the search goes on: behind a model, or behind the words that only looked like one. */
  tryAt(start: number, how: Trying): number {
    this.#trials += 1
    const left = this.#look.sizeBytes - start
    const whole = this.#trials > MAX_TRIALS ? null : this.#read(start, left, how)
    if (whole === null) return start + 1
    // Behind the model the host may go on, which is no fault of the model.
    const hasMore = whole.weightBytes < left && (!whole.isSound || left - whole.weightBytes > MAX_PADDING_BYTES)
    const cut = hasMore ? this.#read(start, whole.weightBytes, how) : null
    const trial = cut?.isSound === true ? cut : whole
    if (isBetter(trial, this.#best)) this.#best = trial
    return trial.isSound ? start + Math.max(1, trial.weightBytes) : start + 1
  }

  #read(start: number, sizeBytes: number, { isSearch }: Trying): Trial | null {
    const source = partOf(this.#look.source, start, sizeBytes)
    const look = new Look(source, '')
    const gaps = new GapList('')
    const reader = gaps.attempt(() => findReader(look)) ?? null
    if (reader === null) return null
    const cursor = this.#cursor.within(start, sizeBytes)
    const { isModel, holds, tensors } = reader.read(cursor, gaps, { look, readNested: nestedReader() })
    const isTold = tensors.length > 0 || (!isSearch && reader.certainty === 'magic')
    if (!isModel || (holds ?? 'weights') !== 'weights' || !isTold) return null
    const isSound = gaps.verdict() === 'unchecked'
    return {
      start,
      sizeBytes,
      format: reader.id,
      isSound,
      weightBytes: Math.min(sizeBytes, endOf(tensors) ?? sizeBytes),
    }
  }

  *between(start: number, end: number): Generator<void> {
    const piece = Buffer.allocUnsafe(PIECE_BYTES)
    let from = start
    for (let at = start; at < end && this.#trials <= MAX_TRIALS; at += PIECE_BYTES - OVERLAP_BYTES) {
      const wanted = Math.min(PIECE_BYTES, this.#look.sizeBytes - at)
      const bytes = piece.subarray(0, this.#look.source.read(at, piece.subarray(0, wanted)))
      from = this.#tryAll(headersIn(bytes, MAX_TRIALS + 1), at, from)
      if (bytes.length < PIECE_BYTES || this.isEnough()) return
      yield
    }
  }

  #tryAll(offsets: readonly number[], at: number, from: number): number {
    let next = from
    for (const offset of offsets) {
      if (at + offset >= next && at + offset > 0) next = this.tryAt(at + offset, { isSearch: true })
    }
    return next
  }
}

function isBetter(trial: Trial, best: Trial | null): boolean {
  if (best === null || trial.isSound !== best.isSound) return best === null || trial.isSound
  return trial.weightBytes > best.weightBytes
}

function endOf(tensors: readonly TensorInfo[]): number | null {
  let end = 0
  for (const { offset, bytes } of tensors) {
    if (bytes === null) return null
    end = Math.max(end, offset + bytes)
  }
  return end > 0 ? end : null
}

function nameHost(look: Look): string {
  const reason = new GapList('').attempt(() => judgeNotModel(look))?.reason ?? ''
  return reason.startsWith(NAMED) ? reason.slice(NAMED.length) : 'a file of no known format'
}

/** Behind the host, behind zeros that pad it, and at the word in which the first other byte lies: lengths may begin with a zero. */
function startsBehindHost(look: Look): readonly number[] {
  const end = hostEnd(look)
  if (end === null) return []
  const bytes = look.at(end, MAX_PADDING_BYTES)
  const padding = bytes.findIndex((byte) => byte !== 0)
  if (padding < 0) return []
  const first = end + padding
  const starts = [end, first, end + padding - (padding % 8), first - (first % 8)]
  return [...new Set(starts)].filter((start) => start >= end)
}

const ZIP_END = 0x06054b50
const ZIP_END_BYTES = 22
const ZIP64_LOCATOR = 0x07064b50
const ZIP64_END = 0x06064b50
const ZIP64_END_BYTES = 56
const ZIP64_TAIL_BYTES = ZIP64_END_BYTES + 20 + ZIP_END_BYTES

/** Where an archive begins that ends the file: its end record tells how long it is. */
function startOfZip(look: Look): readonly number[] {
  const bytes = look.at(look.sizeBytes - ZIP64_TAIL_BYTES, ZIP64_TAIL_BYTES)
  if (bytes.length < ZIP64_TAIL_BYTES) return []
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const short = tail.subarray(ZIP64_TAIL_BYTES - ZIP_END_BYTES)
  if (short.readUInt32LE(0) !== ZIP_END) return []
  const isLong = tail.readUInt32LE(0) === ZIP64_END && tail.readUInt32LE(ZIP64_END_BYTES) === ZIP64_LOCATOR
  const start = isLong
    ? look.sizeBytes - ZIP64_TAIL_BYTES - Number(tail.readBigUInt64LE(40)) - Number(tail.readBigUInt64LE(48))
    : look.sizeBytes - ZIP_END_BYTES - short.readUInt32LE(12) - short.readUInt32LE(16)
  return start > 0 && look.text(start, 4) === 'PK\u0003\u0004' ? [start] : []
}

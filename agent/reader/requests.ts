// What the reader may ask the worker for, read from what it wrote: the shape is checked here, the right to it where it is answered.
import type { FileIdentity } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import { type Head, isHead } from './frames.ts'

/** A block of a file: larger reads are asked for in pieces. */
export const MAX_PIECE_BYTES = 1_048_576
/** Places read at in one turn: the samples of a barcode (CWE-770). */
export const MAX_PLACES = 2_048
/** Longer than any name of a file system. */
const MAX_NAME_CHARS = 4_096

/** One place of a file: position and count. */
export type Place = readonly [position: number, count: number]

export type Request =
  | { readonly op: 'candidates'; readonly from: number }
  | { readonly op: 'open'; readonly index: number }
  | { readonly op: 'enter' | 'open-file' | 'link'; readonly at: number; readonly name: string }
  | { readonly op: 'sibling'; readonly at: number; readonly name: string; readonly below: string | null }
  | { readonly op: 'siblings'; readonly at: number; readonly below: string | null }
  | { readonly op: 'list' | 'identity'; readonly at: number }
  | { readonly op: 'read'; readonly at: number; readonly position: number; readonly count: number }
  | { readonly op: 'sample'; readonly at: number; readonly places: readonly Place[] }
  | { readonly op: 'digest'; readonly at: number; readonly start: number | null; readonly sizeBytes: number }
  | { readonly op: 'must-hash'; readonly sizeBytes: number }
  | { readonly op: 'template' }

/** What ends a step of a task: one thing found, the end of the task, or that the reader itself failed. */
export interface StepEnd {
  readonly op: 'found' | 'end' | 'failed'
  readonly value: unknown
}

/** What a frame brings beside its question. */
export interface Aside {
  readonly closed: readonly number[]
  readonly notes: readonly Note[]
  readonly processorMs: number
  /** What is left of the bytes that one sweep searches for hidden models. */
  readonly roomBytes: number
}

export type Note =
  | { readonly kind: 'gap'; readonly gap: Gap }
  | { readonly kind: 'progress'; readonly path: string; readonly bytesRead: number }
  | { readonly kind: 'hidden'; readonly key: string; readonly found: Hidden | null }

/** A model that lies inside another file. */
export interface Hidden {
  readonly start: number
  readonly sizeBytes: number
  readonly format: string
  readonly host: string
}

/** A file as it is told to the reader; its first bytes come with it. */
export interface ToldFile {
  readonly at: number
  readonly path: string
  readonly identity: FileIdentity
  readonly hasBelow: boolean
  /** What is known of a model inside it; absent where nobody looked. */
  readonly hidden?: Hidden | null
}

/** Null for what is no request. */
export function readRequest(head: Head): Request | null {
  const { op, at } = head
  if (op === 'template') return { op }
  if (op === 'candidates') return isCount(head['from']) ? { op, from: head['from'] } : null
  if (op === 'open') return isCount(head['index']) ? { op, index: head['index'] } : null
  if (op === 'must-hash') return isCount(head['sizeBytes']) ? { op, sizeBytes: head['sizeBytes'] } : null
  if (!isCount(at)) return null
  return readOfFile(head, at) ?? readOfNames(head, at)
}

/** About the bytes of an open file. */
function readOfFile({ op, position, count, places, start, sizeBytes }: Head, at: number): Request | null {
  switch (op) {
    case 'read':
      return isCount(position) && isPiece(count) ? { op, at, position, count } : null
    case 'sample':
      return readSample(at, places)
    case 'digest':
      return isCount(sizeBytes) && (start === null || isCount(start)) ? { op, at, start, sizeBytes } : null
    default:
      return null
  }
}

/** About what lies in a folder, or beside a file. */
function readOfNames({ op, name, below }: Head, at: number): Request | null {
  switch (op) {
    case 'list':
    case 'identity':
      return { op, at }
    case 'siblings':
      return isNameOrNull(below) ? { op, at, below } : null
    case 'sibling':
      return isName(name) && isNameOrNull(below) ? { op, at, name, below } : null
    case 'enter':
    case 'open-file':
    case 'link':
      return isName(name) ? { op, at, name } : null
    default:
      return null
  }
}

function readSample(at: number, places: unknown): Request | null {
  if (!Array.isArray(places) || places.length > MAX_PLACES || !places.every(isPlace)) return null
  const bytes = places.reduce((sum, [, count]) => sum + count, 0)
  return bytes <= MAX_PIECE_BYTES ? { op: 'sample', at, places } : null
}

/** Null for a frame that ends no step. */
export function readStepEnd({ op, value }: Head): StepEnd | null {
  return op === 'found' || op === 'end' || op === 'failed' ? { op, value: value ?? null } : null
}

/** Notes that make no sense are dropped: they only tell. */
export function readAside({ closed, notes, processorMs, roomBytes }: Head): Aside {
  return {
    closed: Array.isArray(closed) ? closed.filter(isCount) : [],
    notes: Array.isArray(notes) ? notes.flatMap((note: unknown) => readNote(note) ?? []) : [],
    processorMs: isCount(processorMs) ? processorMs : 0,
    roomBytes: isCount(roomBytes) ? roomBytes : Number.MAX_SAFE_INTEGER,
  }
}

function readNote(value: unknown): Note | null {
  if (!isHead(value)) return null
  const { kind, path, bytesRead, key, found } = value
  if (kind === 'progress' && isText(path, MAX_NAME_CHARS) && isCount(bytesRead)) return { kind, path, bytesRead }
  if (kind === 'hidden' && isText(key, 256)) {
    const hidden = readHidden(found)
    return hidden === undefined ? null : { kind, key, found: hidden }
  }
  const gap = kind === 'gap' ? readGap(value['gap']) : null
  return gap === null ? null : { kind: 'gap', gap }
}

function readHidden(value: unknown): Hidden | null | undefined {
  if (value === null) return null
  if (!isHead(value)) return undefined
  const { start, sizeBytes, format, host } = value
  const isWhole = isCount(start) && isCount(sizeBytes) && isText(format, 64) && isText(host, 256)
  return isWhole ? { start, sizeBytes, format, host } : undefined
}

function readGap(value: unknown): Gap | null {
  if (!isHead(value)) return null
  const { code, place, count, detail } = value
  const isWhole = isText(code, 64) && /^GNO_READ_[A-Z_]+$/.test(code) && isText(place, MAX_NAME_CHARS)
  if (!isWhole || !isCount(count) || !isText(detail, MAX_NAME_CHARS)) return null
  return { code, place, count, detail }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isPiece(value: unknown): value is number {
  return isCount(value) && value <= MAX_PIECE_BYTES
}

function isPlace(value: unknown): value is Place {
  return Array.isArray(value) && value.length === 2 && isCount(value[0]) && isPiece(value[1])
}

function isName(value: unknown): value is string {
  return isText(value, MAX_NAME_CHARS)
}

function isNameOrNull(value: unknown): value is string | null {
  return value === null || isName(value)
}

function isText(value: unknown, maxChars: number): value is string {
  return typeof value === 'string' && value.length <= maxChars
}

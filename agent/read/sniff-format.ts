// Rung 0: which container a file is, from its first bytes, and what is certainly no model.
import type { OpenedFile } from '../../contract/observation.ts'
import { readAt } from './cursor.ts'
import { formats } from './formats.ts'
import type { FormatReader } from './weights.ts'

/** Enough for every magic number and for the words of a safetensors header whose length lies. */
const SNIFF_BYTES = 4_096
/** Git LFS pointers are about 130 bytes (git-lfs:docs/spec.md: under 1024). */
const MAX_POINTER_BYTES = 1_024
const POINTER_START = 'version https://git-lfs.github.com/spec/'
const POINTER_DIGEST = /^oid sha256:([0-9a-f]{64})$/m

/** Media that nothing loads as weights: magic in hex -> name. */
const NOT_MODELS: readonly (readonly [hex: string, name: string])[] = [
  ['89504e470d0a1a0a', 'a PNG image'],
  ['ffd8ff', 'a JPEG image'],
  ['47494638', 'a GIF image'],
  ['255044462d', 'a PDF document'],
  ['494433', 'an MP3 recording'],
  ['1a45dfa3', 'a Matroska video'],
  ['4f676753', 'an Ogg recording'],
  ['664c6143', 'a FLAC recording'],
]

export interface Sniffed {
  readonly reader: FormatReader | null
  /** Why this is certainly no model, or null when that is not certain. */
  readonly notModel: { readonly reason: string; readonly pointerSha256?: string } | null
}

/** Judges the first bytes. Throws ReadTrouble when the system refuses the read. */
export function sniff(file: OpenedFile): Sniffed {
  const size = file.identity.sizeBytes
  if (size === 0) return { reader: null, notModel: { reason: 'the file is empty' } }
  const buffer = new Uint8Array(Math.min(SNIFF_BYTES, size))
  const head = buffer.subarray(0, readAt(file, 0, buffer))
  const reader = formats.find((format) => format.recognise(head, size)) ?? null
  return { reader, notModel: reader === null ? judgeNotModel(head, size) : null }
}

function judgeNotModel(head: Uint8Array, size: number): Sniffed['notModel'] {
  const text = Buffer.from(head).toString('latin1')
  if (size <= MAX_POINTER_BYTES && text.startsWith(POINTER_START)) {
    const pointerSha256 = POINTER_DIGEST.exec(text)?.[1]
    return {
      reason: 'a Git LFS pointer stands in place of the file',
      ...(pointerSha256 === undefined ? {} : { pointerSha256 }),
    }
  }
  const hex = Buffer.from(head.subarray(0, 8)).toString('hex')
  const media = NOT_MODELS.find(([magic]) => hex.startsWith(magic))
  return media === undefined ? null : { reason: `the file is ${media[1]}` }
}

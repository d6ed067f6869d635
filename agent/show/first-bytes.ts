// The first bytes of a weights file as they were at the scan: a line like that of xxd, and what stands at which byte where the format
// has its counts in front. Pure.
import type { Artifact, FilePart } from '../../contract/artifact.ts'

const BYTES_A_LINE = 16
/** GGUF since version 2: magic, version, count of tensors, count of keys (ggml-org/ggml:docs/gguf.md). */
const GGUF_HEADER_BYTES = 24

/** Lines of sixteen bytes, as `xxd -g 2` prints them. */
export function hexLines(hex: string): readonly string[] {
  const bytes = Buffer.from(hex, 'hex')
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) {
    const piece = bytes.subarray(at, at + BYTES_A_LINE)
    const pairs = piece.toString('hex').replace(/(.{4})(?=.)/g, '$1 ')
    const shown = piece.toString('latin1').replace(/[^ -~]/g, '.')
    lines.push(`${at.toString(16).padStart(8, '0')}: ${pairs.padEnd(39)}  ${shown}`)
  }
  return lines
}

/** What the first bytes say, with the byte where it stands; every number is read from these bytes and from nothing else. */
export function headerFacts({ firstBytes = '', headerBytes }: FilePart, format: Artifact['format']): readonly string[] {
  const bytes = Buffer.from(firstBytes, 'hex')
  return [
    ...frontFacts(bytes, format),
    ...(headerBytes === undefined ? [] : [`byte ${headerBytes}: the header ends here, data of tensors follows`]),
  ]
}

function frontFacts(bytes: Buffer, format: Artifact['format']): readonly string[] {
  if (format === 'gguf' && bytes.length >= GGUF_HEADER_BYTES) return ggufFacts(bytes)
  if (format === 'safetensors' && bytes.length >= 9) {
    const length = bytes.readBigUInt64LE(0)
    return [
      `byte 0: the header has ${length} bytes (uint64, little-endian)`,
      `byte 8: the header, JSON: ${asText(bytes, 8, 1)}`,
    ]
  }
  return bytes.length === 0
    ? []
    : [`byte 0: ${asText(bytes, 0, 8)}: the first bytes by which ${format ?? 'it'} was recognised`]
}

function ggufFacts(bytes: Buffer): readonly string[] {
  // Big-endian files keep the magic and turn everything else.
  const isLittle = bytes.readUInt32LE(4) <= 0xffff
  const version = isLittle ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4)
  const order = isLittle ? 'little-endian' : 'big-endian'
  const facts = [`byte 0: the magic ${asText(bytes, 0, 4)}`, `byte 4: version ${version} (uint32, ${order})`]
  // Version 1 counts in 32 bits.
  if (version === 1)
    return [...facts, `byte 8: ${bytes.readUInt32LE(8)} tensors`, `byte 12: ${bytes.readUInt32LE(12)} keys`]
  const count = (at: number): bigint => (isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at))
  return [
    ...facts,
    `byte 8: ${count(8)} tensors (uint64)`,
    `byte 16: ${count(16)} keys of metadata (uint64)`,
    'byte 24: the metadata begins',
  ]
}

function asText(bytes: Buffer, at: number, length: number): string {
  return `"${bytes.toString('latin1', at, at + length).replace(/[^ !#-~]/g, '.')}"`
}

// What bytes come from, and parts of it as sources of their own.

/** What bytes come from: an opened file, a part of one, or the content of an archive's member. */
export interface ByteSource {
  readonly sizeBytes: number
  /** Reads into `target` at a place, as far as the source goes. Throws ReadTrouble when the system refuses. */
  readonly read: (position: number, target: Uint8Array) => number
}

/** A part of a source, as a source of its own. The caller has checked that it lies inside. */
export function partOf(source: ByteSource, start: number, sizeBytes: number): ByteSource {
  return {
    sizeBytes,
    read: (position, target) => {
      const count = Math.max(0, Math.min(target.length, sizeBytes - position))
      return source.read(start + position, target.subarray(0, count))
    },
  }
}

/** Bytes in memory as a source. */
export function memoryBytes(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    read: (position, target) => {
      const found = bytes.subarray(position, position + target.length)
      target.set(found)
      return found.length
    },
  }
}

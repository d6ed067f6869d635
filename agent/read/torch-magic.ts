// The magic number with which PyTorch's checkpoints before the zip begin, as a pickle of its own (pytorch:torch/serialization.py).

/** LONG1 of ten bytes: 0x1950a86a20f9469cfc6c, and the STOP behind it. */
const MAGIC = Buffer.from('8a0a6cfc9c46f9206aa850192e', 'hex')
/** The same number in protocols 0 and 1. */
const TEXT_MAGIC = 'L119547037146038801333356L\n.'
/** Behind PROTO, and behind the FRAME that protocols 4 and 5 may put there. */
const MAGIC_PLACES: readonly number[] = [2, 11]

/** True when a file begins so. */
export function startsLegacy(head: Uint8Array): boolean {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 64))
  if (bytes.toString('latin1').startsWith(TEXT_MAGIC)) return true
  return bytes[0] === 0x80 && MAGIC_PLACES.some((at) => bytes.subarray(at, at + MAGIC.length).equals(MAGIC))
}

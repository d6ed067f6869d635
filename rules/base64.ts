// Base64 (RFC 4648, section 4) from and to bytes, without a Node module: the pure rules run anywhere.

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** Bytes of a padded Base64 text, or null when a character or the length is not allowed. */
export function decodeBase64(text: string): Uint8Array | null {
  if (text.length % 4 !== 0) return null
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  const lookup = new Int16Array(128).fill(-1)
  for (let index = 0; index < 64; index += 1) lookup[ALPHABET.charCodeAt(index)] = index
  let position = 0
  let bits = 0
  let held = 0
  for (let index = 0; index < text.length - padding; index += 1) {
    const value = lookup[text.charCodeAt(index)] ?? -1
    if (value < 0) return null
    bits = ((bits << 6) | value) & 0xffff
    held += 6
    if (held < 8) continue
    held -= 8
    bytes[position] = (bits >> held) & 0xff
    position += 1
  }
  return bytes
}

/** Padded Base64 text of bytes. */
export function encodeBase64(bytes: Uint8Array): string {
  const pieces: string[] = []
  for (let index = 0; index < bytes.length; index += 3) {
    const [first = 0, second, third] = bytes.subarray(index, index + 3)
    const group = (first << 16) | ((second ?? 0) << 8) | (third ?? 0)
    const letter = (shift: number): string => ALPHABET.charAt((group >> shift) & 63)
    pieces.push(letter(18), letter(12), second === undefined ? '=' : letter(6), third === undefined ? '=' : letter(0))
  }
  return pieces.join('')
}

// Tokens: 256 random bits with a prefix that says what they are for. Stored as SHA-256 (no salt: they are not passwords), compared in constant time.
import { createHash, timingSafeEqual } from 'node:crypto'

type TokenKind = 'admin' | 'agent' | 'enrol'

/** Makes a token from random bytes. The prefix lets secret scanners and people recognise it. */
export function makeToken(kind: TokenKind, random: (size: number) => Buffer): string {
  return `gno_${kind}_${random(32).toString('base64url')}`
}

/** What is stored of a token. */
export function digestToken(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex')
}

/** Whether two digests are equal, in a time that tells nothing (CWE-208). */
export function sameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a, 'hex'), Buffer.from(b, 'hex')]
  return left.length === right.length && timingSafeEqual(left, right)
}

// Pickles in texts: as base64, as hexadecimal, or as they are. Nothing unpickles them by itself, but programs do that take a text of the
// metadata for data of their own.

/** The bytes that a text may stand for. */
export interface PickleText {
  readonly how: 'base64' | 'hex' | 'text'
  readonly bytes: Uint8Array
}

const BASE64 = /^(?:data:[\w/;.+-]*,)?\s*(gA[I-X][A-Za-z0-9+/_\s-]+={0,2})\s*$/
const HEX = /^(?:0x)?(800[2-5][0-9a-f\s]+)$/i
const PLAIN = /^[(\]})]{0,4}[ci][A-Za-z_][\w.]*\n[A-Za-z_]|^\u0080[\u0002-\u0005]/
const RUN = /(?<![A-Za-z0-9+/_-])gA[I-X][A-Za-z0-9+/_-]{13,}={0,2}/g
/** Runs of one text that are decoded (CWE-400). */
const MAX_RUNS = 64

/** Null where a whole text begins like no pickle. */
export function pickleText(text: string): PickleText | null {
  const [, base64] = BASE64.exec(text) ?? []
  if (base64 !== undefined) return { how: 'base64', bytes: Buffer.from(base64, 'base64') }
  const [, hex] = HEX.exec(text) ?? []
  if (hex !== undefined) return { how: 'hex', bytes: Buffer.from(hex.replace(/\s/g, ''), 'hex') }
  return PLAIN.test(text) ? { how: 'text', bytes: Buffer.from(text, 'latin1') } : null
}

/** Places in a longer text that may be pickles in base64. */
export function pickleRuns(text: string): readonly { readonly at: number; readonly bytes: Uint8Array }[] {
  const runs = [...text.matchAll(RUN)].slice(0, MAX_RUNS)
  return runs.map(({ 0: run, index }) => ({ at: index, bytes: Buffer.from(run, 'base64') }))
}

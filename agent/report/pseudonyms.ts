// Keyed pseudonyms (HMAC-SHA-256, RFC 2104): the same name under the same key is the same pseudonym everywhere, so that findings of
// several machines still join; without the key nobody can even try names. A user is `u-…`, a component of a path below a home `p-…`, a
// host `h-…`, each with 64 bits in hex. What is told as a digest already (`fnd1:…`) becomes a keyed one, since paths can be guessed.
import { createHmac } from 'node:crypto'

const HEX_DIGITS = 16
/** Deeper than this, the rest of a path is one pseudonym: a path grows by it, and the wire takes 16,384 characters (CWE-770). */
const MAX_COMPONENTS = 48
/** They say what kind of file it is, which is what this program is for. */
const ENDINGS = /\.(?:gguf|safetensors|ggml|bin|pt|pth|ckpt|onnx|llamafile|tflite|npz|h5|keras|json)$/i
/** A part of a command line that its sensor has made a length of already. */
const LENGTH_MARK = /^‹[^›]*›$/
const DIGEST = /^([a-z]{1,8}[0-9]{1,2}:)([0-9a-f]{16,64})((?:-[0-9]{1,9})?)$/

/** A pseudonym wherever it stands in a text; an ending follows where the original has it. */
export const PSEUDONYM = /\b[uph]-[0-9a-f]{16}(?![0-9a-f])/g

/** Accounts that are nobody in particular. In lower case. */
const NOBODY: ReadonlySet<string> = new Set(
  'root nobody daemon bin sys www-data system administrator public shared guest default localsystem'.split(' '),
)

export type NameKind = 'user' | 'part' | 'host'

/** Makes pseudonyms under one key. */
export interface Pseudonyms {
  /** Names the key without telling it. */
  readonly keyId: string
  readonly of: (kind: NameKind, text: string) => string
  /** `bob` and the folders below his home: `bob/models/x.gguf`, with either separator. */
  readonly belowHomes: (tail: string) => string
  /** The same digest under the key; what is no digest of ours stays. */
  readonly digest: (text: string) => string
}

export function createPseudonyms(key: Uint8Array): Pseudonyms {
  const hex = (domain: string, text: string, digits: number): string =>
    createHmac('sha256', key).update(`${domain}\0${text}`).digest('hex').slice(0, digits)
  const of = (kind: NameKind, text: string): string => {
    if (LENGTH_MARK.test(text)) return text
    const pseudonym = `${kind === 'part' ? 'p' : kind === 'user' ? 'u' : 'h'}-${hex(kind, text, HEX_DIGITS)}`
    return kind === 'part' ? `${pseudonym}${ENDINGS.exec(text)?.[0] ?? ''}` : pseudonym
  }
  return {
    keyId: `key1:${hex('key', '', HEX_DIGITS)}`,
    of,
    belowHomes: (tail) => concealTail(tail, of),
    digest: (text) => {
      const [, scheme, digits, count] = DIGEST.exec(text) ?? []
      return scheme === undefined || digits === undefined
        ? text
        : `${scheme}${hex('digest', text.slice(0, scheme.length + digits.length), digits.length)}${count ?? ''}`
    },
  }
}

/** True for the account of a person, as far as its name tells. */
export function isPersonName(name: string): boolean {
  return name !== '' && !NOBODY.has(name.toLowerCase())
}

/** `DOMAIN\alice` is Alice, as her home is called. */
export function plainUserName(name: string): string {
  return name.slice(name.lastIndexOf('\\') + 1)
}

function concealTail(tail: string, of: Pseudonyms['of']): string {
  const pieces = tail.split(/([/\\]+)/)
  // Every second piece is a separator.
  const kept = pieces.slice(0, MAX_COMPONENTS * 2)
  const rest = pieces.slice(MAX_COMPONENTS * 2).join('')
  const concealed = kept.map((piece, index) => {
    if (index % 2 === 1 || piece === '' || piece === '.' || piece === '..') return piece
    if (index > 0) return of('part', piece)
    return isPersonName(piece) ? of('user', piece) : piece
  })
  return concealed.join('') + (rest === '' ? '' : of('part', rest))
}

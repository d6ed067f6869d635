// A file below a home is known by its bare name too: "llama model in divorce.gguf". The texts of a thing get the pseudonym of the last
// part of every path below a home that the same thing tells, so that they still read like the path beside them.
import { fileNameOf } from '../../contract/file-name.ts'

/** Parts of one model and files of one process are more; the first ones are those that sentences speak of (CWE-770). */
const MAX_NAMES = 256
/** Shorter ones are letters of ordinary words. */
const MIN_CHARS = 2
/** A title is cut at some length, and what is left of a name at its end is still a name. */
const MIN_CUT_CHARS = 4
/** Shorter texts are never cut: there `llama` is an architecture, whatever the file `llama.gguf` is called. */
const MIN_CUT_TEXT = 64

export interface FileNames {
  /** A path as it is, and as it is told; the same text where it lies below no home. */
  readonly learn: (path: string, told: string) => void
  readonly conceal: (text: string) => string
}

export function createFileNames(): FileNames {
  const byName = new Map<string, string>()
  return {
    learn: (path, told) => {
      const name = fileNameOf(path)
      if (path === told || name.length < MIN_CHARS || byName.size >= MAX_NAMES) return
      const pseudonym = fileNameOf(told)
      if (pseudonym !== name) byName.set(name, pseudonym)
    },
    conceal: (text) => {
      let out = text
      // The longest first: one name may end with another.
      for (const [name, pseudonym] of [...byName].sort(([left], [right]) => right.length - left.length))
        out = concealCut(replaceName(out, name, pseudonym), name, pseudonym)
      return out
    },
  }
}

function replaceName(text: string, name: string, pseudonym: string): string {
  let out = ''
  let from = 0
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, from)) {
    const end = at + name.length
    out += text.slice(from, at) + (isInWord(text, at, end) ? name : pseudonym)
    from = end
  }
  return out + text.slice(from)
}

/** Letters or digits go on at one of its ends: another word. */
function isInWord(text: string, at: number, end: number): boolean {
  const isJoined = (left: string | undefined, right: string | undefined): boolean =>
    /[\p{L}\p{N}]/u.test(left ?? '') && /[\p{L}\p{N}]/u.test(right ?? '')
  return isJoined(text[at - 1], text[at]) || isJoined(text[end - 1], text[end])
}

function concealCut(text: string, name: string, pseudonym: string): string {
  if (text.length < MIN_CUT_TEXT) return text
  for (let length = Math.min(name.length - 1, text.length); length >= MIN_CUT_CHARS; length -= 1) {
    const at = text.length - length
    if (text.endsWith(name.slice(0, length)) && !isInWord(text, at, text.length)) return text.slice(0, at) + pseudonym
  }
  return text
}

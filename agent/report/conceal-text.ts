// Puts pseudonyms into texts: paths below homes wherever they stand in a sentence, and names of people and of this host as words.
// A path in a sentence has no end mark, so it ends where a known path ends; one that nobody knows takes the rest of the sentence with
// it. Too much is concealed then, never too little.
import { isPersonName, plainUserName, type Pseudonyms } from './pseudonyms.ts'

/** What stands before the name of a user in a path, on every system; removable media of Linux are mounted by user as well. */
const HOMES = /\/(?:home|Users|media)\/|[\\/](?:Users|Documents and Settings)[\\/]|(?<![^\s=:"'`(,])~[^/\s]{0,64}\//g
/** Names of one machine that are searched for in every text; more is a directory, and paths are concealed without it. */
const MAX_WORDS = 4_096
/** Paths remembered to find their ends in sentences (some 30 MB); of more, sentences lose their ends. */
const MAX_KNOWN = 200_000
/** What may follow a path in a sentence. */
const BEHIND_A_PATH = /[\s"'`,;:()<>|\]}=&!?]/

export interface Surroundings {
  readonly hostName: string
  /** Homes of people, as the system lists them. */
  readonly homes: readonly string[]
}

export interface TextConcealer {
  /** Remembers that this is a whole path. */
  readonly learnPath: (path: string) => void
  readonly learnUser: (name: string) => void
  /** Goes up when something was learned: texts may now come out otherwise. */
  readonly generation: () => number
  readonly conceal: (text: string) => string
}

export function createTextConcealer(pseudonyms: Pseudonyms, { hostName, homes }: Surroundings): TextConcealer {
  const words = createWords(pseudonyms)
  const tails = createTails()
  const otherHomes = homes.filter((home) => !isMarked(home))
  for (const host of hostNames(hostName)) words.add(host, pseudonyms.of('host', hostName))
  const learnUser = (name: string): void => {
    const plain = plainUserName(name)
    if (isPersonName(plain)) words.add(plain, pseudonyms.of('user', plain))
  }
  for (const home of homes) learnUser(home.slice(Math.max(home.lastIndexOf('/'), home.lastIndexOf('\\')) + 1))
  const nextHome = (text: string, from: number): Found | null =>
    nearest([nextMark(text, from), nextOther(text, from, otherHomes)])
  return {
    learnUser,
    learnPath: (path) => {
      const found = nextHome(path, 0)
      if (found !== null) tails.add(path.slice(found.tailAt))
    },
    generation: () => words.size() + tails.size(),
    conceal: (text) => {
      let out = ''
      let at = 0
      for (let found = nextHome(text, at); found !== null; found = nextHome(text, at)) {
        const tail = text.slice(found.tailAt)
        const length = tails.lengthIn(tail)
        out += words.replace(text.slice(at, found.at)) + text.slice(found.at, found.tailAt)
        out += found.hasUser
          ? pseudonyms.belowHomes(tail.slice(0, length))
          : belowOwn(pseudonyms, tail.slice(0, length))
        at = found.tailAt + length
      }
      return out + words.replace(text.slice(at))
    },
  }
}

/** Below a home that is named by itself every component is a part. */
function belowOwn(pseudonyms: Pseudonyms, tail: string): string {
  return pseudonyms.belowHomes(`root/${tail}`).slice('root/'.length)
}

interface Found {
  readonly at: number
  /** Where what is concealed begins. */
  readonly tailAt: number
  /** The first component is the user. */
  readonly hasUser: boolean
}

function nearest(found: readonly (Found | null)[]): Found | null {
  let first: Found | null = null
  for (const one of found) if (one !== null && (first === null || one.at < first.at)) first = one
  return first
}

function isMarked(home: string): boolean {
  return nextMark(home, 0) !== null
}

function nextMark(text: string, from: number): Found | null {
  HOMES.lastIndex = from
  const match = HOMES.exec(text)
  if (match === null) return null
  const [mark] = match
  // `~bob/x` and `~/x`: the user is in the mark itself.
  const isTilde = mark.startsWith('~')
  return { at: match.index, tailAt: match.index + (isTilde ? 1 : mark.length), hasUser: true }
}

/** Homes elsewhere: `/data/people/bob`, `/root`. The component itself is the user, unless it is nobody's. */
function nextOther(text: string, from: number, homes: readonly string[]): Found | null {
  let first: Found | null = null
  for (const home of homes) {
    const at = indexOfHome(text, home, from)
    if (at < 0 || (first !== null && at >= first.at)) continue
    const cut = Math.max(home.lastIndexOf('/'), home.lastIndexOf('\\')) + 1
    first = { at, tailAt: at + cut, hasUser: true }
  }
  return first
}

/** As a whole path: `/proc/1/root` and `/rootfs` are not the home of root. */
function indexOfHome(text: string, home: string, from: number): number {
  for (let at = text.indexOf(home, from); at >= 0; at = text.indexOf(home, at + 1)) {
    const before = text[at - 1]
    const behind = text[at + home.length]
    const begins = before === undefined || /[\s"'`(=:,@]/.test(before)
    if (begins && (behind === undefined || behind === '/' || behind === '\\' || BEHIND_A_PATH.test(behind))) return at
  }
  return -1
}

/** What follows the mark in known paths, and in every folder above them. */
function createTails() {
  const known = new Set<string>()
  const lengths = new Set<number>()
  return {
    size: () => known.size,
    add: (tail: string): void => {
      for (let path = tail; path !== '' && known.size < MAX_KNOWN && !known.has(path); path = above(path)) {
        known.add(path)
        lengths.add(path.length)
      }
    },
    /** The longest known path at the beginning of a text; all of the text where none is. */
    lengthIn: (text: string): number => {
      for (let end = text.length; end > 0; end -= 1) {
        if (lengths.has(end) && endsAt(text, end) && known.has(text.slice(0, end))) return end
      }
      return text.length
    },
  }
}

function above(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/'), path.lastIndexOf('\\')))
}

function endsAt(text: string, end: number): boolean {
  const next = text[end]
  if (next === undefined || BEHIND_A_PATH.test(next)) return true
  return next === '.' && (end + 1 === text.length || /\s/.test(text[end + 1] ?? ''))
}

/** Names as words: letters and digits on neither side, capitals or not. */
function createWords(pseudonyms: Pseudonyms) {
  const byName = new Map<string, string>()
  let pattern: RegExp | null = null
  return {
    size: () => byName.size,
    add: (name: string, pseudonym: string): void => {
      const key = name.toLowerCase()
      // A name of digits alone would take the numbers out of every text.
      if (byName.has(key) || byName.size >= MAX_WORDS || /^[0-9.\-]*$/.test(key)) return
      byName.set(key, pseudonym)
      pattern = null
    },
    replace: (text: string): string => {
      if (byName.size === 0 || text === '') return text
      pattern ??= patternOf([...byName.keys()])
      return text.replace(pattern, (name) => byName.get(name.toLowerCase()) ?? pseudonyms.of('user', name))
    },
  }
}

/** Longest first, so that `desk-7.example` is not met as `desk-7`. */
function patternOf(names: readonly string[]): RegExp {
  const sources = [...names]
    .sort((left, right) => right.length - left.length)
    .map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${sources.join('|')})(?![\\p{L}\\p{N}])`, 'giu')
}

/** The whole name and its first label. */
function hostNames(hostName: string): readonly string[] {
  const names = [hostName, hostName.split('.')[0] ?? '']
  return names.filter((name) => name.length > 1 && name.toLowerCase() !== 'localhost')
}

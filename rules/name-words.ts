// What a model's name says: families by the vocabulary's words, and sizes such as `7B` or `8x7B`. Names prove nothing.
import type { Claims } from '../contract/fingerprint.ts'
import type { Pack } from './pack.ts'

/** A name longer than this is not a name (CWE-400). */
const MAX_NAME_CHARS = 512

/** Lower-case runs of letters, digits and dots: `Llama-3.1_8B` is `llama`, `3.1`, `8b`. */
export function wordsOf(name: string): readonly string[] {
  const words: string[] = []
  let word = ''
  for (const character of `${name.slice(0, MAX_NAME_CHARS).toLowerCase()} `) {
    const belongs =
      (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character === '.'
    if (belongs) word += character
    else if (word !== '') {
      words.push(word)
      word = ''
    }
  }
  return words
}

/** Names with these words speak about another model's size: a draft for a 70B, a distillate of one, an adapter to one. */
const OTHER_MODEL_WORDS = [
  'draft',
  'eagle',
  'eagle3',
  'mtp',
  'medusa',
  'speculative',
  'speculator',
  'lora',
  'adapter',
  'distill',
  'distilled',
  'pruned',
  'prune',
  'merge',
  'merged',
  'slerp',
  'ties',
  'moe',
  'mini',
  'tiny',
  'small',
  'nano',
  'micro',
  'random',
  'test',
  'dummy',
  'stub',
  'toy',
  'vocab',
  'for',
  'from',
  'of',
  'to',
  'vs',
  'like',
  'style',
]

/** True for a name that speaks about another model: its words do not say what this one is. */
export function speaksOfOthers(words: readonly string[]): boolean {
  return words.some((word) => OTHER_MODEL_WORDS.includes(word))
}

/** Families that a name mentions: a vocabulary word alone or followed by its version (`qwen2.5`, `llama3`). */
export function familiesIn(name: string, pack: Pack): readonly string[] {
  const words = wordsOf(name)
  const families: string[] = []
  for (const family of pack.vocabulary.get('families')?.values() ?? []) {
    if ((family.words ?? []).some((mark) => words.some((word) => isMark(word, mark)))) families.push(family.id)
  }
  return families
}

/** A word alone or with its version behind it. */
export function isMark(word: string, mark: string): boolean {
  if (!word.startsWith(mark)) return false
  const rest = word.charAt(mark.length)
  return rest === '' || rest === '.' || (rest >= '0' && rest <= '9')
}

/** Everything by which a file names itself, the strongest first. */
export function claimedNames(claims: Claims): readonly string[] {
  const names = [claims.name, claims.basename, claims.placeName, claims.finetune]
  return names.filter((name): name is string => name !== undefined && name !== '')
}

/** Fewest and most parameters that a size word can mean. */
export interface SizeClaim {
  readonly word: string
  readonly least: number
  readonly most: number
}

const UNITS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 }

/** Reads `7B`, `1.5B`, `270M`, `8x7B` or `A3B` (which says only "at least"); null for anything else. */
export function readSize(word: string): SizeClaim | null {
  const lower = word.toLowerCase()
  const isActive = lower.startsWith('a') || lower.startsWith('e')
  const [first, second, ...more] = (isActive ? lower.slice(1) : lower).split('x')
  if (first === undefined || more.length > 0) return null
  if (second === undefined) {
    const one = readNumber(first)
    return one === null ? null : { word, least: one, most: isActive ? Number.MAX_SAFE_INTEGER : one }
  }
  // Experts share attention, and some vendors count an expert's own share only: anything between one and all of them is honest.
  const experts = Number(first)
  const each = readNumber(second)
  if (each === null || !Number.isInteger(experts) || experts < 2 || experts > 1024) return null
  return { word, least: each, most: each * experts }
}

function readNumber(word: string): number | null {
  const unit = UNITS[word.slice(-1)]
  const digits = word.slice(0, -1)
  if (unit === undefined || digits === '' || digits.length > 8) return null
  for (const character of digits) {
    if (character !== '.' && (character < '0' || character > '9')) return null
  }
  const value = Number(digits)
  return Number.isFinite(value) && value > 0 ? value * unit : null
}

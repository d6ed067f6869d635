// Finds secrets, homes of people and addresses of inner networks in a text, and shows them masked. Every search is a walk forward
// over the text without regular expressions, so that its work grows with the length of the text and with nothing else (CWE-1333).
import { INNER_SUFFIXES, NOBODYS_HOMES } from './secret-shapes.ts'
import { EXAMPLE_MARKS, SECRET_NAMES, SECRET_SHAPES, type SecretShape, TOKEN_LETTERS } from './secret-shapes.ts'

export interface FoundSecret {
  /** Name of the action. */
  readonly name: string
  /** Place in the text. */
  readonly start: number
  /** Masked: nothing of a secret but its first letters. */
  readonly shown: string
}

/** Of one text; the first ones are enough to act (CWE-770). */
const MAX_FOUND = 64
const SHOWN_LETTERS = 4
/** Of a shorter one nothing is shown: four letters would be a third of it. */
const LEAST_SHOWN = 12
/** Fewer different letters are a line of the same sign, or a word. */
const LEAST_DIFFERENT = 8
/** A setting's value: shorter ones are words and numbers. */
const LEAST_VALUE = 12
const MAX_VALUE = 256
/** Bits of entropy a letter: words of English have about 3, random hexadecimal 4, base64 6. */
const LEAST_ENTROPY = 3.2
/** Between a setting's name and its value: rest of the name, quotes, colon. */
const MAX_NAME_REST = 24
const MAX_BETWEEN = 8
const MAX_URL = 512
const MAX_SCHEME = 16
const MAX_HOME = 64
const PRIVATE_KEY = '-----BEGIN '
const MAX_KEY_KIND = 32

/** What is in the text, in no order. `name` is the setting whose whole value the text is, where there is one. */
export function findSecrets(text: string, name?: string): readonly FoundSecret[] {
  const found = new Map<number, FoundSecret>()
  const add = (each: FoundSecret): void => {
    if (found.size < MAX_FOUND && !found.has(each.start)) found.set(each.start, each)
  }
  for (const shape of SECRET_SHAPES) findShape(text, shape, add)
  findSessionTokens(text, add)
  findPrivateKeys(text, add)
  if (name !== undefined && namesSecret(name)) tellValue(text, 0, text.length, add)
  findNamedValues(text, add)
  findAddresses(text, add)
  findHomes(text, add)
  return [...found.values()]
}

type Add = (found: FoundSecret) => void

/** A secret as it may be shown. */
export function mask(value: string): string {
  const letters = value.length < LEAST_SHOWN ? '' : value.slice(0, SHOWN_LETTERS)
  return `${letters}… (${value.length} characters)`
}

function tellSecret(name: string, value: string, start: number, add: Add): void {
  add({ name: isExample(value) ? 'example-key' : name, start, shown: mask(value) })
}

function isExample(value: string): boolean {
  const lower = value.toLowerCase()
  return EXAMPLE_MARKS.some((mark) => lower.includes(mark)) || new Set(value).size < LEAST_DIFFERENT
}

function isWordAt(text: string, at: number): boolean {
  const letter = text.charAt(at)
  return (
    letter !== '' &&
    ((letter >= '0' && letter <= '9') || letter === '_' || letter.toLowerCase() !== letter.toUpperCase())
  )
}

/** Where the run of such letters ends, at most `most` from `start`. */
function endOfRun(text: string, start: number, letters: ReadonlySet<string>, most: number): number {
  let end = start
  while (end < text.length && end - start < most && letters.has(text.charAt(end))) end += 1
  return end
}

function findShape(text: string, shape: SecretShape, add: Add): void {
  const { beginning } = shape
  for (let at = text.indexOf(beginning); at !== -1; ) at = text.indexOf(beginning, passShape(text, at, shape, add))
}

/** Looks at one place where such a secret may begin; says where to go on. */
function passShape(text: string, at: number, { name, beginning, letters, least, most }: SecretShape, add: Add): number {
  const from = at + beginning.length
  if (isWordAt(text, at - 1)) return from
  const end = endOfRun(text, from, letters, most)
  // A longer run of letters is another thing: a digest, a name.
  const isWhole = end - from >= least && !(end - from === most && letters.has(text.charAt(end)))
  if (isWhole && looksIssued(text.slice(from, end))) tellSecret(name, text.slice(at, end), at, add)
  return end
}

/** Issuers draw letters by lot: among twenty there is a digit, and few are the same. Names of models with hyphens have long words. */
function looksIssued(body: string): boolean {
  const digits = Array.from(body).filter((letter) => letter >= '0' && letter <= '9').length
  if (digits < 1 && !body.toLowerCase().includes('example')) return false
  return body !== body.toLowerCase() || digits >= 4
}

/** Three parts of base64, the first two of which are JSON: `eyJ….eyJ….…` (RFC 7519). */
function findSessionTokens(text: string, add: Add): void {
  for (let at = text.indexOf('eyJ'); at !== -1; ) {
    const end = isWordAt(text, at - 1) ? at + 1 : endOfRun(text, at, TOKEN_LETTERS, MAX_URL * 8)
    const parts = text.slice(at, end).split('.')
    const [head = '', body = '', signature = ''] = parts
    if (parts.length === 3 && head.length > 8 && body.startsWith('eyJ') && signature.length > 8) {
      tellSecret('secret-session-token', text.slice(at, end), at, add)
    }
    at = text.indexOf('eyJ', end)
  }
}

function findPrivateKeys(text: string, add: Add): void {
  for (let at = text.indexOf(PRIVATE_KEY); at !== -1; at = text.indexOf(PRIVATE_KEY, at + 1)) {
    const kind = text.slice(at + PRIVATE_KEY.length, at + PRIVATE_KEY.length + MAX_KEY_KIND)
    const end = kind.indexOf('PRIVATE KEY-----')
    // A line of documentation names the kind and goes on with dots.
    const body = text.slice(at + PRIVATE_KEY.length + end + 16, at + PRIVATE_KEY.length + end + 80)
    if (end === -1) continue
    add({ name: new Set(body).size < 16 ? 'example-key' : 'secret-private-key', start: at, shown: 'a private key' })
  }
}

function namesSecret(name: string): boolean {
  const lower = name.toLowerCase()
  return SECRET_NAMES.some((word) => lower.includes(word))
}

/** `"api_key": "…"`, `--api-key …`, `PASSWORD=…`. */
function findNamedValues(text: string, add: Add): void {
  const lower = text.toLowerCase()
  for (const word of SECRET_NAMES) {
    for (const at of placesOf(lower, word)) tellValueBehind(text, at + word.length, add)
  }
}

function* placesOf(text: string, word: string): Generator<number, void> {
  for (let at = text.indexOf(word); at !== -1; at = text.indexOf(word, at + word.length)) yield at
}

const NAME_REST: ReadonlySet<string> = new Set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-')
const BETWEEN: ReadonlySet<string> = new Set(' \t"\'`\\:=>')

/** Behind the name of a setting, where a sign of one stands between. */
function tellValueBehind(text: string, from: number, add: Add): void {
  const nameEnd = endOfRun(text, from, NAME_REST, MAX_NAME_REST)
  const start = endOfRun(text, nameEnd, BETWEEN, MAX_BETWEEN)
  const between = text.slice(nameEnd, start)
  if (between.includes('=') || between.includes(':') || between.startsWith(' '))
    tellValue(text, start, text.length, add)
}

function tellValue(text: string, start: number, limit: number, add: Add): void {
  const end = endOfRun(text, start, TOKEN_LETTERS, Math.min(limit - start, MAX_VALUE))
  const value = text.slice(start, end)
  if (value.length < LEAST_VALUE || value.startsWith('/') || value.startsWith('.') || !isRandom(value)) return
  tellSecret('secret-named-value', value, start, add)
}

function isRandom(value: string): boolean {
  const counts = new Map<string, number>()
  for (const letter of value) counts.set(letter, (counts.get(letter) ?? 0) + 1)
  let bits = 0
  for (const count of counts.values()) bits -= count * Math.log2(count / value.length)
  const hasDigit = Array.from(value).some((letter) => letter >= '0' && letter <= '9')
  const hasLetter = value.toLowerCase() !== value.toUpperCase()
  return hasDigit && hasLetter && bits / value.length >= LEAST_ENTROPY
}

const ENDS_URL: ReadonlySet<string> = new Set(' \t\r\n"\'`<>()[]{}|\\^\0')

/** Addresses that carry a password, and those of inner networks. */
function findAddresses(text: string, add: Add): void {
  for (let at = text.indexOf('://'); at !== -1; at = text.indexOf('://', at + 1)) {
    const start = startOfScheme(text, at)
    if (start === at) continue
    let end = at + 3
    while (end < text.length && end - at < MAX_URL && !ENDS_URL.has(text.charAt(end))) end += 1
    const [authority = ''] = text.slice(at + 3, end).split(/[/?#]/, 1)
    const sign = authority.lastIndexOf('@')
    const [user = '', password = ''] = sign === -1 ? [] : authority.slice(0, sign).split(':')
    const scheme = text.slice(start, at)
    if (password !== '' && isPassword(user, password)) {
      tellSecret('secret-in-address', text.slice(start, at + 3 + authority.length), start, add)
    }
    const shown = innerAddress(authority.slice(sign + 1))
    if (shown !== null) add({ name: 'internal-address', start: at, shown: `${scheme}://${shown}` })
  }
}

/** `${PASSWORD}` and `<password>` stand where a password will; `{}` ends an address anyway. */
function isPassword(user: string, password: string): boolean {
  return (
    !password.startsWith('$') &&
    !password.startsWith('%') &&
    !/^(password|pass|pwd|token)$/i.test(password) &&
    user.length < MAX_URL
  )
}

function startOfScheme(text: string, at: number): number {
  let start = at
  while (start > 0 && at - start < MAX_SCHEME && (isWordAt(text, start - 1) || text.charAt(start - 1) === '+'))
    start -= 1
  return start
}

/** An address of an own network (RFC 1918) as it is, a host by the end of its name alone; null for all others. */
function innerAddress(host: string): string | null {
  const [name = ''] = host.toLowerCase().split(':', 1)
  const parts = name.split('.')
  const numbers = parts.map(Number)
  if (parts.length === 4 && numbers.every((number) => Number.isInteger(number) && number >= 0 && number < 256)) {
    const [first = 0, second = 0] = numbers
    const isInner = first === 10 || (first === 192 && second === 168) || (first === 172 && second >= 16 && second < 32)
    return isInner ? name : null
  }
  const suffix = INNER_SUFFIXES.find((each) => name.endsWith(each) && name.length > each.length)
  return suffix === undefined ? null : `…${suffix}`
}

const HOMES: readonly (readonly [beginning: string, shown: string])[] = [
  ['/home/', '/home/…/'],
  ['/Users/', '/Users/…/'],
  [':\\Users\\', '\\Users\\…\\'],
  [':\\\\Users\\\\', '\\Users\\…\\'],
]
const ENDS_NAME: ReadonlySet<string> = new Set('/\\ \t\r\n"\'`<>|:*?,;()[]{}$%\0')

/** Homes of people, with the name left out. */
function findHomes(text: string, add: Add): void {
  for (const [beginning, shown] of HOMES) {
    const starts = [...placesOf(text, beginning)].filter((at) => namesPerson(text, at, beginning))
    for (const start of starts) add({ name: 'personal-path', start, shown })
  }
}

function namesPerson(text: string, at: number, beginning: string): boolean {
  if (beginning.startsWith('/') && !beginsPath(text, at)) return false
  const from = at + beginning.length
  let end = from
  while (end < text.length && end - from < MAX_HOME && !ENDS_NAME.has(text.charAt(end))) end += 1
  const name = text.slice(from, end).toLowerCase()
  return name !== '' && !name.startsWith('.') && /[/\\]/.test(text.charAt(end)) && !NOBODYS_HOMES.has(name)
}

/** Not the middle of an address or of another path; but `file:///home/`, `C:/Users/` and `/mnt/c/Users/`. */
function beginsPath(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 7), at)
  if (before.endsWith('file://') || before.endsWith('/mnt/c')) return true
  return !isWordAt(text, at - 1) && !['/', '.', '-'].includes(text.charAt(at - 1))
}

// The card of a model: README.md beside the weights, with a head of YAML between two lines of dashes
// (huggingface/hub-docs:modelcard.md). Plain values and lists of plain values at the outermost level are read, line by line;
// anchors, tags, blocks and whatever is deeper are not.
//
//   --- \n (key: value | key: \n (- item)* | key: [item, ...])* --- \n text
import type { Claims } from '../../contract/fingerprint.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'

/** Cards with the results of evaluations are under 200 KB, their names stand at the beginning; the rest is not read (CWE-770). */
export const MAX_CARD_BYTES = 65_536
/** The longest head in 64 KiB of one-letter tags is not worth more (CWE-400). */
const MAX_LINES = 4_096
/** Longer lines are cut: no key or name that is kept is longer. */
const MAX_LINE_CHARS = 2_048
/** What the wire carries (contract/fingerprint.ts). */
const MAX_BASE_MODELS = 16
const MAX_TAGS = 64
const MAX_LICENSE_CHARS = 512
const FENCE = /^---\s*$/
const ENTRY = /^([A-Za-z_][A-Za-z0-9_-]{0,63}):(?:[ \t]+(.*))?$/
const ITEM = /^[ \t]{0,8}-[ \t]+(.*)$/
/** `org/name` on the hub. */
const REPOSITORY = /^([\w.-]{1,96})\/[\w.-]{1,128}$/
/** Anchors, aliases, tags, blocks and maps of YAML: no plain value. */
const NOT_PLAIN = /^[&*!|>{%@`]/
const KEYS: ReadonlySet<string> = new Set(
  'license license_name license_link base_model library_name tags datasets'.split(' '),
)

type Card = ReadonlyMap<string, readonly string[]>

/** What a card claims; nothing where it has no head, or one without an end. */
export function readModelCard(bytes: Uint8Array): Claims {
  const card = readHead(Buffer.from(bytes.subarray(0, MAX_CARD_BYTES)).toString('utf8'))
  if (card === null) return {}
  const license = licenseOf(card)
  const bases = (card.get('base_model') ?? []).slice(0, MAX_BASE_MODELS).map(describeBase)
  const tags = tagsOf(card)
  return {
    ...(license === undefined ? {} : { license }),
    ...(bases.length === 0 ? {} : { baseModels: bases }),
    ...(tags.length === 0 ? {} : { tags }),
  }
}

/** The first line of a license that says something: its title. */
export function readLicenseTitle(bytes: Uint8Array): Claims {
  const text = Buffer.from(bytes.subarray(0, MAX_CARD_BYTES)).toString('utf8')
  const title = /[^\s#*=-][^\r\n]{0,511}/.exec(text)?.[0].trim() ?? ''
  return title === '' || /[\0-\x08\ufffd]/.test(title) ? {} : { license: title.slice(0, MAX_LICENSE_CHARS) }
}

function readHead(text: string): Card | null {
  const card = new Map<string, string[]>()
  let key = ''
  let count = 0
  for (const line of linesOf(text.replace(/^\ufeff/, ''))) {
    count += 1
    const isFence = FENCE.test(line)
    if (count === 1 && !isFence) return null
    if (count > 1 && isFence) return card
    if (count > MAX_LINES) return null
    key = readLine(line, key, card)
  }
  return null
}

/** Adds what a line says; the key that items of the next lines belong to. The first of two equal keys stands. */
function readLine(line: string, key: string, card: Map<string, string[]>): string {
  const item = ITEM.exec(line)
  if (item !== null) {
    keep(card.get(key), item[1])
    return key
  }
  const entry = ENTRY.exec(line)
  // What is indented belongs to a map that is not read; empty lines and comments end nothing.
  if (entry === null) return line.trim() === '' || line.trimStart().startsWith('#') ? key : ''
  const [, name = '', value = ''] = entry
  if (!KEYS.has(name) || card.has(name)) return ''
  const items: string[] = []
  card.set(name, items)
  const trimmed = value.trim()
  if (trimmed.startsWith('[')) for (const one of trimmed.replace(/^\[|\].*$/g, '').split(',')) keep(items, one)
  else keep(items, trimmed)
  return name
}

function keep(items: string[] | undefined, value = ''): void {
  const text = plain(value.trim())
  if (text !== '' && items !== undefined && items.length < MAX_TAGS) items.push(text)
}

/** The value without quotes or a comment behind it; '' for what is no plain value. */
function plain(value: string): string {
  const [quote = ''] = value
  if (quote === '"' || quote === "'") {
    const end = value.indexOf(quote, 1)
    return end === -1 ? '' : value.slice(1, end).trim()
  }
  if (NOT_PLAIN.test(value)) return ''
  const comment = value.search(/(?:^|\s)#/)
  return (comment === -1 ? value : value.slice(0, comment)).trim()
}

function* linesOf(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    yield text.slice(start, Math.min(end, start + MAX_LINE_CHARS)).trimEnd()
    start = end + 1
  }
}

/** `other` says nothing: the card then has a name of its own, and where the text is. */
function licenseOf(card: Card): string | undefined {
  const [stated] = card.get('license') ?? []
  const [name] = card.get('license_name') ?? []
  const [link] = card.get('license_link') ?? []
  const isOwn = stated === undefined || stated === 'other' || stated === 'unknown'
  const told = isOwn ? [name ?? stated, link].filter((text) => text !== undefined) : [stated]
  return told.length === 0 ? undefined : told.join(' ').slice(0, MAX_LICENSE_CHARS)
}

function describeBase(name: string): NonNullable<Claims['baseModels']>[number] {
  const organization = REPOSITORY.exec(name)?.[1]
  const text = name.slice(0, MAX_NAME_CHARS)
  if (organization === undefined || /^\.*$/.test(organization)) return { name: text }
  return { name: text, organization, repoUrl: `https://huggingface.co/${name}` }
}

function tagsOf(card: Card): readonly string[] {
  const sets = card.get('datasets')?.length ?? 0
  const library = card.get('library_name')?.[0]
  const told = [
    ...(library === undefined ? [] : [`library: ${library}`]),
    ...(sets === 0 ? [] : [`datasets: ${sets}`]),
    ...(card.get('tags') ?? []),
  ]
  return [...new Set(told.map((tag) => tag.slice(0, MAX_NAME_CHARS)))].slice(0, MAX_TAGS)
}

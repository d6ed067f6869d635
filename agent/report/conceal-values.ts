// Conceals a whole thing: every text of it by default, by the name of its field where that says more. A field that is added to the
// contract later is therefore concealed until somebody says that it cannot hold a name.
import { INSTALLATION_SOURCES } from '../../contract/installation.ts'
import type { Runtime } from '../../contract/runtime.ts'
import type { Thing } from './digest.ts'
import { createFileNames } from './conceal-file-names.ts'
import { concealQuotes } from './conceal-quotes.ts'
import type { TextConcealer } from './conceal-text.ts'
import { isPersonName, plainUserName, type Pseudonyms } from './pseudonyms.ts'

/** Words of closed lists, ids of rules, digests and encodings: no name can be in them, and changing them would break the wire. */
const UNTOUCHED: ReadonlySet<string> = new Set(
  [
    'kind verdict severity confidence role how protocol state activity reach turnsOff effect from level category',
    'entryId policyId artifactId artifactIds format dialect code sensor hostId vendor product family',
    'sha256 digest tensors normSketch firstBytes observedAt createdAt modifiedAt startedAt finishedAt busySince watchedSince day',
    'ids platform agentVersion packVersion dev inode procLink roles outerRoles',
    'falsePositives advice',
  ].flatMap((line) => line.split(' ')),
)
/** The same word means a device in another place. */
const IS_SOURCE: ReadonlySet<string> = new Set(INSTALLATION_SOURCES)
/** Digests of user names and paths. */
const DIGESTS: ReadonlySet<string> = new Set(['runtimeKey', 'findingId'])
/** Fields that hold one whole path. */
const PATHS: ReadonlySet<string> = new Set(['path', 'artifactPath', 'scope', 'place', 'places', 'address', 'member'])
/** Most characters of short texts on the wire: a pseudonym may be longer than the name. */
const MOST: ReadonlyMap<string, number> = new Map(
  Object.entries({
    listing: 160,
    setting: 500,
    value: 512,
    program: 96,
    names: 96,
    text: 512,
    version: 64,
    title: 200,
  }),
)
const MAX_SENTENCE = 4_096
/** The field `detail` where it says what could not be looked at. */
const TROUBLE = 'detail of a trouble'
/** The same inside of another sentence. */
const TROUBLE_TOLD = /\bGNO_[A-Z_]+: /
const SENTENCES: ReadonlySet<string> = new Set(['because', 'detail', TROUBLE, 'says', 'shown', 'summary', 'loweredBy'])
/** Numbers of accounts that people have; macOS begins earlier. */
const FIRST_PERSON: Readonly<Record<string, number>> = { darwin: 500, linux: 1_000 }
/** No system has user numbers up there. */
const CONCEALED_UID = 2 ** 40

export interface ValueConcealer {
  /** Meets everything first, so that a sentence knows the paths of things that come later. */
  readonly learn: (things: readonly Thing[]) => void
  readonly thing: (thing: Thing) => Thing
  readonly value: <T>(value: T) => T
}

export function createValueConcealer(pseudonyms: Pseudonyms, texts: TextConcealer, platform: string): ValueConcealer {
  const seen = new WeakSet<object>()
  const cache = new WeakMap<object, { readonly generation: number; readonly told: Thing }>()
  const field: ConcealField = (text, name) => concealField(text, name, pseudonyms, texts)
  const firstPerson = FIRST_PERSON[platform] ?? 0
  const value: ValueConcealer['value'] = (given) => walk(given, '', field)
  return {
    value,
    thing: (given) => {
      const known = cache.get(given.item)
      const generation = texts.generation()
      if (known?.generation === generation) return known.told
      const told = concealThing(given, valueWithin(given, field, texts), { pseudonyms, firstPerson })
      cache.set(given.item, { generation, told })
      return told
    },
    learn: (things) => {
      for (const { kind, item } of things) {
        if (seen.has(item)) continue
        seen.add(item)
        visitPaths(item, '', texts.learnPath)
        // Accounts of services are called like programs, and a sentence about the program must stay one.
        if (kind === 'runtime' && item.user.uid >= firstPerson) texts.learnUser(item.user.name ?? '')
      }
    },
  }
}

type ConcealField = (text: string, name: string) => string

/** Conceals what is part of a thing: its sentences know the files that it names. */
function valueWithin(thing: Thing, field: ConcealField, texts: TextConcealer): ValueConcealer['value'] {
  const names = createFileNames()
  const learn = (path: string): void => names.learn(path, texts.conceal(path))
  if (thing.kind === 'finding' && thing.item.subject.kind === 'artifact') learn(thing.item.subject.key)
  visitPaths(thing.item, '', learn)
  const isBare = (name: string): boolean => !PATHS.has(name) && !UNTOUCHED.has(name) && !DIGESTS.has(name)
  return (given) =>
    walk(given, '', (text, name) => (isBare(name) ? names.conceal(field(text, name)) : field(text, name)))
}

function walk<T>(value: T, name: string, field: ConcealField): T
function walk(value: unknown, name: string, field: ConcealField): unknown {
  if (typeof value === 'string') return field(value, name)
  if (Array.isArray(value)) return value.map((item: unknown) => walk(item, name, field))
  if (typeof value !== 'object' || value === null) return value
  const members: [string, unknown][] = Object.entries(value)
  const isTrouble = members.some(([key, item]) => (key === 'code' || key === 'kind') && isFailureCode(item))
  const nameOf = (key: string): string => (isTrouble && key === 'detail' ? TROUBLE : key)
  return Object.fromEntries(members.map(([key, item]) => [key, walk(item, nameOf(key), field)]))
}

/** Gaps, and the evidence that is made of them. */
function isFailureCode(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('GNO_')
}

function concealField(text: string, field: string, pseudonyms: Pseudonyms, texts: TextConcealer): string {
  if (UNTOUCHED.has(field) || (field === 'source' && IS_SOURCE.has(text))) return text
  if (DIGESTS.has(field)) return pseudonyms.digest(text)
  if (field === 'owner') return concealUser(text, pseudonyms)
  const isTrouble = field === TROUBLE || TROUBLE_TOLD.test(text)
  const concealed = isTrouble ? concealQuotes(texts.conceal(text), pseudonyms) : texts.conceal(text)
  const most = SENTENCES.has(field) ? MAX_SENTENCE : MOST.get(field)
  // What was longer had room for it.
  return most === undefined ? concealed : concealed.slice(0, Math.max(most, text.length))
}

function concealUser(name: string, pseudonyms: Pseudonyms): string {
  const plain = plainUserName(name)
  return isPersonName(plain) ? pseudonyms.of('user', plain) : name
}

interface Accounts {
  readonly pseudonyms: Pseudonyms
  /** Lowest number of a person's account. */
  readonly firstPerson: number
}

function concealThing(thing: Thing, value: ValueConcealer['value'], accounts: Accounts): Thing {
  switch (thing.kind) {
    case 'artifact':
      return { kind: 'artifact', item: value(thing.item) }
    case 'installation':
      return { kind: 'installation', item: value(thing.item) }
    case 'runtime':
      return { kind: 'runtime', item: { ...value(thing.item), user: concealAccount(thing.item.user, accounts) } }
    case 'finding': {
      const { kind, key } = thing.item.subject
      const subject = { kind, key: kind === 'runtime' ? accounts.pseudonyms.digest(key) : value(key) }
      return { kind: 'finding', item: { ...value(thing.item), subject } }
    }
  }
}

/** The number of an account is as good as its name. */
function concealAccount({ uid, name }: Runtime['user'], { pseudonyms, firstPerson }: Accounts): Runtime['user'] {
  const isService = uid < firstPerson
  if (isService || (name !== null && !isPersonName(plainUserName(name)))) return { uid, name }
  const number = Number.parseInt(pseudonyms.of('user', `uid ${uid}`).slice(2, 10), 16)
  return { uid: CONCEALED_UID + number, name: name === null ? null : concealUser(name, pseudonyms) }
}

function visitPaths(value: unknown, field: string, visit: (path: string) => void): void {
  if (typeof value === 'string') {
    if (PATHS.has(field)) visit(value)
  } else if (Array.isArray(value)) for (const item of value as readonly unknown[]) visitPaths(item, field, visit)
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value) as readonly (readonly [string, unknown])[])
      visitPaths(item, key, visit)
}

// Chooses each setting's value among the documents that may say it. Pure. A value that cannot be used never falls to a weaker
// document: what the same document last said of it stands, else the default, or the most careful value where one is named.
import type { Failure, Result } from '../../contract/failure.ts'
import { PRIVACY_LEVELS } from '../../contract/privacy.ts'
import { nearestName } from './nearest-name.ts'
import { meaningOfText } from './read-value.ts'
import { type Place, SETTINGS, type Settings, type SettingSpec } from './settings.ts'

/** Documents in their order: the first that says something wins. */
export const DOCUMENTS = ['managed', 'collector', 'file'] as const
export type DocumentName = (typeof DOCUMENTS)[number]
export type Documents = Readonly<Partial<Record<DocumentName, ReadonlyMap<string, unknown>>>>

/** `override`: the command line. */
export type SettingSource = 'default' | 'override' | DocumentName

export interface Layer {
  /** How it is called where something is wrong with it. */
  readonly place: string
  /** Null: there is no such document. */
  readonly values: Result<ReadonlyMap<string, unknown> | null>
}

export interface ChoiceParts {
  readonly place: Place
  readonly layers: Readonly<Record<DocumentName, Layer>>
  readonly overrides: Readonly<Partial<Record<keyof Settings, unknown>>>
  readonly kept: Documents
}

/** Something that could not be used. */
export interface SettingsTrouble {
  readonly failure: Failure
  /** The document, and the setting in it; the detail of the failure does not say it again. */
  readonly place: string
}

/** The same as one failure, for whoever has one line for it. */
export function failureOf({ failure, place }: SettingsTrouble): Failure {
  return { ...failure, detail: `${place}: ${failure.detail}` }
}

export interface Choice {
  readonly settings: Settings
  /** Where each value came from; a name that is not in it has its default. */
  readonly sources: ReadonlyMap<string, SettingSource>
  /** Keys left aside on purpose: `$schema`, `$comment` and the like. */
  readonly ignored: readonly string[]
  readonly troubles: readonly SettingsTrouble[]
  /** The documents without what cannot be used: what to keep for the next time. */
  readonly good: Documents
  /** The first trouble that a person who types a command is to hear of; what a collector sends is not theirs to mend. */
  readonly refused: Failure | undefined
}

/** Chooses every setting. */
export function chooseSettings(parts: ChoiceParts): Choice {
  const books = {
    managed: openBook(parts, 'managed'),
    collector: openBook(parts, 'collector'),
    file: openBook(parts, 'file'),
  }
  const chooser = new Chooser(parts, books)
  const settings = eachSetting((name) => chooser.pick(name))
  const own = [...books.file.troubles, ...chooser.commandLine, ...books.managed.troubles]
  return {
    settings,
    sources: chooser.sources,
    ignored: [...books.managed.ignored, ...books.file.ignored],
    troubles: [...own, ...books.collector.troubles],
    good: { managed: books.managed.good, collector: books.collector.good, file: books.file.good },
    refused: own[0] && failureOf(own[0]),
  }
}

/** A document that is being read. */
interface Book {
  readonly name: DocumentName
  readonly place: string
  /** Null: there is none. */
  readonly values: ReadonlyMap<string, unknown> | null
  /** What it last said, in usable form. */
  readonly kept: ReadonlyMap<string, unknown> | undefined
  /** It is there and cannot be read, and nothing is known of what it said: it may have asked for anything. */
  readonly isBlind: boolean
  readonly good: Map<string, unknown>
  readonly troubles: SettingsTrouble[]
  readonly ignored: readonly string[]
}

function openBook({ layers, kept }: ChoiceParts, name: DocumentName): Book {
  const { place, values } = layers[name]
  const last = kept[name]
  const given = values.ok ? values.value : (last ?? null)
  const book: Book = {
    name,
    place,
    values: given,
    kept: last,
    isBlind: !values.ok && last === undefined,
    good: new Map(),
    troubles: values.ok ? [] : [{ failure: withoutPlace(values.failure, place), place }],
    ignored: [...(given?.keys() ?? [])].filter((key) => key.startsWith('$')),
  }
  for (const key of given?.keys() ?? []) checkName(book, key)
  return book
}

/** What reads a file names it in each sentence. */
function withoutPlace(failure: Failure, place: string): Failure {
  const { detail } = failure
  return detail.startsWith(place) ? { ...failure, detail: detail.slice(place.length).replace(/^:? /, '') } : failure
}

function checkName(book: Book, key: string): void {
  if (key.startsWith('$')) return
  const refuse = (detail: string): void => {
    book.troubles.push({
      failure: { code: 'GNO_SETTINGS_INVALID', detail },
      place: `${book.place}: ${key.slice(0, 64)}`,
    })
  }
  if (!isSetting(key)) {
    const nearest = nearestName(key, Object.keys(SETTINGS))
    refuse(`is no setting; the nearest is "${nearest}"`)
  } else if (book.name === 'collector' && SETTINGS[key].collector === 'never') refuse('is never taken from a collector')
}

function isSetting(key: string): key is keyof Settings {
  return Object.hasOwn(SETTINGS, key)
}

/** What one document says of one setting. */
interface Word<T> {
  readonly source: SettingSource
  readonly value: T
}

class Chooser {
  readonly sources = new Map<string, SettingSource>()
  /** Troubles of the command line. */
  readonly commandLine: SettingsTrouble[] = []
  readonly #parts: ChoiceParts
  readonly #books: Readonly<Record<DocumentName, Book>>

  constructor(parts: ChoiceParts, books: Readonly<Record<DocumentName, Book>>) {
    this.#parts = parts
    this.#books = books
  }

  pick<Name extends keyof Settings>(name: Name): Settings[Name] {
    const spec: SettingSpec<Settings[Name]> = SETTINGS[name]
    const chosen = this.#choose(name, spec)
    if (chosen.source !== 'default') this.sources.set(name, chosen.source)
    return chosen.value
  }

  #choose<Name extends keyof Settings>(name: Name, spec: SettingSpec<Settings[Name]>): Word<Settings[Name]> {
    const managed = this.#wordOf('managed', name, spec)
    const collector = spec.collector === 'never' ? undefined : this.#wordOf('collector', name, spec)
    const typed = this.#typed(name, spec)
    const local = typed ?? this.#wordOf('file', name, spec)
    if (managed !== undefined) this.#overrule(name, managed, typed)
    if (managed !== undefined) return managed
    const own = local ?? { source: 'default', value: spec.defaultValue(this.#parts.place) }
    if (collector === undefined) return own
    if (spec.collector === 'sets') this.#overrule(name, collector, typed)
    return joinWords(spec.collector, collector, own)
  }

  #wordOf<T>(book: DocumentName, name: keyof Settings, spec: SettingSpec<T>): Word<T> | undefined {
    const { values, kept, isBlind, good, place, troubles } = this.#books[book]
    if (isBlind && spec.inDoubt !== undefined) {
      // Broken once more, it is as unknown as before.
      good.set(name, spec.inDoubt)
      return { source: book, value: spec.inDoubt }
    }
    if (values?.has(name) !== true) return undefined
    const read = spec.reader(this.#parts.place)
    const raw = values.get(name)
    const value = read(raw)
    if (value !== undefined) {
      good.set(name, raw)
      return { source: book, value }
    }
    const detail = `expected ${spec.expected}${hintAt(raw, read)}`
    troubles.push({ failure: { code: 'GNO_SETTINGS_INVALID', detail }, place: `${place}: ${name}` })
    const last = kept?.get(name)
    const before = last === undefined ? undefined : read(last)
    // What holds in doubt holds on when the rest of the document breaks as well.
    const held = before === undefined && book !== 'collector' ? spec.inDoubt : last
    if (held !== undefined) good.set(name, held)
    // What a collector garbles is as if it had said nothing: it must not silence a fleet by mistake.
    if (before === undefined && book === 'collector') return undefined
    return { source: book, value: before ?? spec.inDoubt ?? spec.defaultValue(this.#parts.place) }
  }

  #typed<T>(name: keyof Settings, spec: SettingSpec<T>): Word<T> | undefined {
    const raw = this.#parts.overrides[name]
    if (raw === undefined) return undefined
    const read = spec.reader(this.#parts.place)
    const value = read(raw) ?? read(meaningOfText(raw))
    if (value !== undefined) return { source: 'override', value }
    this.#refuseTyped(name, `expected ${spec.expected}`)
    return undefined
  }

  /** Whoever types a value must learn that it does not count. */
  #overrule<T>(name: keyof Settings, stronger: Word<T>, typed: Word<T> | undefined): void {
    if (typed === undefined || JSON.stringify(typed.value) === JSON.stringify(stronger.value)) return
    const { place } = this.#parts.layers[stronger.source === 'managed' ? 'managed' : 'collector']
    this.#refuseTyped(name, `is set by ${place}, which the command line cannot change`)
  }

  #refuseTyped(name: keyof Settings, detail: string): void {
    this.commandLine.push({ failure: { code: 'GNO_SETTINGS_INVALID', detail }, place: `command line: ${name}` })
  }
}

/** A number or a switch in quotes is the mistake that is seen last. */
function hintAt(raw: unknown, read: (value: unknown) => unknown): string {
  const meant = meaningOfText(raw)
  if (meant === undefined || read(meant) === undefined) return ''
  return `; "${String(meant)}" is a text: write ${String(meant)}, without quotes`
}

function joinWords<T>(right: SettingSpec<T>['collector'], collector: Word<T>, own: Word<T>): Word<T> {
  switch (right) {
    case 'never':
      return own
    case 'sets':
      return collector
    case 'adds':
      return { source: 'collector', value: joinLists(own.value, collector.value) }
    case 'raises':
      return isMoreCareful(collector.value, own.value) ? collector : own
  }
}

/** Both are lists of the same kind where a spec says `adds`; anything else stays what this machine says. */
function joinLists<T>(own: T, added: T): T
function joinLists(own: unknown, added: unknown): unknown {
  return isList(own) && isList(added) ? [...new Set([...own, ...added])] : own
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isMoreCareful(asked: unknown, own: unknown): boolean {
  const order: readonly unknown[] = PRIVACY_LEVELS
  return order.indexOf(asked) > order.indexOf(own)
}

/** Written out, because TypeScript cannot follow a loop over names of different types. */
function eachSetting(pick: <Name extends keyof Settings>(name: Name) => Settings[Name]): Settings {
  return {
    collectorUrl: pick('collectorUrl'),
    stateFolder: pick('stateFolder'),
    roots: pick('roots'),
    excludes: pick('excludes'),
    sweepIntervalSeconds: pick('sweepIntervalSeconds'),
    processIntervalSeconds: pick('processIntervalSeconds'),
    fullSweepIntervalSeconds: pick('fullSweepIntervalSeconds'),
    rescanIntervalSeconds: pick('rescanIntervalSeconds'),
    watch: pick('watch'),
    maxRulesAgeDays: pick('maxRulesAgeDays'),
    approvals: pick('approvals'),
    maxSpoolBytes: pick('maxSpoolBytes'),
    deep: pick('deep'),
    hashBytesPerSecond: pick('hashBytesPerSecond'),
    labelledFolders: pick('labelledFolders'),
    privacyLevel: pick('privacyLevel'),
    pseudonymKeyFile: pick('pseudonymKeyFile'),
    limits: pick('limits'),
    metrics: pick('metrics'),
    pace: pick('pace'),
    separateReader: pick('separateReader'),
    startSpreadSeconds: pick('startSpreadSeconds'),
  }
}

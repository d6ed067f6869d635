// What a store adds to the draft of a model: its name there, its version, and the files that belong to it.
import type { FilePart, Store } from '../../contract/artifact.ts'
import type { Claims, Container } from '../../contract/fingerprint.ts'
import type { CandidateFile, FileIdentity } from '../../contract/observation.ts'
import { printable } from '../../contract/printable.ts'
import { MAX_NAME_CHARS } from '../../contract/wire.ts'
import { type Draft, totalBytes } from './assemble-artifact.ts'
import { readCandidates } from './read-candidates.ts'
import type { StoreOptions } from './store-reader.ts'
import type { GapList } from './gap-list.ts'

/** Most gaps and parts that one artifact carries over the wire. */
const MAX_GAPS = 256
const MAX_PARTS = 4_096

/** What a store says about one of its models. */
export interface StoreWord {
  readonly store: Store
  readonly kind: Draft['kind']
  /** Key of the artifact where it is not the file or folder of its weights. */
  readonly path?: string
  readonly parts?: readonly FilePart[]
  /** Believed where the weights claim nothing themselves. */
  readonly claims?: Claims
  readonly container?: Container
  readonly gaps?: GapList
}

/** Names the store. Texts are made printable: tags and folders are chosen by strangers. */
export function storeOf(id: string, name: string, version?: string): Store {
  const told = { id, name: shortName(name) }
  return version === undefined || version === '' ? told : { ...told, version: shortName(version) }
}

/** A name from a store as it is told: printable, and as long as the wire allows. */
export function shortName(name: string): string {
  return printable(name)
    .slice(0, MAX_NAME_CHARS)
    .replace(/[\ud800-\udbff]$/, '')
}

/** The draft with what its store says about it. */
export function tellStore(draft: Draft, word: StoreWord): Draft {
  const { fingerprint } = draft
  const claims: Claims = { placeName: word.store.name, ...word.claims, ...fingerprint.claims }
  const container = { ...fingerprint.container, ...word.container }
  const told = new Set(draft.parts.map(({ path }) => path))
  const added = (word.parts ?? []).filter(({ path }) => !told.has(path))
  return {
    ...draft,
    kind: word.kind,
    path: word.path ?? draft.path,
    parts: [...draft.parts, ...added].slice(0, MAX_PARTS),
    sizeBytes: totalBytes([draft, ...added]),
    store: word.store,
    fingerprint: { ...fingerprint, claims, ...(Object.keys(container).length === 0 ? {} : { container }) },
    gaps: [...draft.gaps, ...(word.gaps?.list() ?? [])].slice(-MAX_GAPS),
  }
}

/** One artifact of several drafts: the first is the model, the others are further files of it, for other frameworks or parts. */
export function foldDrafts(main: Draft, others: readonly Draft[]): Draft {
  const parts = [main, ...others].flatMap((draft) => draft.parts)
  const byPath = new Map(parts.map((part) => [part.path, part]))
  const verdicts = [main, ...others].map(({ verdict }) => verdict)
  return {
    ...main,
    parts: [...byPath.values()].slice(0, MAX_PARTS),
    sizeBytes: totalBytes([...byPath.values()]),
    verdict: verdicts.find((verdict) => verdict === 'malformed') ?? main.verdict,
    gaps: [...others.flatMap(({ gaps }) => gaps.filter(isDamage)), ...main.gaps].slice(-MAX_GAPS),
    identities: [main, ...others].flatMap(({ identities }) => identities),
  }
}

function isDamage({ code }: Draft['gaps'][number]): boolean {
  return code !== 'GNO_READ_SKIPPED'
}

/** The drafts of these files, read as in any folder. */
export async function* readModels(candidates: readonly CandidateFile[], options: StoreOptions): AsyncGenerator<Draft> {
  if (candidates.length === 0) return
  const deep = options.deep || candidates.some(({ identity }) => options.mustHash(identity.sizeBytes))
  yield* readCandidates(candidates, { ...options, deep, reportAll: false })
}

/** A part that was not read but lies there. */
export function partOfStore(
  file: { readonly path: string; readonly identity: FileIdentity },
  role: FilePart['role'],
): FilePart {
  return { path: file.path, sizeBytes: file.identity.sizeBytes, role }
}

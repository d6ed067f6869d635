// The pack as the engine uses it: validated, checked against the engine's version, and indexed.
import type { Platform } from '../contract/observation.ts'
import { type Result, failed, success } from '../contract/failure.ts'
import {
  type ModelEntry,
  type PackBody,
  type PolicyEntry,
  type RuntimeEntry,
  type VocabularyWord,
  packFileSchema,
} from '../contract/rule-pack.ts'
import { type ThreatEntry } from '../contract/threat-entry.ts'
import { canonicalJson } from './canonical-json.ts'
import { type DigestTable, openDigestTable } from './digest-table.ts'
import { type LibraryHints, readLibraryHints } from './library-hints.ts'
import { type ThreatIndex, buildThreatIndex } from './threat-index.ts'
import { type TriggerIndex, buildTriggerIndex } from './trigger-index.ts'

/** What these functions understand. A pack of another major, or of a later minor, is refused. */
export const ENGINE_VERSION = '3.1'

export interface Pack {
  readonly version: string
  /** The day on which the rules were last brought up to date (`2026-11-23`); null where the pack does not say. */
  readonly date: string | null
  readonly runtimes: readonly RuntimeEntry[]
  readonly models: readonly ModelEntry[]
  readonly policies: readonly PolicyEntry[]
  /** Vocabulary name -> word id -> word. */
  readonly vocabulary: ReadonlyMap<string, ReadonlyMap<string, VocabularyWord>>
  readonly digests: DigestTable
  readonly libraryHints: LibraryHints
  readonly triggers: TriggerIndex
  readonly threatEntries: readonly ThreatEntry[]
  readonly threats: ThreatIndex
}

/** Whom a pack must come from. The check itself comes in as an argument: the rules import no Node module. */
export interface PackTrust {
  /** True when `signature` (Base64, Ed25519) is the trusted key's over `message` (UTF-8). */
  readonly verify: (message: string, signature: string) => boolean
}

/** Reads a pack file that was parsed as JSON. With `trust` an unsigned or wrongly signed pack is refused. */
export function readPack(json: unknown, trust?: PackTrust): Result<Pack> {
  const parsed = packFileSchema.safeParse(json)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return failed('GNO_PACK_INVALID', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a pack'}`.slice(0, 500))
  }
  const { pack: body, signature } = parsed.data
  if (!isUnderstood(body.engine)) {
    return failed('GNO_PACK_INVALID', `the pack needs engine ${body.engine}, this is engine ${ENGINE_VERSION}`)
  }
  if (trust !== undefined && signature === null) return failed('GNO_PACK_INVALID', 'the pack is not signed')
  if (trust !== undefined && signature !== null && !trust.verify(canonicalJson(body), signature.value)) {
    return failed('GNO_PACK_INVALID', 'the signature of the pack is not by the trusted key')
  }
  return assemblePack(body)
}

function isUnderstood(wanted: string): boolean {
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  const [major = 0, minor = 0] = ENGINE_VERSION.split('.').map(Number)
  return wantedMajor === major && wantedMinor <= minor
}

function assemblePack(body: PackBody): Result<Pack> {
  const digests = openDigestTable(body.digests.base64, body.digests.count)
  if (digests === null) return failed('GNO_PACK_INVALID', 'the table of digests is damaged')
  const vocabulary = new Map(
    body.vocabulary.map((list) => [list.id as string, new Map(list.words.map((word) => [word.id, word]))]),
  )
  const isUsed = (entry: { readonly status: string }): boolean => entry.status !== 'retired'
  const runtimes = body.runtimes.filter(isUsed)
  const threatEntries = body.threats.filter(isUsed)
  return success({
    version: body.version,
    date: body.date ?? null,
    runtimes,
    models: body.models.filter(isUsed),
    policies: body.policies.filter(isUsed),
    vocabulary,
    digests,
    libraryHints: readLibraryHints(body),
    triggers: buildTriggerIndex(runtimes),
    threatEntries,
    threats: buildThreatIndex(threatEntries),
  })
}

/** Model stores of all known runtimes on one system, sorted; `~` stands for each user's home, `%VAR%` for a Windows variable. */
export function modelStores(pack: Pack, platform: Platform): readonly string[] {
  const stores = new Set(pack.runtimes.flatMap((entry) => entry.stores?.[platform] ?? []))
  return [...stores].sort()
}

// What is installed here? Things that were seen are put together by product and place, and weighed as the evidence of a running one
// is (DESIGN.md section 4): a name in a package database is decisive, a folder's name alone is possible.
import type {
  GuardSetting,
  Installation,
  InstallationObservation,
  InstallationSource,
  InstalledPart,
} from '../contract/installation.ts'
import type { RuntimeEntry } from '../contract/rule-pack.ts'
import type { ConfigReading } from './agent-config.ts'
import { compareVersions } from './compare-versions.ts'
import type { InstallationWords } from './installation-words.ts'
import type { Pack } from './pack.ts'
import { vulnerabilitiesOf } from './runtime-risks.ts'

const LIKELY_WEIGHT = 60
const MAX_PARTS = 64
const MAX_LABELS = 16
const MAX_SETTINGS = 32
const MAX_SERVERS = 256
/** A key is told as a name; a home with a longer path is nobody's. */
const MAX_SCOPE_CHARS = 380

interface Strength {
  readonly weight: number
  readonly isDecisive: boolean
  /** Sources of one group are not independent of one another. */
  readonly group: string
}

const DATABASE: Strength = { weight: 80, isDecisive: true, group: 'database' }
const STRENGTHS: Readonly<Partial<Record<InstallationSource, Strength>>> = {
  service: { weight: 30, isDecisive: false, group: 'service' },
  'install-path': { weight: 30, isDecisive: false, group: 'path' },
  'state-file': { weight: 30, isDecisive: false, group: 'traces' },
  config: { weight: 30, isDecisive: false, group: 'traces' },
}
/** Only the name of a folder says so, and anybody can make a folder. */
const NAME_ONLY: Strength = { weight: 30, isDecisive: false, group: 'database' }

/** General knowledge is told, and never makes anything likely. */
const UNVERIFIED: Strength = { weight: 15, isDecisive: false, group: 'database' }

/** A configuration of an entry that was read. */
export interface ReadConfig {
  readonly entryId: string
  readonly scope: string
  readonly reading: ConfigReading
}

interface Draft {
  readonly entry: RuntimeEntry
  readonly scope: string
  readonly parts: InstallationObservation[]
  readonly readings: ConfigReading[]
}

/** Installed products, one a product and place, in the order of their keys. */
export function identifyInstallations(
  seen: readonly InstallationObservation[],
  configs: readonly ReadConfig[],
  words: InstallationWords,
  pack: Pack,
): readonly Installation[] {
  const drafts = new Map<string, Draft>()
  for (const each of seen) {
    for (const entry of words.entriesOf(each)) draftOf(drafts, entry, each.scope)?.parts.push(each)
  }
  for (const { entryId, scope, reading } of configs) drafts.get(keyOf(entryId, scope))?.readings.push(reading)
  return [...drafts]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, draft]) => describe(key, draft, pack))
}

/** `claude-code@/home/ann`, `ollama@system`. */
export function keyOf(entryId: string, scope: string): string {
  return `${entryId}@${scope}`
}

function draftOf(drafts: Map<string, Draft>, entry: RuntimeEntry, scope: string): Draft | null {
  if (scope.length > MAX_SCOPE_CHARS) return null
  const key = keyOf(entry.id, scope)
  const draft = drafts.get(key) ?? { entry, scope, parts: [], readings: [] }
  drafts.set(key, draft)
  return draft
}

function describe(installationKey: string, { entry, scope, parts, readings }: Draft, pack: Pack): Installation {
  const kept = uniqueParts(entry, parts)
  const settings = readings.flatMap(({ risky }) => risky)
  return {
    installationKey,
    entryId: entry.id,
    product: entry.product,
    vendor: pack.vocabulary.get('vendors')?.get(entry.vendor)?.name ?? entry.vendor,
    category: entry.category,
    scope,
    confidence: confidenceOf(entry, parts),
    version: oldestOf(kept.flatMap(({ version }) => version ?? [])),
    parts: kept.slice(0, MAX_PARTS),
    vulnerabilities: weaknesses(entry, kept).slice(0, MAX_PARTS),
    riskySettings: settings.slice(0, MAX_SETTINGS),
    mcpServers: readings.flatMap(({ servers }) => servers).slice(0, MAX_SERVERS),
    pointsAtLocalModel: anyOf(readings.map(({ pointsAtLocalModel }) => pointsAtLocalModel)),
    because: reasons(kept, settings, readings),
  }
}

function uniqueParts(entry: RuntimeEntry, parts: readonly InstallationObservation[]): readonly InstalledPart[] {
  const unique = new Map<string, InstalledPart>()
  for (const { source, name, version, place, isNameOnly, labels = [] } of parts) {
    const asked = labels.filter((label) => isAsked(entry, label)).slice(0, MAX_LABELS)
    const part = { source, name, version, place, isNameOnly, ...(asked.length === 0 ? {} : { labels: asked }) }
    unique.set(`${source} ${name} ${version} ${place}`, part)
  }
  return [...unique].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, part]) => part)
}

/** `ai.ramalama` also means `ai.ramalama.model`; other labels of a container are nobody's business. */
function isAsked({ containerLabels = [] }: RuntimeEntry, label: string): boolean {
  return label.length <= 128 && containerLabels.some((asked) => label === asked || label.startsWith(`${asked}.`))
}

function strengthOf(entry: RuntimeEntry, part: InstallationObservation): Strength {
  const strength = STRENGTHS[part.source]
  if (strength !== undefined) return strength
  if (isUnverified(entry, part)) return UNVERIFIED
  return part.isNameOnly ? NAME_ONLY : DATABASE
}

/** True when nobody read in a source that this name in this database means the product (docs/runtimes.md). */
function isUnverified(entry: RuntimeEntry, { source, name }: InstallationObservation): boolean {
  const fields = new Set((entry.unverifiedFields ?? []).map((field) => field.split(' ', 1)[0]))
  switch (source) {
    case 'application':
      return fields.has('bundle_ids')
    case 'vscode-extension':
      return fields.has('packages.vscode')
    case 'container':
    case 'container-image':
      return fields.has('packages.docker')
    default:
      return ['packages', `packages.${source}`, `packages.${name}`].some((field) => fields.has(field))
  }
}

function confidenceOf(entry: RuntimeEntry, parts: readonly InstallationObservation[]): Installation['confidence'] {
  if (entry.status === 'draft') return 'possible'
  const groups = new Map<string, number>()
  for (const part of parts) {
    const { weight, isDecisive, group } = strengthOf(entry, part)
    if (isDecisive) return 'likely'
    groups.set(group, Math.max(groups.get(group) ?? 0, weight))
  }
  const sum = [...groups.values()].reduce((total, weight) => total + weight, 0)
  return groups.size >= 2 && sum >= LIKELY_WEIGHT ? 'likely' : 'possible'
}

/** The oldest that can be compared; what cannot be compared does not displace anything. */
function oldestOf(versions: readonly string[]): string | null {
  let [oldest = null] = versions as readonly (string | null)[]
  for (const version of versions) {
    const difference = oldest === null ? null : compareVersions(version, oldest)
    if (difference !== null && difference < 0) oldest = version
  }
  return oldest
}

/** An extension counts its versions apart from the program that bears the same name. */
function tellsVersion({ source }: InstalledPart, entry: RuntimeEntry): boolean {
  const isExtension = source === 'vscode-extension' || source === 'chrome-extension'
  return !isExtension || entry.packages === undefined
}

function weaknesses(entry: RuntimeEntry, parts: readonly InstalledPart[]): Installation['vulnerabilities'] {
  const found = new Map<string, Installation['vulnerabilities'][number]>()
  for (const part of parts) {
    if (part.version === null || !tellsVersion(part, entry)) continue
    for (const { id, severity, below, says, reference } of vulnerabilitiesOf(entry, part.version))
      found.set(id, { id, severity, below, says, reference, version: part.version })
  }
  return [...found.values()]
}

/** True beats false beats not known. */
function anyOf(answers: readonly (boolean | null)[]): boolean | null {
  if (answers.includes(true)) return true
  return answers.includes(false) ? false : null
}

function reasons(
  parts: readonly InstalledPart[],
  settings: readonly GuardSetting[],
  readings: readonly ConfigReading[],
): readonly string[] {
  const seen = parts.slice(0, 24).map(({ source, name, version, place, isNameOnly, labels }) => {
    const known = `${version === null ? '' : ` ${version}`}${labels === undefined ? '' : ` labelled ${labels.join(', ')}`}`
    return `${source} ${name}${known} at ${place}${isNameOnly ? ' (by its name alone)' : ''}`
  })
  const set = settings.map(({ setting, value, place, says }) => `${setting} = ${value} in ${place}: ${says}`)
  const local = readings.flatMap(({ because }) => because)
  return [...seen, ...set, ...local].slice(0, 64).map((reason) => reason.slice(0, 4096))
}

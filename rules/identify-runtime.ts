// Who is this process? Independent evidence is added up per entry; a name alone never suffices (DESIGN.md section 4).
import type { EvidenceRule, RuntimeEntry } from '../contract/rule-pack.ts'
import type { Evidence, EvidenceKind, Runtime, RuntimeIdentification } from '../contract/runtime.ts'
import { type CommandWords, programName, readCommandWords } from './command-words.ts'
import { type FieldValue, type Subject, holds, speaking } from './operators.ts'
import type { Pack } from './pack.ts'

/** What is known of one process. Every text in it is chosen by whoever started it. */
export interface RuntimeFacts {
  readonly name: string
  readonly executablePath: string | null
  /** Redacted (agent/sense/redact.ts). */
  readonly commandLine: readonly string[]
  /** Base names of mapped executable objects. */
  readonly libraries: readonly string[]
  readonly weights: readonly { readonly how: 'mapped' | 'open'; readonly format: string | null }[]
  readonly listeners: readonly { readonly port: number; readonly scope: string }[]
  readonly parent: {
    readonly name: string
    readonly executablePath: string | null
    /** Entry that the parent was identified as. */
    readonly entryId: string | null
  } | null
  readonly memory: { readonly anonymousBytes: number } | null
  readonly containerLabels?: readonly { readonly name: string; readonly value: string }[]
}

/** Two unrelated kinds that together weigh this much make `likely`; a decisive one does so alone. */
const LIKELY_WEIGHT = 60
/** Below this a lone hint is not worth a name. */
const POSSIBLE_WEIGHT = 20
/** A process maps a few hundred objects; more than this is not looked through (CWE-400). */
const MAX_LIBRARIES = 4_096
const MAX_TEXT_CHARS = 4_096

/** Kinds that say the same thing twice: of each group only the heaviest evidence counts. */
const GROUPS: Readonly<Partial<Record<EvidenceKind, string>>> = {
  'process-name': 'name',
  'executable-path': 'name',
  'weights-mapped': 'weights',
  'weights-open': 'weights',
}
/** Any program can do this: it supports a product and never names one. */
export const NEVER_NAMES: readonly EvidenceKind[] = ['weights-mapped', 'weights-open', 'listener', 'memory-fit']

interface Match {
  readonly entry: RuntimeEntry
  readonly rules: readonly EvidenceRule[]
  readonly weight: number
  readonly isLikely: boolean
}

/** The best-supported product of a process, or null when nothing names one. */
export function identifyRuntime(facts: RuntimeFacts, pack: Pack): RuntimeIdentification | null {
  const subject = subjectOf(facts, pack)
  let best: Match | null = null
  for (const entry of pack.runtimes) {
    const match = matchEntry(entry, subject)
    if (match !== null && (best === null || isBetter(match, best))) best = match
  }
  return best === null ? null : describe(best, subject, pack)
}

/**
 * What a process does with models: `inference` needs a likely identification and either weights beside it or evidence that runs one;
 * a process that merely reads or holds weights (a copy, a backup, an editor, a converter) is `in-use-by`.
 */
export function activityOf(facts: RuntimeFacts, identification: RuntimeIdentification | null): Runtime['activity'] {
  const idle = facts.weights.length > 0 ? 'in-use-by' : 'present'
  if (identification === null || identification.confidence === 'possible') return idle
  return identification.runsModel === true ? 'inference' : idle
}

function subjectOf(facts: RuntimeFacts, pack: Pack): Subject {
  const command: CommandWords = readCommandWords(facts.commandLine)
  const fields = new Map<string, readonly FieldValue[]>([
    [
      'name',
      [
        programName(clip(facts.name)),
        ...(facts.executablePath === null ? [] : [programName(clip(facts.executablePath))]),
      ],
    ],
    ['executablePath', facts.executablePath === null ? [] : [clip(facts.executablePath)]],
    ['argument', command.words],
    ['library', relevantLibraries(facts.libraries, pack)],
    ['weightHow', facts.weights.map((weights) => weights.how)],
    ['weightFormat', facts.weights.flatMap((weights) => weights.format ?? [])],
    ['port', facts.listeners.map((listener) => listener.port)],
    ['listenerScope', facts.listeners.map((listener) => listener.scope)],
    ['parentName', facts.parent === null ? [] : [programName(clip(facts.parent.name))]],
    [
      'parentPath',
      facts.parent === null || facts.parent.executablePath === null ? [] : [clip(facts.parent.executablePath)],
    ],
    ['parentEntry', facts.parent === null || facts.parent.entryId === null ? [] : [facts.parent.entryId]],
    ['anonymousBytes', facts.memory === null ? [] : [facts.memory.anonymousBytes]],
    ['containerLabel', (facts.containerLabels ?? []).slice(0, 256).map((label) => clip(label.name))],
  ])
  const plain: Subject = { values: (field) => fields.get(field) ?? [], command }
  const engines = enginesOf(plain, pack)
  fields.set('engine', [...engines.keys()])
  for (const [engine, libraries] of engines) fields.set(librariesField(engine), libraries)
  return plain
}

/** Where the libraries of a loaded engine are kept for the evidence; no entry asks for it. */
function librariesField(engine: string): string {
  return `libraries of ${engine}`
}

function clip(value: string): string {
  return value.slice(0, MAX_TEXT_CHARS)
}

/** A browser maps hundreds of objects and a machine runs hundreds of browsers: what no entry could mean is left out first. */
function relevantLibraries(libraries: readonly string[], pack: Pack): readonly string[] {
  const { beginnings, length } = pack.libraryHints
  const some = libraries.slice(0, MAX_LIBRARIES).map(clip)
  return some.filter((library) => beginnings.has(library.slice(0, length)))
}

/** Inference engines whose libraries are loaded, by the vocabulary of the pack, with the libraries that prove each. */
function enginesOf(subject: Subject, pack: Pack): ReadonlyMap<string, readonly string[]> {
  const engines = new Map<string, readonly string[]>()
  for (const { id, when } of pack.vocabulary.get('engines')?.values() ?? []) {
    if (when !== undefined && holds(when, subject)) engines.set(id, speaking(when, subject))
  }
  return engines
}

function matchEntry(entry: RuntimeEntry, subject: Subject): Match | null {
  if (!entry.match.some((rule) => names(rule) && holds(rule.when, subject))) return null
  const rules = entry.match.filter((rule) => holds(rule.when, subject))
  const groups = new Map<string, number>()
  for (const rule of rules) {
    const group = GROUPS[rule.kind] ?? rule.kind
    groups.set(group, Math.max(groups.get(group) ?? 0, rule.weight))
  }
  const weight = [...groups.values()].reduce((sum, each) => sum + each, 0)
  if (weight < POSSIBLE_WEIGHT) return null
  const isProven = rules.some((rule) => rule.decisive === true) || (groups.size >= 2 && weight >= LIKELY_WEIGHT)
  return { entry, rules, weight, isLikely: isProven && entry.status !== 'draft' }
}

function names(rule: EvidenceRule): boolean {
  return rule.shared !== true && !NEVER_NAMES.includes(rule.kind)
}

/** Likely before possible, a product before the nameless engine, then the heavier; entries are sorted, so ties are stable. */
function isBetter(left: Match, right: Match): boolean {
  if (left.isLikely !== right.isLikely) return left.isLikely
  const leftFallback = left.entry.fallback === true
  const rightFallback = right.entry.fallback === true
  return leftFallback === rightFallback ? left.weight > right.weight : rightFallback
}

function describe(match: Match, subject: Subject, pack: Pack): RuntimeIdentification {
  const { entry, rules, isLikely } = match
  const evidence: Evidence[] = rules.slice(0, 64).map((rule) => {
    const values = speaking(rule.when, subject)
      .slice(0, 6)
      .flatMap((value) => [value, ...subject.values(librariesField(value)).map(String).slice(0, 6)])
      .map((value) => value.slice(0, 200))
    const detail = values.length === 0 ? rule.says : `${rule.says}: ${values.join(', ')}`
    return { kind: rule.kind, weight: rule.weight, detail }
  })
  return {
    entryId: entry.id,
    product: entry.product,
    vendor: pack.vocabulary.get('vendors')?.get(entry.vendor)?.name ?? entry.vendor,
    category: entry.category,
    confidence: isLikely ? 'likely' : 'possible',
    evidence,
    ...(runsModel(match, subject) ? { runsModel: true } : {}),
    because: reasons(match, evidence),
  }
}

/** Weights next to a likely product, or evidence that says so itself: a sub-command, a worker's title, memory that fits. */
function runsModel(match: Match, subject: Subject): boolean {
  const { entry, rules, isLikely } = match
  if (!isLikely || entry.runsWeights === 'never') return false
  if (rules.some((rule) => rule.runs === true)) return true
  const how = subject.values('weightHow')
  if (how.includes('mapped')) return true
  return how.length > 0 && rules.some((rule) => rule.kind === 'library-mapped')
}

function reasons(match: Match, evidence: readonly Evidence[]): readonly string[] {
  const kinds = [...new Set(evidence.map((each) => each.kind))]
  const sum = `${kinds.length} ${kinds.length === 1 ? 'kind' : 'kinds'} of evidence weigh ${match.weight} (${kinds.join(', ')})`
  const details = evidence.map((each) => each.detail)
  if (match.isLikely) return [...details, sum].slice(0, 64)
  const missing =
    match.entry.status === 'draft'
      ? `the entry ${match.entry.id} is a draft, so it never says more than possible`
      : `likely needs ${LIKELY_WEIGHT} from two unrelated kinds`
  return [...details, sum, missing].slice(0, 64)
}

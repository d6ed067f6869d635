// Who is this process? Independent evidence is added up per entry; a name alone never suffices (DESIGN.md section 4).
import type { EvidenceRule, RuntimeEntry } from '../contract/rule-pack.ts'
import type { Evidence, EvidenceKind, Runtime, RuntimeIdentification } from '../contract/runtime.ts'
import { type CommandWords, programName, readCommandWords } from './command-words.ts'
import { type EngineFile, evidenceDetail, librariesField } from './evidence-words.ts'
import { type GraphicsFacts, graphicsValues } from './graphics-facts.ts'
import { type MemoryTest, memoryValues } from './memory-fit.ts'
import { type FieldValue, type Subject, holds, speaking } from './operators.ts'
import type { Pack } from './pack.ts'
import { names, triggeredBy } from './trigger-index.ts'

/** What links a process to an installed thing. */
export interface Join {
  /** The value of a field: `pip:vllm`, the name of an image or a label, the id of an entry. */
  readonly value: string
  readonly version: string | null
  readonly because: string
}

/** What the inventory adds to a process. */
export interface InstalledFacts {
  readonly containerLabels?: readonly { readonly name: string; readonly value: string }[]
  /** Name of the image without its tag. */
  readonly containerImage?: string
  /** Entries of which a state file leads to this process. */
  readonly stateFiles?: readonly string[]
  /** Packages that the executable or the script belongs to: `npm:@openai/codex`. */
  readonly packages?: readonly string[]
  readonly joins?: readonly Join[]
}

/** What is known of one process. Every text in it is chosen by whoever started it. */
export interface RuntimeFacts extends InstalledFacts {
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
  readonly memoryTest?: MemoryTest
  /** Null or absent: it holds no graphics card. */
  readonly graphics?: GraphicsFacts | null
  /** Engines and entries whose strings were found in the executable or a mapped object (rules/binary-signatures.ts). */
  readonly binaryEngines?: readonly string[]
  /** The files that hold them, where that is known. */
  readonly engineFiles?: readonly EngineFile[]
  /** Probes that answered as their entry expects. */
  readonly httpAnswers?: readonly string[]
  /** Version as an answer told it; null or absent: none did. */
  readonly version?: string | null
}

/** Two unrelated kinds that together weigh this much make `likely`; a decisive one does so alone. */
const LIKELY_WEIGHT = 60
/** Below this a lone hint is not worth a name. */
const POSSIBLE_WEIGHT = 20
/** A process maps a few hundred objects; more than this is not looked through (CWE-400). */
const MAX_LIBRARIES = 4_096
const MAX_TEXT_CHARS = 4_096
/** Far more ids than one process can earn (CWE-400). */
const MAX_IDS = 64
const MAX_VERSION_CHARS = 64
/** Labels of one container; images bring some dozen (CWE-400). */
const MAX_LABELS = 256

/** Kinds that say the same thing twice: of each group only the heaviest evidence counts. */
const GROUPS: Readonly<Partial<Record<EvidenceKind, string>>> = {
  'process-name': 'name',
  'executable-path': 'name',
  'weights-mapped': 'weights',
  'weights-open': 'weights',
  // What an object is called and what is in it are the same code.
  'library-mapped': 'code',
  'binary-content': 'code',
}

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
  for (const entry of triggeredBy(pack.triggers, subject)) {
    const match = matchEntry(entry, subject)
    if (match !== null && (best === null || isBetter(match, best))) best = match
  }
  return best === null ? null : describe(best, subject, facts, pack)
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

/** Most processes are asked for a few fields only, so each is worked out when it is first asked for. */
function subjectOf(facts: RuntimeFacts, pack: Pack): Subject {
  const command = readCommandWords(facts.commandLine)
  const fields = new Map<string, readonly FieldValue[]>()
  const values = (field: string): readonly FieldValue[] => {
    const known = fields.get(field)
    if (known !== undefined) return known
    const found = field === 'engine' ? noteEngines() : valuesOf(field, facts, command, pack)
    fields.set(field, found)
    return found
  }
  const subject: Subject = { values, command }
  const noteEngines = (): readonly string[] => {
    const engines = enginesOf(subject, pack)
    for (const [engine, libraries] of engines) fields.set(librariesField(engine), libraries)
    return [...engines.keys()]
  }
  return subject
}

function valuesOf(field: string, facts: RuntimeFacts, command: CommandWords, pack: Pack): readonly FieldValue[] {
  const { executablePath, parent } = facts
  switch (field) {
    case 'name':
      return [facts.name, ...listed(executablePath)].map((path) => programName(clip(path)))
    case 'executablePath':
      return listed(executablePath).map(clip)
    case 'argument':
      return command.words
    case 'script':
      return listed(command.script)
    case 'library':
      return relevantLibraries(facts.libraries, pack)
    case 'weightHow':
      return facts.weights.map((weights) => weights.how)
    case 'weightFormat':
      return facts.weights.flatMap((weights) => weights.format ?? [])
    case 'port':
      return facts.listeners.map((listener) => listener.port)
    case 'listenerScope':
      return facts.listeners.map((listener) => listener.scope)
    case 'parentName':
      return parent === null ? [] : [programName(clip(parent.name))]
    case 'parentPath':
      return listed(parent?.executablePath).map(clip)
    case 'parentEntry':
      return listed(parent?.entryId)
    case 'anonymousBytes':
      return facts.memory === null ? [] : [facts.memory.anonymousBytes]
    default:
      return closerValuesOf(field, facts)
  }
}

/** What only a closer look at a candidate gives. */
function closerValuesOf(field: string, facts: RuntimeFacts): readonly FieldValue[] {
  switch (field) {
    case 'containerLabel':
      return (facts.containerLabels ?? []).slice(0, MAX_LABELS).map((label) => clip(label.name))
    case 'containerImage':
      return listed(facts.containerImage).flatMap((image) => imageNames(clip(image)))
    case 'memoryFits':
    case 'memoryCopy':
      return memoryValues(field, facts.memoryTest)
    case 'graphicsBytes':
    case 'graphicsBusy':
    case 'graphicsFit':
      return graphicsValues(field, facts.graphics)
    case 'binaryEngine':
      return someOf(facts.binaryEngines)
    case 'httpAnswer':
      return someOf(facts.httpAnswers)
    case 'stateFile':
      return someOf(facts.stateFiles)
    case 'package':
      return someOf(facts.packages)
    default:
      return []
  }
}

function listed(value: string | null | undefined): readonly string[] {
  return value === null || value === undefined ? [] : [value]
}

function someOf(ids: readonly string[] | undefined): readonly string[] {
  return ids === undefined ? [] : ids.slice(0, MAX_IDS).map(clip)
}

/** `ghcr.io/ggml-org/llama.cpp` is also `ggml-org/llama.cpp` and `llama.cpp`: a registry or a mirror comes first. */
function imageNames(image: string): readonly string[] {
  const parts = image.split('/').slice(0, MAX_IDS)
  return parts.map((_, index) => parts.slice(index).join('/'))
}

function clip(value: string): string {
  return value.slice(0, MAX_TEXT_CHARS)
}

/** A browser maps hundreds of objects and a machine runs hundreds of browsers: what no entry could mean is left out first. */
function relevantLibraries(libraries: readonly string[], pack: Pack): readonly string[] {
  const { beginnings, length } = pack.libraryHints
  const some = libraries.length > MAX_LIBRARIES ? libraries.slice(0, MAX_LIBRARIES) : libraries
  return some.filter((library) => beginnings.has(library.slice(0, length))).map(clip)
}

/** Inference engines whose libraries are loaded, by the vocabulary of the pack, with the libraries that prove each. */
function enginesOf(subject: Subject, pack: Pack): ReadonlyMap<string, readonly string[]> {
  const engines = new Map<string, readonly string[]>()
  if (subject.values('library').length === 0) return engines
  for (const { id, when } of pack.vocabulary.get('engines')?.values() ?? []) {
    if (when !== undefined && holds(when, subject)) engines.set(id, speaking(when, subject))
  }
  return engines
}

function matchEntry(entry: RuntimeEntry, subject: Subject): Match | null {
  if (!entry.match.some((rule) => names(rule) && holds(rule.when, subject))) return null
  const rules = entry.match.filter((rule) => holds(rule.when, subject))
  const groups = weighGroups(rules)
  const weight = sumOf(groups)
  if (weight < POSSIBLE_WEIGHT) return null
  // However much supports it: a product whose name rests on a common word or on general knowledge is not likely.
  const isNamed = sumOf(weighGroups(rules.filter(names))) >= POSSIBLE_WEIGHT
  const isProven = rules.some((rule) => rule.decisive === true) || (groups.size >= 2 && weight >= LIKELY_WEIGHT)
  return { entry, rules, weight, isLikely: isNamed && isProven && entry.status !== 'draft' }
}

function weighGroups(rules: readonly EvidenceRule[]): ReadonlyMap<string, number> {
  const groups = new Map<string, number>()
  for (const rule of rules) {
    const group = GROUPS[rule.kind] ?? rule.kind
    groups.set(group, Math.max(groups.get(group) ?? 0, rule.weight))
  }
  return groups
}

function sumOf(groups: ReadonlyMap<string, number>): number {
  return [...groups.values()].reduce((sum, each) => sum + each, 0)
}

/** Likely before possible, a product before the nameless engine, then the heavier, then the first by id. */
function isBetter(left: Match, right: Match): boolean {
  if (left.isLikely !== right.isLikely) return left.isLikely
  const leftFallback = left.entry.fallback === true
  const rightFallback = right.entry.fallback === true
  if (leftFallback !== rightFallback) return rightFallback
  return left.weight === right.weight ? left.entry.id < right.entry.id : left.weight > right.weight
}

/** Kinds whose values come from what is installed. */
const JOINED: ReadonlySet<EvidenceKind> = new Set(['package', 'container-label', 'state-file'])
const MAX_BECAUSE_CHARS = 400

/** An image is also known by the end of its name. */
function joinOf(value: string, { joins = [] }: RuntimeFacts): Join | undefined {
  return joins.find((join) => join.value === value || join.value.endsWith(`/${value}`))
}

function withJoin(value: string, { kind }: EvidenceRule, facts: RuntimeFacts): string {
  const join = JOINED.has(kind) ? joinOf(value, facts) : undefined
  return join === undefined ? value : `${value} (${join.because.slice(0, MAX_BECAUSE_CHARS)})`
}

/** What an answer told; else the version of a package or image that speaks for this very product. */
function versionOf({ rules }: Match, subject: Subject, facts: RuntimeFacts): string | null {
  if (facts.version !== null && facts.version !== undefined) return facts.version.slice(0, MAX_VERSION_CHARS)
  const spoken = rules.filter(({ kind }) => JOINED.has(kind)).flatMap(({ when }) => speaking(when, subject))
  const versions = spoken.flatMap((value) => joinOf(value, facts)?.version ?? [])
  return versions[0]?.slice(0, MAX_VERSION_CHARS) ?? null
}

function describe(match: Match, subject: Subject, facts: RuntimeFacts, pack: Pack): RuntimeIdentification {
  const { entry, rules, isLikely } = match
  const version = versionOf(match, subject, facts)
  const evidence: Evidence[] = rules.slice(0, 64).map((rule) => {
    const detail = evidenceDetail(rule, subject, facts.engineFiles ?? [], (value) => withJoin(value, rule, facts))
    return { kind: rule.kind, weight: rule.weight, detail }
  })
  return {
    entryId: entry.id,
    product: entry.product,
    vendor: pack.vocabulary.get('vendors')?.get(entry.vendor)?.name ?? entry.vendor,
    category: entry.category,
    ...(version === null ? {} : { version }),
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
  // A training run holds the same weights beside the same engine, and is none.
  if (entry.category === 'training') return false
  const how = subject.values('weightHow')
  if (how.includes('mapped')) return true
  return how.length > 0 && rules.some(({ kind }) => kind === 'library-mapped' || kind === 'binary-content')
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

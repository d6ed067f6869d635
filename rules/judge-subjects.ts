// What a policy may ask about an artifact, a runtime or the host's coverage, and the evidence that a finding will carry.
import type { Artifact } from '../contract/artifact.ts'
import type { FindingEvidence } from '../contract/finding.ts'
import type { Coverage } from '../contract/report.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Confidence, Gap } from '../contract/wire.ts'
import { apiExposureOf } from './api-exposure.ts'
import { artifactEvidence, baseName, cut, describeRelations, describeStructure, listOf } from './artifact-evidence.ts'
import { type Contradiction, contradictions } from './contradictions.ts'
import { kindWord } from './describe-model.ts'
import { labelledEvidence, labelledFields } from './labelled-evidence.ts'
import type { FieldValue } from './operators.ts'
import type { Pack } from './pack.ts'
import { riskySwitchesOf, vulnerabilitiesOf } from './runtime-risks.ts'

/** A model that a subject consists of, as far as approvals ask for it. */
export interface SubjectModel {
  readonly path: string
  /** SHA-256 of every weights file; undefined for one that was not hashed, or that is not known. */
  readonly digests: readonly (string | undefined)[]
  readonly family: string | undefined
  readonly license: string | undefined
}

export interface JudgeSubject {
  readonly kind: 'artifact' | 'runtime' | 'host' | 'installation'
  readonly key: string
  readonly label: string
  readonly fields: ReadonlyMap<string, readonly FieldValue[]>
  readonly confidence: Confidence
  readonly because: readonly string[]
  readonly evidence: readonly FindingEvidence[]
  readonly artifactIds: readonly string[]
  readonly models: readonly SubjectModel[]
  readonly simulated: boolean
}

/** A story lists no more weights than this (contract/runtime.ts); behind a full list there may be others. */
const MAX_LISTED_WEIGHTS = 64
/** A title is one line on a screen; the paths in it may be 16,384 characters. */
const MAX_LABEL_CHARS = 300

/** An artifact, with its contradictions worked out. */
export function artifactSubject(artifact: Artifact, pack: Pack): JudgeSubject {
  const { structure, claims, content, training } = artifact.fingerprint
  const [best] = artifact.identifications
  const found = contradictions(artifact, pack)
  const fields = new Map<string, readonly FieldValue[]>([
    ['verdict', [artifact.verdict]],
    ['artifactKind', [artifact.kind]],
    ['format', listOf(artifact.format)],
    ['dialect', listOf(artifact.dialect)],
    ['store', listOf(artifact.store?.id)],
    ['trainingKind', listOf(training?.kind)],
    ['structureKind', listOf(structure?.kind)],
    ['architecture', listOf(structure?.architecture)],
    ['tensorCount', listOf(structure?.tensorCount)],
    ['parameterCount', listOf(structure?.parameterCount)],
    ['sizeBytes', [artifact.sizeBytes]],
    ['family', listOf(best?.family)],
    ['license', [...new Set([...listOf(best?.license), ...listOf(claims?.license)])]],
    ['rung', listOf(best?.rung)],
    ['identificationConfidence', listOf(best?.confidence)],
    ['contradictions', [found.length]],
    ['gapCode', [...new Set(artifact.gaps.map((gap) => gap.code))]],
  ])
  return {
    kind: 'artifact',
    key: artifact.path,
    label: `${describeModel(artifact)} in ${baseName(artifact.path)}`.slice(0, MAX_LABEL_CHARS),
    fields,
    confidence: content !== undefined && best?.confidence === 'certain' ? 'certain' : 'likely',
    because: artifactReasons(artifact, found),
    evidence: artifactEvidence(artifact, found),
    artifactIds: [artifact.artifactId],
    models: [modelOf(artifact)],
    simulated: artifact.simulated,
  }
}

function modelOf(artifact: Artifact): SubjectModel {
  const [best] = artifact.identifications
  return {
    path: artifact.path,
    digests: weightDigests(artifact),
    family: best?.family,
    license: best?.license ?? artifact.fingerprint.claims?.license,
  }
}

/** Where several files make one model: a file that could not be looked at may be anything. */
const HIDES_A_PART: ReadonlySet<string> = new Set([
  'GNO_READ_PART_MISSING',
  'GNO_READ_DENIED',
  'GNO_READ_VANISHED',
  'GNO_READ_IO',
])

function isWeights(part: Artifact['parts'][number]): boolean {
  return part.role === 'weights'
}

function weightDigests(artifact: Artifact): readonly (string | undefined)[] {
  const digests = artifact.parts.filter(isWeights).map((part) => part.sha256)
  const told = artifact.parts.reduce((sum, part) => sum + part.sizeBytes, 0)
  const isHidden = artifact.kind !== 'file' && artifact.gaps.some((gap) => HIDES_A_PART.has(gap.code))
  // The list of parts is cut at a limit; the size is that of all of them.
  return isHidden || told !== artifact.sizeBytes ? [...digests, undefined] : digests
}

/** Every artifact by its own path and by those of its weights: a process maps a shard, and not the folder. */
export function weightsByPath(artifacts: readonly Artifact[]): ReadonlyMap<string, Artifact> {
  const byPath = new Map<string, Artifact>()
  for (const artifact of artifacts) {
    for (const { path } of artifact.parts.filter(isWeights)) byPath.set(path, artifact)
  }
  for (const artifact of artifacts) byPath.set(artifact.path, artifact)
  return byPath
}

function describeModel(artifact: Artifact): string {
  const [best] = artifact.identifications
  const { structure } = artifact.fingerprint
  const quantization = structure?.quantization === undefined ? '' : ` ${structure.quantization}`
  if (best !== undefined) return `${best.model}${quantization} (${best.confidence})`
  const { training } = artifact.fingerprint
  if (training !== undefined) return `${training.optimizer ?? training.framework ?? 'training'} ${training.kind}`
  const noun = structure === undefined ? 'model' : kindWord(structure)
  return `${structure?.architecture ?? artifact.format ?? 'unknown'}${quantization} ${noun}`
}

function artifactReasons(artifact: Artifact, found: readonly Contradiction[]): readonly string[] {
  const { structure } = artifact.fingerprint
  const reasons = [
    artifact.format === null
      ? 'its first bytes are those of no known format; its other content and its neighbours say what it is'
      : `its first bytes and structure are ${artifact.format}, whatever its name says`,
  ]
  if (structure !== undefined) reasons.push(artifact.summary ?? describeStructure(structure))
  reasons.push(...found.map((each) => `${each.claim}, but ${each.observed}`))
  reasons.push(...(artifact.identifications[0]?.because ?? []))
  const related = describeRelations(artifact)
  if (related !== undefined) reasons.push(`on this machine it is: ${related}`)
  if (artifact.verdict === 'malformed') reasons.push(...damageOf(artifact))
  return reasons.map(cut)
}

/** The first damage tells the story; all of it stands in the evidence. */
function damageOf({ gaps }: Artifact): readonly string[] {
  const damage = gaps.filter(({ code }) => code.startsWith('GNO_READ_') && code !== 'GNO_READ_SKIPPED')
  return damage.slice(0, 3).map(({ code, detail }) => `${code}: ${detail}`)
}

/** A runtime; `artifacts` by the paths of their weights says what it uses. */
export function runtimeSubject(runtime: Runtime, artifacts: ReadonlyMap<string, Artifact>, pack: Pack): JudgeSubject {
  const { identification } = runtime
  const risks = risksOf(runtime, pack)
  const exposure = apiExposureOf(runtime)
  const fields = new Map<string, readonly FieldValue[]>([
    ['activity', [runtime.activity]],
    ['entryId', listOf(identification?.entryId)],
    ['category', listOf(identification?.category)],
    ['confidence', listOf(identification?.confidence)],
    ['listenerScope', [...new Set(runtime.listeners.filter(isTcp).map((listener) => listener.scope))]],
    ['apiExposure', exposure.beyond],
    ['port', runtime.listeners.filter(isTcp).map((listener) => listener.port)],
    ['weightsCount', [runtime.weights.length]],
    ['weightFormat', [...new Set(runtime.weights.flatMap((weights) => weights.format ?? []))]],
    ...risks.fields,
    ...labelledFields(runtime),
  ])
  return {
    kind: 'runtime',
    key: runtime.runtimeKey,
    label: describeRuntime(runtime).slice(0, MAX_LABEL_CHARS),
    fields,
    confidence: identification?.confidence ?? 'possible',
    because: [
      ...runtimeReasons(runtime),
      ...[...exposure.evidence, ...risks.evidence, ...labelledEvidence(runtime)].map(({ detail }) => detail),
    ],
    evidence: [...risks.evidence, ...exposure.evidence, ...runtimeEvidence(runtime)],
    artifactIds: [...new Set(runtime.weights.flatMap((weights) => weights.artifactId ?? []))],
    models: modelsOf(runtime, artifacts),
    simulated: runtime.simulated,
  }
}

interface Risks {
  readonly fields: readonly (readonly [string, readonly FieldValue[]])[]
  readonly evidence: readonly FindingEvidence[]
}

/** Weaknesses of its version and switches without a guard, by the entry that it was identified as. */
function risksOf(runtime: Runtime, pack: Pack): Risks {
  const { identification, told } = runtime
  const entry = pack.runtimes.find(({ id }) => id === identification?.entryId)
  if (entry === undefined) return { fields: [], evidence: [] }
  const version = identification?.version ?? told?.version
  const weaknesses = vulnerabilitiesOf(entry, version)
  const switches = riskySwitchesOf(entry, runtime.commandLine)
  const place = `pid ${runtime.pid}`
  return {
    fields: [
      ['version', listOf(version)],
      ['vulnerability', weaknesses.map(({ id }) => id)],
      ['vulnerabilitySeverity', [...new Set(weaknesses.map(({ severity }) => severity))]],
      ['riskySwitch', switches.map(switchWords)],
      ['guardOff', [...new Set(switches.flatMap(({ turnsOff }) => turnsOff))]],
    ],
    evidence: [
      ...weaknesses.map(({ id, below, says, reference }) => {
        const detail = `version ${version ?? ''} is older than ${below}, which ends ${id}: ${says} (${reference})`
        return { kind: 'vulnerability', place, detail: cut(detail) }
      }),
      ...switches.map((each) => {
        const detail = `${switchWords(each)} turns off ${each.turnsOff.join(' and ')}: ${each.says ?? ''}`
        return { kind: 'risky-switch', place, detail: cut(detail) }
      }),
    ],
  }
}

function switchWords({
  switch: name,
  value,
}: {
  readonly switch: string
  readonly value?: string | undefined
}): string {
  return value === undefined ? name : `${name} ${value}`
}

/** A process that uses one shard of a model is held to all of them, as it may load the next one at any time. */
function modelsOf(runtime: Runtime, artifacts: ReadonlyMap<string, Artifact>): readonly SubjectModel[] {
  const unknown = (path: string): SubjectModel => ({
    path,
    digests: [undefined],
    family: undefined,
    license: undefined,
  })
  const models = new Map<string, SubjectModel>()
  for (const { path, artifactId, artifactPath } of runtime.weights) {
    const artifact = artifacts.get(artifactPath ?? path)
    // Another file may have taken the path since the process opened its own.
    const isSame = artifact !== undefined && artifact.artifactId === artifactId
    models.set(isSame ? artifact.path : path, isSame ? modelOf(artifact) : unknown(path))
  }
  if (runtime.weights.length >= MAX_LISTED_WEIGHTS) models.set('', unknown(''))
  return [...models.values()]
}

function isTcp(listener: Runtime['listeners'][number]): boolean {
  return listener.protocol !== 'unix'
}

function describeRuntime(runtime: Runtime): string {
  const product = runtime.identification?.product ?? 'unknown program'
  const [weights] = runtime.weights
  const model = weights === undefined ? '' : ` with ${weights.model ?? weights.path}`
  return `${product}, started as "${runtime.name}"${model}`
}

function runtimeReasons(runtime: Runtime): readonly string[] {
  const who = runtime.user.name ?? `uid ${runtime.user.uid}`
  const reasons = [`pid ${runtime.pid}, started as "${runtime.name}" by ${who} at ${runtime.startedAt}`]
  for (const weights of runtime.weights) {
    const verb = weights.how === 'mapped' ? 'maps' : 'holds open'
    const what = weights.model === null ? (weights.format ?? 'weights') : weights.model
    reasons.push(
      `${verb} ${weights.sizeBytes} bytes of ${weights.path}${weights.isDeleted ? ' (unlinked)' : ''}: ${what}`,
    )
  }
  for (const listener of runtime.listeners)
    reasons.push(`listens on ${listener.address}:${listener.port} (${listener.scope})`)
  reasons.push(...(runtime.identification?.because ?? ['nothing names its program']))
  return reasons.map(cut)
}

function runtimeEvidence(runtime: Runtime): readonly FindingEvidence[] {
  const place = `pid ${runtime.pid}`
  const evidence: FindingEvidence[] = []
  if (runtime.executable !== null) {
    const isGone = runtime.executable.isDeleted ? ' (unlinked)' : ''
    evidence.push({ kind: 'process', place, detail: cut(`runs ${runtime.executable.path}${isGone}`) })
  }
  for (const each of runtime.identification?.evidence ?? [])
    evidence.push({ kind: each.kind, place, detail: each.detail })
  for (const weights of runtime.weights) {
    const detail = `${weights.how}, ${weights.sizeBytes} bytes, ${weights.format ?? 'unknown format'}, ${weights.model ?? 'not named'}`
    evidence.push({ kind: `weights-${weights.how}`, place: weights.path, detail })
  }
  for (const listener of runtime.listeners) {
    evidence.push({
      kind: 'listener',
      place: `${listener.address}:${listener.port}`,
      detail: `${listener.protocol}, ${listener.scope}`,
    })
  }
  evidence.push(...labelledEvidence(runtime), ...circumstances(runtime, place))
  for (const gap of runtime.gaps) evidence.push({ kind: gap.code, place: gap.place, detail: gap.detail })
  return evidence
}

/** Memory by kind, cards, container, what the runtime says of itself, and what was looked for in vain. */
function circumstances(runtime: Runtime, place: string): readonly FindingEvidence[] {
  const { memory, memoryFit, graphics = [], container, told, notSeen = [] } = runtime
  const evidenceOf = (kind: string, detail: string): FindingEvidence => ({ kind, place, detail: cut(detail) })
  return [
    ...(memory === null ? [] : [evidenceOf('memory', memoryWords(memory))]),
    ...(memoryFit === undefined
      ? []
      : [
          evidenceOf(
            'memory-fit',
            `holds ${memoryFit.heldBytes} bytes in all kinds of memory, its mapped weights need ${memoryFit.neededBytes} bytes`,
          ),
        ]),
    ...graphics.map((use) => evidenceOf('graphics', graphicsWords(use))),
    ...(container === undefined ? [] : [evidenceOf('container', `lives in ${container.engine} ${container.id}`)]),
    ...(told === undefined ? [] : [evidenceOf('http-answer', `says of itself: ${toldWords(told)}`)]),
    ...(notSeen.length === 0 ? [] : [evidenceOf('not-seen', `looked for and not seen: ${notSeen.join(', ')}`)]),
  ]
}

function memoryWords(memory: NonNullable<Runtime['memory']>): string {
  const { residentBytes, anonymousBytes, fileBytes, lockedBytes = 0, hugePageBytes = 0 } = memory
  const { largeAnonymousBytes = 0 } = memory
  const more = [
    ...(lockedBytes === 0 ? [] : [`${lockedBytes} bytes locked`]),
    ...(hugePageBytes === 0 ? [] : [`${hugePageBytes} bytes in huge pages`]),
    ...(largeAnonymousBytes === 0 ? [] : [`${largeAnonymousBytes} bytes in large anonymous regions`]),
  ]
  return [
    `${residentBytes} bytes resident`,
    `${anonymousBytes} bytes anonymous`,
    `${fileBytes} bytes of files`,
    ...more,
  ].join(', ')
}

function graphicsWords(use: NonNullable<Runtime['graphics']>[number]): string {
  const kinds = [
    ...(use.dedicatedBytes === null ? [] : [`${use.dedicatedBytes} bytes of its memory`]),
    ...(use.sharedBytes === null ? [] : [`${use.sharedBytes} bytes of shared memory`]),
    ...(use.unifiedBytes === null ? [] : [`${use.unifiedBytes} bytes of unified memory`]),
    ...(use.busyPercent === null ? [] : [`${use.busyPercent} % busy`]),
  ]
  return `uses ${use.driver} ${use.device ?? 'device'}: ${kinds.length === 0 ? 'how much is not told' : kinds.join(', ')}`
}

function toldWords({ version, model, contextTokens, loadedBytes, gpuBytes }: NonNullable<Runtime['told']>): string {
  const words = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(model === undefined ? [] : [`model ${model}`]),
    ...(contextTokens === undefined ? [] : [`context of ${contextTokens} tokens`]),
    ...(loadedBytes === undefined ? [] : [`${loadedBytes} bytes loaded`]),
    ...(gpuBytes === undefined ? [] : [`${gpuBytes} bytes on a card`]),
  ]
  return words.join(', ')
}

/** One sensor's coverage of the host. */
export function hostSubject(coverage: Coverage, gaps: readonly Gap[]): JudgeSubject {
  const own = gaps.filter(({ sensor }) => sensor === undefined || sensor === coverage.sensor)
  const told = own.sort((left, right) => right.count - left.count).slice(0, 32)
  return {
    kind: 'host',
    key: coverage.sensor,
    label: `${coverage.sensor} is ${coverage.state}`,
    fields: new Map<string, readonly FieldValue[]>([
      ['sensor', [coverage.sensor]],
      ['coverageState', [coverage.state]],
      ['gapCode', [...new Set(own.map((gap) => gap.code))]],
    ]),
    confidence: 'certain',
    because: [
      cut(`${coverage.sensor} looked at ${coverage.looked} things and is ${coverage.state}: ${coverage.detail}`),
    ],
    evidence: [
      ...coverage.places.slice(0, 32).map((place) => ({ kind: 'coverage', place, detail: coverage.state })),
      ...told.map((gap) => ({ kind: gap.code, place: gap.place, detail: cut(`${gap.count} times: ${gap.detail}`) })),
    ],
    artifactIds: [],
    models: [],
    simulated: false,
  }
}

// What a policy may ask about a runtime or the host's coverage, and the evidence that a finding will carry.
import type { Artifact } from '../contract/artifact.ts'
import type { FindingEvidence } from '../contract/finding.ts'
import type { Coverage } from '../contract/report.ts'
import type { Runtime } from '../contract/runtime.ts'
import type { Gap } from '../contract/wire.ts'
import { agentEvidence, agentFields } from './agent-evidence.ts'
import { apiExposureOf } from './api-exposure.ts'
import { baseName, cut, listOf } from './artifact-evidence.ts'
import { modelOf } from './artifact-subject.ts'
import { type JudgeSubject, MAX_LABEL_CHARS, type SubjectModel } from './judge-subject.ts'
import { graphicsFacts, graphicsValues } from './graphics-facts.ts'
import { labelledEvidence, labelledFields } from './labelled-evidence.ts'
import type { FieldValue } from './operators.ts'
import type { Pack } from './pack.ts'
import { riskySwitchesOf, vulnerabilitiesOf } from './runtime-risks.ts'

/** A story lists no more weights than this (contract/runtime.ts); behind a full list there may be others. */
const MAX_LISTED_WEIGHTS = 64

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
    ['memoryFits', listOf(runtime.memoryFit?.fits)],
    ['weightFormat', [...new Set(runtime.weights.flatMap((weights) => weights.format ?? []))]],
    ...risks.fields,
    ...agentFields(runtime),
    ...labelledFields(runtime),
    ...graphicsFields(runtime),
  ])
  return {
    kind: 'runtime',
    key: runtime.runtimeKey,
    label: describeRuntime(runtime).slice(0, MAX_LABEL_CHARS),
    fields,
    confidence: identification?.confidence ?? 'possible',
    because: [
      ...runtimeReasons(runtime),
      ...[...agentEvidence(runtime), ...exposure.evidence, ...risks.evidence, ...labelledEvidence(runtime)].map(
        ({ detail }) => detail,
      ),
    ],
    evidence: [...risks.evidence, ...agentEvidence(runtime), ...exposure.evidence, ...runtimeEvidence(runtime)],
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

/** How much memory of cards it holds, and how busy they are for it; a policy that asks for it says nothing where it was not told. */
function graphicsFields({ graphics = [], weights }: Runtime): readonly (readonly [string, readonly FieldValue[]])[] {
  const facts = graphicsFacts(
    graphics,
    weights.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  )
  return ['graphicsBytes', 'graphicsBusy', 'graphicsFit'].map((field) => [field, graphicsValues(field, facts)] as const)
}

function describeRuntime(runtime: Runtime): string {
  const product = runtime.identification?.product ?? 'unknown program'
  const used = describeInUse(runtime.weights)
  const model = used === undefined ? '' : ` with ${used}`
  return `${product}, started as "${runtime.name}"${model}`
}

/** The model in use; an adapter changes what that model is, so it is named before it. */
function describeInUse(weights: Runtime['weights']): string | undefined {
  const base = weights.find(({ isAdapter }) => isAdapter !== true)
  const adapter = weights.find(({ isAdapter }) => isAdapter === true)
  const model = base && (base.model ?? base.path)
  if (adapter === undefined) return model
  return `the adapter ${baseName(adapter.path)} over ${model ?? 'a base that is not seen'}`
}

function runtimeReasons(runtime: Runtime): readonly string[] {
  const who = runtime.user.name ?? `uid ${runtime.user.uid}`
  const reasons = [`pid ${runtime.pid}, started as "${runtime.name}" by ${who} at ${runtime.startedAt}`]
  for (const weights of runtime.weights) {
    const verb = weights.how === 'mapped' ? 'maps' : 'holds open'
    const named = weights.model === null ? (weights.format ?? 'weights') : weights.model
    const what = weights.isAdapter === true ? `${named}, an adapter over another model` : named
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
            `holds ${memoryFit.heldBytes} bytes in all kinds of memory, its mapped weights need ${memoryFit.neededBytes} bytes${cacheWords(memoryFit)}`,
          ),
        ]),
    ...graphics.map((use) => evidenceOf('graphics', graphicsWords(use))),
    ...(container === undefined ? [] : [evidenceOf('container', `lives in ${container.engine} ${container.id}`)]),
    ...(told === undefined ? [] : [evidenceOf('http-answer', `says of itself: ${toldWords(told)}`)]),
    ...(notSeen.length === 0 ? [] : [evidenceOf('not-seen', `looked for and not seen: ${notSeen.join(', ')}`)]),
  ]
}

function cacheWords({ cacheBytes }: NonNullable<Runtime['memoryFit']>): string {
  return cacheBytes === undefined ? '' : `, and a cache for the context that it tells of ${cacheBytes} bytes`
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

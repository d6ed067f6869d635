// One artifact as a detection engineer reads it: the ladder rung by rung, then what it may be, then what was not seen.
import type { Arrival, Artifact, Identification, MemoryNeed } from '../../contract/artifact.ts'
import type { Container, Structure, Training } from '../../contract/fingerprint.ts'
import { printable } from '../../contract/printable.ts'
import type { Gap } from '../../contract/wire.ts'
import { someOf } from '../../rules/artifact-evidence.ts'
import { parametersWord } from '../../rules/describe-model.ts'
import { describeBytes } from './measure.ts'
import { describeVerdict, threatRows } from './threats.ts'
import { paint, type Terminal } from './terminal.ts'

/** A label and what stands behind it; undefined where there is nothing to say. */
type Row = readonly [label: string, value: string | undefined]

/** Of the relatives of one kind the first are told with their reasons. */
const MAX_TOLD_RELATIVES = 3
/** A reason beyond this is told up to its first comma; --json has all of it. */
const MAX_REASON_CHARS = 64
/** How a reader says which rungs it left out, and why. */
const RUNG = /^(rungs? [1-6](?: and [1-6])?): (.+)$/su

/** Several lines about one artifact; every word from the file is escaped. */
export function renderInspection(artifact: Artifact, terminal: Terminal): string {
  const rows = [...placeRows(artifact), ...fingerprintRows(artifact), ...conclusionRows(artifact), ...gapRows(artifact)]
  const lines = rows.flatMap(([label, value]) =>
    value === undefined ? [] : [`  ${paint(terminal, 'dim', label.padEnd(10))} ${printable(value)}`],
  )
  return [paint(terminal, 'bold', printable(artifact.path)), ...lines].join('\n')
}

function placeRows({
  kind,
  parts,
  sizeBytes,
  verdict,
  store,
  arrival,
  fingerprint,
  threats,
  ...rest
}: Artifact): readonly Row[] {
  return [
    ['what', describeWhat({ kind, fingerprint })],
    ['format', describeFormat(kind, rest)],
    ['verdict', describeVerdict({ verdict, threats, ...(rest.scan === undefined ? {} : { scan: rest.scan }) })],
    ...threatRows(threats),
    ['size', `${describeBytes(sizeBytes)}${describeParts(parts)}`],
    ['store', store && `${store.id}: ${store.name}`],
    ['arrival', arrival && describeArrival(arrival)],
  ]
}

/** What the parts make together; a file by itself needs no word. */
function describeWhat({
  kind,
  fingerprint: { structure },
}: Pick<Artifact, 'kind' | 'fingerprint'>): string | undefined {
  const one = structure?.kind === 'adapter' ? 'one adapter' : 'one model'
  switch (kind) {
    case 'file':
      return undefined
    case 'folder':
      return `${one} in a folder`
    case 'split':
      return `${one} in several files`
    case 'store':
      return `${one} of a store`
    case 'leftover':
      return 'a leftover of training, no model by itself'
  }
}

type Format = Pick<Artifact, 'format' | 'formatVersion' | 'dialect'>

function describeFormat(kind: Artifact['kind'], { format, formatVersion, dialect }: Format): string | undefined {
  if (format === null) return kind === 'leftover' ? undefined : 'not recognised'
  const version = formatVersion === null ? '' : ` version ${formatVersion}`
  return `${format}${version}${dialect === undefined ? '' : `, ${dialect}`}`
}

/** ` in 4 files (2 weights, 1 config, 1 tokenizer)`: what is missing of a split stands in its gaps. */
function describeParts(parts: Artifact['parts']): string {
  if (parts.length === 0) return ''
  const roles = [...new Set(parts.map(({ role }) => role))]
  const counted = roles.map((role) => `${parts.filter((part) => part.role === role).length} ${role}`)
  const files = ` in ${parts.length} ${parts.length === 1 ? 'file' : 'files'}`
  return parts.length === 1 ? files : `${files} (${counted.join(', ')})`
}

function fingerprintRows({ fingerprint, summary, memoryNeed, parts }: Artifact): readonly Row[] {
  const { claims, container, structure, training, tokenizer, lineage, barcode, content } = fingerprint
  return [
    ['claims', claims && describeClaims(claims)],
    ['container', container && describeContainer(container, parts)],
    ['model', summary],
    ['structure', structure && describeStructure(structure)],
    ['memory', memoryNeed && describeNeed(memoryNeed)],
    ['training', training && describeTraining(training)],
    ['tokenizer', tokenizer && `${tokenizer.kind}, ${tokenizer.size} tokens`],
    ['vocabulary', tokenizer?.baseVocabDigest],
    ['added', tokenizer?.addedTokensDigest],
    ['merges', tokenizer?.mergesDigest],
    ['lineage', lineage && `${lineage.normDigest}, norms of ${lineage.blocks} blocks`],
    ['barcode', barcode && `${barcode.digest}${barcode.isComplete ? '' : ' (partial)'}`],
    ['sha-256', content?.sha256],
  ]
}

function conclusionRows({ identifications, relations = [] }: Artifact): readonly Row[] {
  return [
    ...identifications.flatMap((each): readonly Row[] => [
      [each.confidence, `${each.model} (rung ${each.rung}): ${each.because.join('; ')}`],
      ['licence', each.license],
      ['one of', describeCandidates(each)],
      ['unverified', each.unverified && describeUnverified(each.unverified)],
    ]),
    ...relationRows(relations),
  ]
}

function describeCandidates({ candidates }: Identification): string | undefined {
  return candidates.length > 1 ? someOf(candidates) : undefined
}

function relationRows(relations: NonNullable<Artifact['relations']>): readonly Row[] {
  return [...new Set(relations.map(({ kind }) => kind))].flatMap((kind): readonly Row[] => {
    const ofKind = relations.filter((relation) => relation.kind === kind)
    const more = ofKind.slice(MAX_TOLD_RELATIVES).map(({ path }) => path)
    return [
      ...ofKind.slice(0, MAX_TOLD_RELATIVES).map(({ path, because }): Row => [kind, `${path}: ${because.join('; ')}`]),
      [kind, more.length === 0 ? undefined : `also ${someOf(more)}`],
    ]
  })
}

/** What is wrong line by line; what was only not computed in two lines. */
function gapRows({ gaps }: Artifact): readonly Row[] {
  const skipped = gaps.filter(({ code }) => code === 'GNO_READ_SKIPPED').map(({ detail }) => detail)
  const rungs = skipped.filter(isRung)
  const others = skipped.filter((detail) => !isRung(detail))
  return [
    ...gaps.filter(({ code }) => code !== 'GNO_READ_SKIPPED').map((gap): Row => ['gap', describeGap(gap)]),
    ['skipped', rungs.length === 0 ? undefined : describeRungs(rungs)],
    ['skipped', others.length === 0 ? undefined : someOf([...new Set(others)])],
  ]
}

function isRung(detail: string): boolean {
  return RUNG.test(detail)
}

/** `rung 1 (neither the file nor its place claims anything), rung 2 (no structure key; no architecture digest)`. */
function describeRungs(details: readonly string[]): string {
  const reasons = new Map<string, Set<string>>()
  for (const detail of [...details].sort()) {
    const [, rung = '', reason = ''] = RUNG.exec(detail) ?? []
    const known = reasons.get(rung) ?? new Set()
    reasons.set(rung, known.add(reason.length > MAX_REASON_CHARS ? (reason.split(',')[0] ?? reason) : reason))
  }
  const said = [...reasons].map(([rung, why]) => `${rung} (${[...why].join('; ')})`)
  return `not computed in full: ${said.join(', ')}`
}

/** A gap in one sentence. */
export function describeGap(gap: Gap): string {
  const times = gap.count === 1 ? '' : ` (${gap.count} times)`
  return printable(`${gap.code} ${gap.place}: ${gap.detail}${times}`)
}

/** General knowledge is never shown as a fact. */
function describeUnverified({ license, restrictions, origin }: NonNullable<Identification['unverified']>): string {
  const said = [license && `licence ${license}`, restrictions, origin && `publisher in ${origin}`]
  return `general knowledge, not read in a source: ${said.filter((word) => word !== undefined).join('; ')}`
}

function describeArrival({ marks, mount, createdAt, owner }: Arrival): string {
  const said = [
    ...marks.map(({ mark, value }) => `${mark} ${value}`),
    mount && `on ${mount.fileSystem} of ${mount.source}${mount.isRemovable === true ? ' (removable)' : ''}`,
    createdAt && `created ${createdAt}`,
    owner && `owned by ${owner}`,
  ]
  return said.filter((word) => word !== undefined).join(', ')
}

function describeTraining(training: Training): string {
  const said = [
    training.kind,
    training.framework,
    training.method,
    training.optimizer && `optimizer ${training.optimizer}`,
    training.step === undefined
      ? undefined
      : `step ${training.step}${training.maxSteps === undefined ? '' : ` of ${training.maxSteps}`}`,
    training.schedule && `learning rate ${training.schedule}`,
    training.baseModel && `base ${training.baseModel}`,
  ]
  return said.filter((word) => word !== undefined && word !== '').join(', ')
}

/** Shards have containers of their own, of which the first is told: its numbers are not those of the model. */
function describeContainer(container: Container, parts: Artifact['parts']): string {
  const shards = parts.filter(({ role }) => role === 'weights').length
  const facts = Object.entries(container)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')
  return shards > 1 ? `the first of ${shards}: ${facts}` : facts
}

function describeNeed({ totalBytes, contextLength, kvCacheBytes }: MemoryNeed): string {
  const cache =
    kvCacheBytes === undefined ? '' : `, ${describeBytes(kvCacheBytes)} of it KV cache at ${contextLength ?? 0} tokens`
  return `${describeBytes(totalBytes)} to run${cache}`
}

function describeClaims(claims: NonNullable<Artifact['fingerprint']['claims']>): string {
  const said = [
    claims.name && `name "${claims.name}"`,
    claims.organization && `by ${claims.organization}`,
    claims.license && `licence ${claims.license}`,
    claims.placeName && `lies as ${claims.placeName}`,
    claims.placeDigest && `its place says sha256:${claims.placeDigest.sha256.slice(0, 12)}…`,
    claims.chatTemplateDigest && 'has a chat template',
    describeBases(claims),
    claims.tags && `tags ${someOf(claims.tags)}`,
    claims.sourceUrl && `from ${claims.sourceUrl}`,
    claims.author && `author ${claims.author}`,
    claims.quantizedBy && `quantized by ${claims.quantizedBy}`,
    claims.version && `version ${claims.version}`,
  ]
  return said.filter((word) => word !== undefined && word !== '').join(', ') || 'none'
}

/** What the file names as its origin: a claim, which a relation may confirm or refute. */
function describeBases({ baseModels = [] }: NonNullable<Artifact['fingerprint']['claims']>): string | undefined {
  const names = baseModels.flatMap(({ name, organization, repoUrl }) => {
    // A configuration names `org/model` in one piece.
    const full = [name?.includes('/') === true ? undefined : organization, name].filter(Boolean).join('/')
    return full === '' ? (repoUrl ?? []) : [repoUrl === undefined ? full : `${full} (${repoUrl})`]
  })
  return names.length === 0 ? undefined : `base ${someOf(names)}`
}

function describeStructure(structure: Structure): string {
  const heads =
    structure.attentionHeads === undefined
      ? undefined
      : `${structure.attentionHeads}/${structure.kvHeads ?? structure.attentionHeads} heads`
  const said = [
    structure.architecture,
    structure.kind === 'text' ? undefined : structure.kind,
    structure.layers === undefined ? undefined : `${structure.layers} layers`,
    structure.embeddingWidth === undefined ? undefined : `width ${structure.embeddingWidth}`,
    heads,
    structure.experts === undefined ? undefined : `${structure.experts} experts (${structure.expertsUsed ?? '?'} used)`,
    parametersWord(structure),
    structure.quantization,
    structure.bitsPerWeight === undefined ? undefined : `${structure.bitsPerWeight.toFixed(2)} bits per weight`,
    structure.contextLength === undefined ? undefined : `context ${structure.contextLength}`,
  ]
  return said.filter((word) => word !== undefined).join(', ')
}

// Joins the parts of one model into one artifact: the ladder of fingerprints, the verdict, and a gap for every rung not reached.
import type { Artifact, FilePart, Verdict } from '../../contract/artifact.ts'
import type { Fingerprint, Structure } from '../../contract/fingerprint.ts'
import type { FileIdentity } from '../../contract/observation.ts'
import type { Gap } from '../../contract/wire.ts'
import type { TensorMark } from '../../rules/edit-map.ts'
import { type Samples, joinSamples, writeArtifactId } from './barcode.ts'
import { dialects } from './dialects.ts'
import type { GapList } from './gap-list.ts'
import { NO_TOKENIZER } from './gguf-tokenizer.ts'
import type { HfFolder } from './hf-folder.ts'
import { describeLineage } from './lineage.ts'
import { readPlaceClaims } from './place-claims.ts'
import type { ReadPart } from './read-part.ts'
import { joinScans } from './scan/scan-part.ts'
import { describeStructure } from './structure.ts'
import type { Hyperparameters, WeightsPart } from './weights.ts'

/** The artifact without what others say about it; `identities` are those of its weights, part by part. */
export type Draft = Omit<Artifact, 'identifications' | 'simulated'> & {
  readonly identities: readonly FileIdentity[]
  /** Samples of its tensors, for edit maps on this machine. */
  readonly marks: readonly TensorMark[]
  /** A file of a known format that holds no weights. */
  readonly isData?: boolean
}

export interface Assembly {
  readonly kind: Artifact['kind']
  readonly path: string
  readonly parts: readonly [ReadPart, ...ReadPart[]]
  readonly folder?: HfFolder
  /** Gaps of the artifact as a whole: missing shards, rungs that were not computed. */
  readonly gaps: GapList
  readonly isDeep: boolean
}

/** Most gaps and parts that one artifact carries over the wire. */
const MAX_GAPS = 256
const MAX_PARTS = 4_096

/** Containers that keep the names of parameters, so that roles can be told from them. */
const NAMED_PARAMETERS: ReadonlySet<string> = new Set(['gguf', 'safetensors', 'pytorch-zip', 'pytorch-legacy', 'numpy'])

/** Builds the draft of one artifact. */
export function assembleArtifact(assembly: Assembly): Draft {
  const { parts, folder, gaps } = assembly
  const [first] = parts
  const fingerprint = buildFingerprint(assembly)
  const dialect = findDialect(assembly)
  const modifiedAt = writeInstant(first.identity.mtimeNs)
  const samples = samplesOf(parts)
  const weightBytes = parts.reduce((sum, part) => sum + part.identity.sizeBytes, 0)
  const scan = joinScans([...parts.map((part) => part.scan), ...(folder?.scan === undefined ? [] : [folder.scan])])
  const files: FilePart[] = parts.flatMap((part) => [describePart(part), ...describeCompanions(part)])
  return {
    artifactId: writeArtifactId(weightBytes, samples.barcode),
    kind: assembly.kind,
    path: assembly.path,
    parts: [...files, ...(folder?.parts ?? [])].slice(0, MAX_PARTS),
    sizeBytes: totalBytes([...files, ...(folder?.parts ?? [])]),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
    format: first.format,
    formatVersion: first.weights.formatVersion,
    ...(dialect === undefined ? {} : { dialect }),
    verdict: worstVerdict(parts.map((part) => part.gaps.verdict())),
    fingerprint,
    threats: [],
    ...(scan === undefined ? {} : { scan }),
    gaps: joinGaps([...parts.map((part) => part.gaps), gaps], fingerprint),
    identities: parts.map((part) => part.whole ?? part.identity),
    marks: samples.marks,
  }
}

/** Holes of exabytes add up to more than a number on the wire may be (CWE-190). */
export function totalBytes(parts: readonly Pick<FilePart, 'sizeBytes'>[]): number {
  return Math.min(
    Number.MAX_SAFE_INTEGER,
    parts.reduce((sum, part) => sum + part.sizeBytes, 0),
  )
}

function findDialect({ parts, folder }: Assembly): string | undefined {
  const [{ format, weights }] = parts
  if (format === null) return undefined
  const beside = folder?.quantization === undefined ? {} : { quantization: folder.quantization }
  return dialects.find(({ formats, recognise }) => formats.includes(format) && recognise(weights, beside))?.id
}

function describePart(part: ReadPart): FilePart {
  const { path, sha256, offsetBytes } = part
  return {
    path,
    sizeBytes: part.identity.sizeBytes,
    role: 'weights',
    ...describeHead(part),
    ...(offsetBytes === undefined ? {} : { offsetBytes }),
    ...(sha256 === undefined ? {} : { sha256 }),
  }
}

/** The first bytes as they were read, and where the header ends: what an analyst holds against the file. */
function describeHead({
  firstBytes,
  weights: { headerBytes },
}: ReadPart): Pick<FilePart, 'firstBytes' | 'headerBytes'> {
  if (firstBytes === undefined) return {}
  return { firstBytes, ...(headerBytes > 0 ? { headerBytes } : {}) }
}

/** Neighbours that hold the values which the part describes. */
function describeCompanions({ weights }: ReadPart): readonly FilePart[] {
  return (weights.companions ?? []).map(({ path, sizeBytes }) => ({ path, sizeBytes, role: 'weights' }))
}

function buildFingerprint(assembly: Assembly): Fingerprint {
  const { parts, folder, gaps } = assembly
  const [{ weights, sha256, path }] = parts
  const hyperparameters = { ...folder?.hyperparameters, ...weights.hyperparameters }
  const tokenizer = weights.tokenizer ?? folder?.tokenizer
  const claims = { ...folder?.claims, ...weights.claims, ...readPlaceClaims(path) }
  const fingerprint: Fingerprint = {
    ...describeContainer(weights),
    ...(Object.keys(claims).length === 0 ? {} : { claims }),
    ...structureOf(assembly, hyperparameters),
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...lineageOf(assembly, hyperparameters),
    ...barcodeOf(parts),
    ...(parts.length === 1 && sha256 !== undefined ? { content: { sha256 } } : {}),
  }
  if (holdsWeights(weights)) noteAbsentRungs(fingerprint, assembly)
  else if (!assembly.isDeep) gaps.note('GNO_READ_SKIPPED', 'rung 6: the whole file was not read, --deep was not given')
  return fingerprint
}

function holdsWeights({ isModel, holds = 'weights' }: WeightsPart): boolean {
  return isModel && holds === 'weights'
}

function describeContainer({ facts, training }: WeightsPart): Pick<Fingerprint, 'container' | 'training'> {
  return {
    ...(facts === undefined ? {} : { container: Object.fromEntries(facts) }),
    ...(training === undefined ? {} : { training }),
  }
}

function structureOf(assembly: Assembly, hyperparameters: Hyperparameters): Pick<Fingerprint, 'structure'> {
  const { parts, folder } = assembly
  const [{ weights: main }] = parts
  if (!holdsWeights(main)) return {}
  const tensors = parts.flatMap(({ weights }) => [...weights.tensors, ...(weights.elsewhere ?? [])])
  const described = describeStructure(hyperparameters, tensors, main.kind ?? folder?.kind)
  const isNamed = folder === undefined || NAMED_PARAMETERS.has(parts[0].format ?? '')
  const structure = isNamed ? described : withoutRoles(described)
  const adapter = joinAdapter(main.adapter, folder?.adapter)
  return { structure: adapter === undefined ? structure : { ...structure, adapter } }
}

/** The configuration is that of the model, the names of the tensors are those of a compiled graph. */
function withoutRoles({ architectureDigest: _, ...structure }: Structure): Structure {
  return structure
}

function barcodeOf(parts: readonly ReadPart[]): Pick<Fingerprint, 'barcode'> {
  const isWhole = parts.every((part) => part.isBarcode && part.samples !== null)
  return isWhole ? { barcode: samplesOf(parts).barcode } : {}
}

/** Rung 4, or a gap that says why not. */
function lineageOf(assembly: Assembly, { architecture, layers }: Hyperparameters): Pick<Fingerprint, 'lineage'> {
  const { parts, gaps } = assembly
  if (!holdsWeights(parts[0].weights)) return {}
  const note = (detail: string) => gaps.note('GNO_READ_SKIPPED', `rung 4: ${detail}`)
  const norms = parts.flatMap((part) => (part.norms === null ? [] : [part.norms]))
  const isStored = norms.some((part) => part.norms.some(({ isConverted }) => !isConverted))
  if (laysOutNothing(parts)) return {}
  if (isStored && architecture === undefined)
    note('nothing names the architecture, so norms are compared as they are stored')
  const outcome = describeLineage({ parts: norms, architecture, layers })
  if ('lineage' in outcome) return outcome
  note(outcome.reason)
  return {}
}

/** Rank and targets are those of the tensors; alpha stands in the configuration. */
function joinAdapter(told: Structure['adapter'], stated: Structure['adapter']): Structure['adapter'] {
  return told === undefined ? stated : { ...stated, ...told, kind: stated?.kind ?? told.kind }
}

/** A silent rung must be told apart from an empty one. */
function noteAbsentRungs(fingerprint: Fingerprint, assembly: Assembly): void {
  const note = (detail: string) => assembly.gaps.note('GNO_READ_SKIPPED', detail)
  const isContainerWithTokenizer = assembly.parts[0].format === 'gguf'
  if (fingerprint.claims === undefined) note('rung 1: neither the file nor its place claims anything')
  if (fingerprint.structure?.structureKey === undefined) {
    note(
      'rung 2: no structure key, the file and its neighbours do not state all of layers, widths, heads and vocabulary',
    )
  }
  if (fingerprint.structure?.architectureDigest === undefined) {
    note('rung 2: no architecture digest, this is no text decoder with stated hyperparameters')
  }
  if (fingerprint.tokenizer === undefined && !isContainerWithTokenizer) note('rung 3: no tokenizer beside the weights')
  if (laysOutNothing(assembly.parts)) {
    const isSound = assembly.parts.every(({ gaps }) => gaps.verdict() === 'unchecked')
    note(isSound ? 'rungs 4 and 5: the container lays out no tensors' : 'rung 4: no tensor could be read')
  }
  if (fingerprint.barcode === undefined) note('rung 5: the header could not be read to its end, so there is no barcode')
  else if (!fingerprint.barcode.isComplete)
    note('rung 5: not every tensor has four samples, to keep within the budget or since its bytes lie elsewhere')
  // A part without a digest says itself why it has none.
  if (fingerprint.content !== undefined || (assembly.isDeep && isUndigested(assembly))) return
  const reason = assembly.isDeep ? 'it is told part by part' : 'the whole file was not read, --deep was not given'
  note(`rung 6: ${reason}`)
}

/** Many containers state their layers and keep the values as one stream, or in another file. */
function laysOutNothing(parts: readonly ReadPart[]): boolean {
  return parts.every(({ weights }) => weights.tensors.length === 0 && (weights.elsewhere ?? []).length === 0)
}

function isUndigested({ parts }: Assembly): boolean {
  return parts.some((part) => part.sha256 === undefined)
}

function samplesOf(parts: readonly ReadPart[]): Samples {
  return joinSamples(parts.flatMap((part) => (part.samples === null ? [] : [part.samples])))
}

const WORST_FIRST: readonly Verdict[] = ['malformed', 'unscannable', 'unchecked']

function worstVerdict(verdicts: readonly Verdict[]): Verdict {
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? 'unchecked'
}

/** One shard of a split model carries the tokenizer of all; where none does, that is told once. */
function joinGaps(lists: readonly GapList[], { tokenizer }: Fingerprint): readonly Gap[] {
  const gaps = lists.flatMap((list) => list.list())
  const without = gaps.filter(({ detail }) => detail === NO_TOKENIZER)
  const untold = new Set(tokenizer === undefined ? without.slice(1) : without)
  return gaps.filter((gap) => !untold.has(gap)).slice(-MAX_GAPS)
}

/** ISO 8601 of a file time, or nothing where the file system keeps a year that has no four digits. */
function writeInstant(mtimeNs: string): string | undefined {
  const milliseconds = Number(BigInt(mtimeNs) / 1_000_000n)
  const date = new Date(milliseconds)
  const year = date.getUTCFullYear()
  return year >= 1 && year <= 9999 ? date.toISOString() : undefined
}

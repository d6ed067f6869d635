// A model that a manifest puts together from blobs named by their SHA-256 (Ollama, Docker Model Runner, OCI layout with model media
// types). Facts: ollama/ollama:manifest/layer.go, docker/model-spec:spec.md, modelpack/model-spec:docs/spec.md.
import { createHash } from 'node:crypto'
import type { FilePart } from '../../contract/artifact.ts'
import type { Claims, Container } from '../../contract/fingerprint.ts'
import type { CandidateFile, FileIdentity, OpenedFile } from '../../contract/observation.ts'
import { MAX_SENTENCE_CHARS } from '../../contract/wire.ts'
import type { Draft } from './assemble-artifact.ts'
import { readTrouble } from './cursor.ts'
import { findDecoders, orderByWeight } from './fold-models.ts'
import { GapList } from './gap-list.ts'
import { isProjectorStructure } from './join-projectors.ts'
import type { JsonValue } from './json-tree.ts'
import { foldDrafts, partOfStore, readModels } from './store-drafts.ts'
import {
  type JsonObject,
  type OnGap,
  candidateIn,
  listOf,
  objectOf,
  showFile,
  textOf,
  useSmall,
} from './store-files.ts'
import type { StoreFind, StoreOptions } from './store-reader.ts'

/** Layers of one manifest: the largest safetensors model in Ollama has about 2,000 (CWE-770). */
const MAX_LAYERS = 4_096
const DIGEST = /^sha256:([0-9a-f]{64})$/
/** Licences and templates are shorter; only the first line and a digest are kept. */
const MAX_TEXT_BYTES = 1_048_576

type Role = FilePart['role']

/** One layer as the manifest states it. */
export interface Layer {
  readonly role: Role
  readonly hex: string
  /** The name of the file, where the manifest gives one. */
  readonly name?: string
  /** True for a layer that steers the model and is never kept: system prompt, messages. */
  readonly isPrompt: boolean
}

/** Media types, each ending or whole, and the role of the layer. The first that fits counts. */
const ROLES: readonly (readonly [mediaType: string, role: Role])[] = [
  ['ollama.image.model', 'weights'],
  ['ollama.image.tensor', 'weights'],
  ['ollama.image.projector', 'projector'],
  ['ollama.image.adapter', 'adapter'],
  ['ollama.image.draft', 'adapter'],
  ['ollama.image.template', 'template'],
  ['ollama.image.license', 'license'],
  ['ollama.image.json', 'config'],
  ['ollama.image.system', 'other'],
  ['ollama.image.messages', 'other'],
  ['ollama.image.params', 'other'],
  ['docker.ai.gguf', 'weights'],
  ['docker.ai.safetensors', 'weights'],
  ['docker.ai.dduf', 'weights'],
  ['docker.ai.mmproj', 'projector'],
  ['docker.ai.lora', 'adapter'],
  ['docker.ai.license', 'license'],
  ['docker.ai.chat.template', 'template'],
  ['docker.ai.model.file', 'config'],
  ['docker.ai.vllm.config', 'config'],
  ['docker.ai.', 'other'],
  ['cncf.model.weight.config', 'config'],
  ['cncf.model.weight', 'weights'],
  ['cncf.model.', 'other'],
  ['kitops.modelkit.model', 'weights'],
  ['kitops.modelkit.', 'other'],
]
const PROMPTS: readonly string[] = ['ollama.image.system', 'ollama.image.messages']
/** Keys of a layer's annotations that name its file (image-spec annotations.md; modelpack). */
const TITLES: readonly string[] = ['org.cncf.model.filepath', 'org.opencontainers.image.title']

/** The digest in a manifest as hex, or nothing: a digest with a path in it names no blob (CVE-2024-37032, CWE-22). */
export function hexOf(digest: JsonValue | undefined): string | undefined {
  return DIGEST.exec(textOf(digest) ?? '')?.[1]
}

/** The layers of a manifest that make a model, or nothing for a manifest of something else. Throws ReadTrouble for a lie. */
export function readLayers(manifest: JsonObject): readonly Layer[] {
  const stated = listOf(manifest.get('layers'))
  if (stated.length > MAX_LAYERS) {
    throw readTrouble('GNO_READ_LIMIT', `${stated.length} layers, limit ${MAX_LAYERS}`)
  }
  const layers = new Map<string, Layer>()
  for (const item of stated) {
    const layer = readLayer(objectOf(item))
    // The same blob stated twice is one file.
    if (layer !== undefined) layers.set(`${layer.role} ${layer.hex}`, layer)
  }
  return [...layers.values()]
}

function readLayer(stated: JsonObject | undefined): Layer | undefined {
  const mediaType = textOf(stated?.get('mediaType')) ?? ''
  const role = ROLES.find(([word]) => mediaType.includes(word))?.[1]
  if (stated === undefined || role === undefined) return undefined
  const hex = hexOf(stated.get('digest'))
  if (hex === undefined) throw readTrouble('GNO_READ_INVALID', 'the digest of a layer is not sha256 in 64 hex digits')
  const annotations = objectOf(stated.get('annotations'))
  const titles = TITLES.map((key) => textOf(annotations?.get(key)))
  const name = [textOf(stated.get('name')), ...titles].find((title) => title !== undefined && title !== '')
  const isPrompt = PROMPTS.some((word) => mediaType.includes(word))
  return { role, hex, isPrompt, ...(name === undefined ? {} : { name }) }
}

/** How blobs are reached. */
export interface Blobs {
  readonly open: (hex: string) => OpenedFile | null
  /** Whether an unfinished download of it lies there. */
  readonly isPartial: (hex: string) => boolean
}

/** What the layers are together. */
export interface LayeredModel {
  readonly draft: Draft
  readonly claimed: readonly FileIdentity[]
  /** Adapters among the layers: each is an artifact that belongs to the model, too. */
  readonly adapters: readonly Draft[]
  /** Further models among the layers of weights: a manifest has one, and whoever puts two there hides one. */
  readonly others: readonly Draft[]
  readonly parts: readonly FilePart[]
  readonly claims: Claims
  readonly container: Container
  readonly gaps: GapList
}

/** Reads the model of a manifest; nothing where its weights are not there, and the gap says so under the manifest's path. */
export async function readLayered(
  layers: readonly Layer[],
  blobs: Blobs,
  place: string,
  options: StoreOptions,
): Promise<LayeredModel | undefined> {
  const gaps = new GapList(place)
  const weights = layers.filter(({ role }) => role === 'weights')
  const isHere = noteMissing(layers, blobs, gaps)
  if (weights.length === 0 || !isHere) {
    const detail = weights.length === 0 ? 'the manifest names no weights' : 'the weights are not there: not installed'
    gaps.note(weights.length === 0 ? 'GNO_READ_SKIPPED' : 'GNO_READ_PART_MISSING', detail)
    for (const gap of gaps.list()) options.onGap?.(gap)
    return undefined
  }
  const drafts: Draft[] = []
  for await (const draft of readModels(showWeights(weights, layers, blobs), options)) drafts.push(draft)
  const [first, ...others] = orderByWeight(drafts)
  if (first === undefined) {
    options.onGap?.({
      code: 'GNO_READ_SKIPPED',
      place,
      count: 1,
      detail: 'no layer is weights in a format that is read',
    })
    return undefined
  }
  const draft = foldDrafts(first, others)
  const beside = await readBeside(layers, blobs, options, gaps)
  const described = describeLayers(layers, blobs, options.onGap)
  const claimed = [draft, ...beside].flatMap(({ identities }) => identities)
  const adapters = beside.filter(({ fingerprint }) => fingerprint.structure?.kind === 'adapter')
  return { ...described, draft, claimed, adapters, others: findDecoders(others), gaps }
}

/** Tells of blobs that are not there. True when at least one blob of weights is. */
function noteMissing(layers: readonly Layer[], blobs: Blobs, gaps: GapList): boolean {
  let isHere = false
  for (const { role, hex } of layers) {
    const file = blobs.open(hex)
    file?.close()
    if (file !== null && role === 'weights') isHere = true
    if (file !== null) continue
    const what = blobs.isPartial(hex) ? 'is an unfinished download' : 'is not there'
    gaps.note('GNO_READ_PART_MISSING', `blob ${hex.slice(0, 12)} (${role}) ${what}`)
  }
  return isHere
}

/** Blobs under the names of their layers; a tensor layer holds one tensor, and all of them are the shards of one model. */
function showWeights(weights: readonly Layer[], layers: readonly Layer[], blobs: Blobs): readonly CandidateFile[] {
  const named = new Map<string, string>()
  for (const { role, name, hex } of layers) if (role === 'config' && name !== undefined) named.set(name, hex)
  const count = String(weights.length).padStart(5, '0')
  const open = (hex: string): OpenedFile | null => {
    const file = blobs.open(hex)
    if (file === null) return null
    const openSibling = (name: string): OpenedFile | null => {
      const sibling = named.get(name)
      return sibling === undefined ? null : blobs.open(sibling)
    }
    return showFile(file, { path: file.path, openSibling, listSiblings: () => [...named.keys()] })
  }
  return weights.flatMap(({ hex, name }, index) => {
    const ending = /\.[a-z0-9]{1,16}$/.exec(name ?? '')?.[0] ?? '.safetensors'
    const shown = `model-${String(index + 1).padStart(5, '0')}-of-${count}${ending}`
    return candidateIn(() => open(hex), weights.length === 1 ? (name ?? hex) : shown) ?? []
  })
}

/**
 * A projector or an adapter belongs to its model. What is called so and holds something else is not claimed, so that it is reported as
 * what it is.
 */
async function readBeside(
  layers: readonly Layer[],
  blobs: Blobs,
  options: StoreOptions,
  gaps: GapList,
): Promise<readonly Draft[]> {
  const beside: Draft[] = []
  for (const { role, hex } of layers) {
    if (role !== 'projector' && role !== 'adapter') continue
    const candidate = candidateIn(() => blobs.open(hex), hex)
    const drafts: Draft[] = []
    for await (const draft of readModels(candidate === null ? [] : [candidate], options)) drafts.push(draft)
    const isSo = ({ fingerprint: { structure } }: Draft): boolean =>
      role === 'projector' ? isProjectorStructure(structure) : structure?.kind === role
    beside.push(...drafts.filter(isSo))
    if (!drafts.every(isSo)) gaps.note('GNO_READ_INVALID', `blob ${hex.slice(0, 12)} is called ${role} and is none`)
  }
  return beside
}

/** What is told beside the model: its adapters, linked to it since they change what it does, and further models of the manifest. */
export function tellBeside({ adapters, others }: LayeredModel, model: Draft): readonly StoreFind[] {
  const because = [`the manifest ${model.store?.name ?? ''} puts it on this model`]
  const relations = [{ kind: 'adapter-of' as const, path: model.path, artifactId: model.artifactId, because }]
  const ofStore = { kind: 'store' as const, ...(model.store === undefined ? {} : { store: model.store }) }
  const told = [
    ...adapters.map((adapter) => ({ ...adapter, ...ofStore, relations: [...relations, ...(adapter.relations ?? [])] })),
    ...others.map((other) => ({ ...other, ...ofStore })),
  ]
  return told.map((draft) => ({ draft, claimed: draft.identities }))
}

function describeLayers(
  layers: readonly Layer[],
  blobs: Blobs,
  onGap: OnGap,
): Pick<LayeredModel, 'parts' | 'claims' | 'container'> {
  const parts: FilePart[] = []
  let claims: Claims = {}
  for (const { role, hex } of layers) {
    const file = role === 'weights' ? null : blobs.open(hex)
    if (file === null) continue
    try {
      parts.push(partOfStore(file, role))
      claims = { ...readClaims(role, file, onGap), ...claims }
    } finally {
      file.close()
    }
  }
  return { parts, claims, container: layers.some(({ isPrompt }) => isPrompt) ? { hasSystemPrompt: true } : {} }
}

function readClaims(role: Role, file: OpenedFile, onGap: OnGap): Claims {
  if ((role !== 'license' && role !== 'template') || file.identity.sizeBytes > MAX_TEXT_BYTES) return {}
  const claims = useSmall(file, onGap, (bytes): Claims => {
    if (role === 'template') return { chatTemplateDigest: `tpl1:${createHash('sha256').update(bytes).digest('hex')}` }
    const line = firstLine(Buffer.from(bytes.subarray(0, MAX_SENTENCE_CHARS)).toString('utf8'))
    return line === '' ? {} : { license: line }
  })
  return claims ?? {}
}

/** The first line that says something: licence texts often begin with empty ones. */
function firstLine(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? ''
  return line
    .trim()
    .slice(0, 200)
    .replace(/[\ud800-\udbff]$/, '')
}
